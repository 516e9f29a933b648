"""The geometry gate: what it measures is true, and each rule holds on both sides of its threshold."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin, tan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.archive.formats.header import Header
from pipeline.archive.gate import GEOMETRY_ERROR_MM, Gate, gate
from pipeline.reasons import Reason

SHAPE = (8, 10)


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """Columns are the directions of i, j, k."""
    x = np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])
    y = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
    z = np.array([[cos(c), -sin(c), 0], [sin(c), cos(c), 0], [0, 0, 1]])
    return z @ y @ x


def stack(
    n: int = 9,
    spacing: tuple[float, float, float] = (2.5, 0.8, 0.7),
    turn: np.ndarray | None = None,
    origin: tuple[float, float, float] = (-12.5, 20.25, 100.0),
    shape: tuple[int, int] = SHAPE,
) -> list[Header]:
    i, j, k = (np.eye(3) if turn is None else turn).T
    return [
        Header(
            format="dicom",
            modality="CT",
            patient="p",
            study="s",
            series="1.2",
            instance=f"1.2.{s}",
            frame_of_reference="f",
            shape=(1, *shape),
            bits_stored=16,
            position=tuple(map(float, np.array(origin) + k * spacing[0] * s)),  # type: ignore[arg-type]
            orientation=tuple(map(float, (*i, *j))),  # type: ignore[arg-type]
            spacing=spacing[1:],
            spacing_source="pixel",
            slice_thickness=3.0,
        )
        for s in range(n)
    ]


def moved(header: Header, by: np.ndarray | tuple[float, float, float]) -> Header:
    return replace(header, position=tuple(map(float, np.add(header.position, by))))  # type: ignore[arg-type]


def edited(headers: list[Header], at: int, **facts: object) -> list[Header]:
    return [replace(h, **facts) if s == at else h for s, h in enumerate(headers)]  # type: ignore[arg-type]


turns = st.builds(rotation, *[st.floats(-3.1, 3.1)] * 3)
lengths = st.tuples(*[st.floats(0.1, 10)] * 3)


class TestMeasures:
    @given(turns, lengths, st.integers(1, 30), st.randoms(use_true_random=False))
    def test_a_regular_stack_passes_wherever_it_lies_and_however_it_is_shuffled(self, turn, spacing, n, random) -> None:
        headers = stack(n, spacing, turn)
        shuffled = random.sample(headers, n)
        found, again = gate(headers), gate(shuffled)
        assert found.reasons == ()
        assert [shuffled[s] for s in again.measures.order] == headers
        assert replace(again.measures, order=()) == replace(found.measures, order=())
        m = found.measures
        i, j, k = turn.T
        step = spacing[0] if n > 1 else 3.0
        truth = np.eye(4)
        truth[:3] = np.stack([k * step, j * spacing[1], i * spacing[2], headers[0].position], axis=1)
        assert np.allclose(np.reshape(m.affine, (4, 4)), truth, rtol=0, atol=1e-9)
        assert m.geometry_error_mm < 1e-9
        assert (m.spacing_k_mm, m.spacing_j_mm, m.spacing_i_mm) == pytest.approx((step, *spacing[1:]))
        assert m.slice_spacing_source == ("positions" if n > 1 else "thickness")
        if n > 1:
            assert m.gap_min_mm == pytest.approx(spacing[0]) == m.gap_max_mm
            assert m.gap_sd_mm < 1e-9
            assert m.tilt_deg < 1e-5
            assert m.tilt_shift_mm < 1e-9
        assert m.n_slices == n
        assert m.n_missing_estimated == m.n_duplicate_positions == 0

    @given(turns)
    def test_obliquity_is_the_largest_angle_to_a_nearest_patient_axis(self, turn) -> None:
        cosines = np.abs(turn).max(axis=0)
        oracle = np.degrees(np.arccos(np.minimum(1, cosines))).max()
        assert gate(stack(3, turn=turn)).measures.obliquity_deg == pytest.approx(oracle, abs=1e-4)

    @given(st.lists(st.tuples(*[st.floats(-0.03, 0.03)] * 3), min_size=4, max_size=20))
    def test_the_error_is_that_of_the_least_squares_line(self, noise) -> None:
        """Oracle: numpy's polynomial fit; the worst slice is off by as much in every corner."""
        headers = [moved(h, off) for h, off in zip(stack(len(noise)), noise, strict=True)]
        ks = np.arange(len(noise))
        places = np.array([h.position for h in headers])
        line = np.stack([np.polyval(np.polyfit(ks, p, 1), ks) for p in places.T], axis=1)
        worst = np.linalg.norm(places - line, axis=1).max()
        assume(abs(worst - GEOMETRY_ERROR_MM) > 1e-7)
        found = gate(headers)
        assert found.measures.geometry_error_mm == pytest.approx(worst, abs=1e-9)
        assert (Reason.IRREGULAR_SPACING in found.reasons) == (worst >= GEOMETRY_ERROR_MM)

    def test_the_error_is_taken_in_the_corners(self) -> None:
        """One slice is turned about its first voxel: only its far corners are off."""
        a = 0.9e-4
        headers = stack(9, (2.5, 1, 1), shape=(401, 301))
        orientation = (cos(a), sin(a), 0.0, -sin(a), cos(a), 0.0)
        found = gate(edited(headers, 4, orientation=orientation))
        far = np.hypot(400, 300) * a * 8 / 9
        assert found.measures.geometry_error_mm == pytest.approx(far, rel=0.01)
        assert found.reasons == (Reason.IRREGULAR_SPACING,)

    def test_values_stand_for_refused_series_too(self) -> None:
        m = gate([*stack(9)[:4], *stack(9)[5:]]).measures
        assert (m.gap_min_mm, m.gap_max_mm, m.n_missing_estimated) == (2.5, 5.0, 1)
        assert m.geometry_error_mm > 0.5
        assert m.affine is not None


class TestRules:
    """Just inside passes, just outside is refused, for this reason and no other."""

    def judged(self, headers: list[Header], *reasons: Reason) -> Gate:
        found = gate(headers)
        assert found.reasons == reasons
        return found

    @pytest.mark.parametrize("degrees", [-30, -15, -5, 5, 15, 30])
    def test_a_gantry_tilt_is_kept_as_shear(self, degrees: float) -> None:
        """The gantry leans, the table still moves along z."""
        a = radians(degrees)
        headers = [replace(h, orientation=(1.0, 0.0, 0.0, 0.0, cos(a), -sin(a))) for h in stack(9)]
        m = self.judged(headers).measures
        assert m.tilt_deg == pytest.approx(abs(degrees), abs=1e-5)
        assert m.tilt_shift_mm == pytest.approx(2.5 * 8 * abs(sin(a)))
        assert m.geometry_error_mm < 1e-9
        assert np.array(m.affine).reshape(4, 4)[:3, 0] == pytest.approx([0.0, 0.0, 2.5])

    @pytest.mark.parametrize(("degrees", "reasons"), [(44.9, ()), (45.1, (Reason.GANTRY_TILT,))])
    def test_no_gantry_tilts_so_far(self, degrees: float, reasons: tuple[Reason, ...]) -> None:
        step = np.array([0.0, 2.5 * sin(radians(degrees)), 2.5 * cos(radians(degrees))])
        headers = [replace(h, position=tuple(map(float, step * s))) for s, h in enumerate(stack(9))]
        self.judged(headers, *reasons)

    @pytest.mark.parametrize(("spread", "reasons"), [(0.9e-4, ()), (1.1e-4, (Reason.MIXED_ORIENTATION,))])
    def test_orientation(self, spread: float, reasons: tuple[Reason, ...]) -> None:
        self.judged(edited(stack(9), 3, orientation=(1.0, spread, 0.0, -spread, 1.0, 0.0)), *reasons)

    def test_a_localizer_among_the_slices(self) -> None:
        found = gate(edited(stack(9), 3, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0)))
        assert found.reasons[0] == Reason.MIXED_ORIENTATION

    @pytest.mark.parametrize(("skew", "reasons"), [(0.9e-4, ()), (1.1e-4, (Reason.NON_ORTHOGONAL,))])
    @pytest.mark.parametrize("longer", [False, True])
    def test_row_and_column(self, skew: float, longer: bool, reasons: tuple[Reason, ...]) -> None:
        row = (1 + skew, 0.0, 0.0) if longer else (1.0, skew, 0.0)
        self.judged([replace(h, orientation=(*row, 0.0, 1.0, 0.0)) for h in stack(9)], *reasons)

    @pytest.mark.parametrize("lean", [0.0, 1e-9, 0.1])
    def test_nearly_parallel_row_and_column_are_no_orientation(self, lean: float) -> None:
        headers = [replace(h, orientation=(1.0, 0.0, 0.0, 1.0, lean, 0.0)) for h in stack(3)]
        self.judged(headers, Reason.MISSING_GEOMETRY)

    def test_images_at_one_position_have_one_order(self) -> None:
        headers = [replace(h, instance=f"1.2.{s}.{n}") for n in range(3) for s, h in enumerate(stack(4))]
        orders = []
        for files in (headers, headers[::-1]):
            found = self.judged(files, Reason.DUPLICATE_POSITION)
            orders.append([files[s].instance for s in found.measures.order])
        assert orders[0] == orders[1]

    @pytest.mark.parametrize(("apart", "twice"), [(0.0, 1), (0.9e-3, 1), (1.1e-3, 0)])
    def test_one_position_twice(self, apart: float, twice: int) -> None:
        headers = stack(9)
        headers.append(replace(moved(headers[4], (0, 0, apart)), instance="1.2.99"))
        found = gate(headers)
        assert found.measures.n_duplicate_positions == twice
        assert found.reasons == ((Reason.DUPLICATE_POSITION if twice else Reason.IRREGULAR_SPACING),)

    @given(st.integers(1, 5), turns)
    def test_slices_missing_inside_are_counted(self, gone: int, turn) -> None:
        headers = stack(20, turn=turn)
        del headers[7 : 7 + gone]
        found = gate(headers)
        assert found.reasons == (Reason.MISSING_SLICE,)
        assert found.measures.n_missing_estimated == gone

    @pytest.mark.parametrize(
        ("gap", "reason"),
        [
            (1.89, Reason.IRREGULAR_SPACING),
            (1.91, Reason.MISSING_SLICE),
            (2.09, Reason.MISSING_SLICE),
            (2.11, Reason.IRREGULAR_SPACING),
        ],
    )
    def test_a_gap_near_a_whole_multiple(self, gap: float, reason: Reason) -> None:
        headers = [moved(h, (0, 0, (gap - 1) * 2.5)) if s > 4 else h for s, h in enumerate(stack(9))]
        self.judged(headers, reason)

    def test_two_reasons_stand_side_by_side(self) -> None:
        headers = stack(9)
        self.judged([*headers[:5], headers[4], *headers[6:]], Reason.DUPLICATE_POSITION, Reason.MISSING_SLICE)

    @pytest.mark.parametrize(("spread", "reasons"), [(0.9e-5, ()), (1.1e-5, (Reason.MIXED_SPACING,))])
    def test_pixel_spacing(self, spread: float, reasons: tuple[Reason, ...]) -> None:
        found = self.judged(edited(stack(9), 2, spacing=(0.8, 0.7 + spread)), *reasons)
        assert found.measures.n_spacings == 2

    def test_size(self) -> None:
        self.judged(edited(stack(9), 2, shape=(1, 8, 12)), Reason.MIXED_SIZE)

    @pytest.mark.parametrize(
        "facts",
        [
            {"frame_of_reference": "other"},
            {"patient": "other"},
            {"study": "other"},
            {"bits_stored": 12},
            {"bits_allocated": 32},
            {"signed": True},
            {"photometric": "MONOCHROME1"},
            {"modality": "MR"},
            {"kernel": "B70f"},
            {"rescale_type": "US"},
            {"rescale_stated": False},
        ],
    )
    def test_frame_and_coding(self, facts: dict[str, object]) -> None:
        self.judged(edited(stack(9), 2, **facts), Reason.MIXED_FRAME)

    def test_a_frame_of_reference_for_every_image_says_nothing(self) -> None:
        alone = [replace(h, frame_of_reference=h.instance) for h in stack(9)]
        self.judged(alone)
        self.judged(alone[:2], Reason.MIXED_FRAME)

    @pytest.mark.parametrize("fact", ["position", "orientation", "spacing"])
    @pytest.mark.parametrize("n", [1, 9])
    def test_nothing_is_guessed(self, fact: str, n: int) -> None:
        self.judged(edited(stack(n), 0, **{fact: None}), Reason.MISSING_GEOMETRY)

    @pytest.mark.parametrize(
        "facts",
        [
            {"spacing": (0.0, 1.0)},
            {"spacing": (-1.0, 1.0)},
            {"spacing": (0.9e-6, 1.0)},
            {"spacing": (1.0, 1.1e4)},
            {"spacing": (1e200, 1e200)},
            {"position": (0.0, 0.0, float("nan"))},
            {"position": (0.0, 0.0, 1e6)},
            {"position": (1e308, -1e308, 1e308)},
            {"orientation": (2.1, 0.0, 0.0, 0.0, 2.1, 0.0)},
            {"orientation": (1e200, 0.0, 0.0, 0.0, 1e200, 0.0)},
        ],
    )
    def test_nonsense_is_no_geometry(self, facts: dict[str, object]) -> None:
        self.judged(edited(stack(9), 2, **facts), Reason.MISSING_GEOMETRY)

    @pytest.mark.parametrize("size", [1.1e-6, 0.99e4])
    def test_pixels_of_any_size_that_can_be_meant(self, size: float) -> None:
        headers = [replace(h, spacing=(size, size), shape=(1, 2, 2)) for h in stack(9)]
        self.judged(headers)

    @pytest.mark.parametrize("at", [-0.999e6, 0.999e6])
    def test_a_place_within_reason(self, at: float) -> None:
        self.judged([moved(h, (at, 0, 0)) for h in stack(9, origin=(0.0, 0.0, 0.0))])
        self.judged([moved(h, (at * 1.002, 0, 0)) for h in stack(9, origin=(0.0, 0.0, 0.0))], Reason.MISSING_GEOMETRY)

    @pytest.mark.parametrize(("long", "reason"), [(1.9, Reason.NON_ORTHOGONAL), (2.1, Reason.MISSING_GEOMETRY)])
    def test_cosines_that_are_still_measured(self, long: float, reason: Reason) -> None:
        self.judged([replace(h, orientation=(long, 0.0, 0.0, 0.0, 1.0, 0.0)) for h in stack(9)], reason)

    @pytest.mark.parametrize(("skew", "reasons"), [(0.9e-4, ()), (1.1e-4, (Reason.NON_ORTHOGONAL,))])
    def test_a_column_that_is_too_long(self, skew: float, reasons: tuple[Reason, ...]) -> None:
        self.judged([replace(h, orientation=(1.0, 0.0, 0.0, 0.0, 1 + skew, 0.0)) for h in stack(9)], *reasons)

    @pytest.mark.parametrize(("lean", "reason"), [(0.55, Reason.NON_ORTHOGONAL), (0.45, Reason.MISSING_GEOMETRY)])
    def test_how_near_to_parallel_row_and_column_may_be(self, lean: float, reason: Reason) -> None:
        other = (1 - lean**2) ** 0.5
        self.judged([replace(h, orientation=(1.0, 0.0, 0.0, other, lean, 0.0)) for h in stack(9)], reason)

    def test_far_away_but_not_beyond_reason(self) -> None:
        far = [moved(h, (9e5, -9e5, 9e5)) for h in stack(9)]
        self.judged(far)
        apart = gate(edited(stack(9, (0.002, 0.8, 0.7)), 8, position=(-12.5, 20.25, 9e5)))
        assert apart.reasons[0] == Reason.MISSING_SLICE
        assert apart.measures.n_missing_estimated == pytest.approx(899900 / 0.002, rel=1e-4)

    def test_rows_that_run_both_ways_share_no_normal(self) -> None:
        headers = [replace(h, orientation=(1.0 - 2 * (s % 2), 0.0, 0.0, 0.0, 1.0, 0.0)) for s, h in enumerate(stack(8))]
        m = self.judged(headers, Reason.MIXED_ORIENTATION).measures
        assert (m.orientation_spread, m.spacing_spread_mm, m.affine) == (2.0, 0.0, None)

    @given(st.lists(turns, min_size=2, max_size=5))
    def test_any_orientations_are_judged(self, found) -> None:
        headers = [h for n, turn in enumerate(found) for h in stack(2, turn=turn, origin=(0, 0, 9.0 * n))]
        assume(max(np.abs(turn - found[0]).max() for turn in found) > 1e-3)
        assert Reason.MIXED_ORIENTATION in gate(headers).reasons

    @pytest.mark.parametrize("source", ["imager", "nominal"])
    @pytest.mark.parametrize("n", [1, 9])
    def test_spacing_at_the_detector_is_not_that_of_the_patient(self, source: str, n: int) -> None:
        headers = [replace(h, spacing_source=source) for h in stack(n)]  # type: ignore[arg-type]
        self.judged(headers, Reason.MISSING_GEOMETRY)
        self.judged([replace(h, modality="XA") for h in headers])
        one_of_them = edited(stack(9), 4, spacing_source=source)
        self.judged(one_of_them, Reason.MISSING_GEOMETRY)

    def test_different_slopes_are_counted_and_accepted(self) -> None:
        assert self.judged(edited(stack(9), 2, slope=2.0)).measures.n_slopes == 2


class TestLoneImages:
    def test_a_slice_is_as_thick_as_it_says(self) -> None:
        m = gate(stack(1)).measures
        assert (m.spacing_k_mm, m.slice_spacing_source, m.gap_min_mm) == (3.0, "thickness", None)

    @pytest.mark.parametrize("thickness", [1.1e-6, 0.99e4])
    def test_however_thick_that_can_be_meant(self, thickness: float) -> None:
        assert gate(edited(stack(1), 0, slice_thickness=thickness)).measures.spacing_k_mm == thickness

    @pytest.mark.parametrize("thickness", [None, 0.0, -1.0, 1e-7, 0.9e-6, 1.1e4, 1e308, float("inf")])
    def test_else_it_is_1_mm_and_says_so(self, thickness: float | None) -> None:
        m = gate(edited(stack(1), 0, slice_thickness=thickness)).measures
        assert (m.spacing_k_mm, m.slice_spacing_source) == (1.0, "none")

    @pytest.mark.parametrize(
        ("spacing", "source", "expected"),
        [((0.2, 0.1), "imager", (0.2, 0.1)), (None, "", (1.0, 1.0)), ((1e200, 0.1), "imager", (1.0, 1.0))],
    )
    def test_an_xray_stands_nowhere(self, spacing, source, expected) -> None:
        facts = {"modality": "DX", "position": None, "orientation": None, "spacing": spacing, "spacing_source": source}
        found = gate(edited(stack(1), 0, **facts))
        assert found.reasons == ()
        m = found.measures
        assert (m.spacing_j_mm, m.spacing_i_mm) == expected
        assert m.spacing_source == ("none" if expected == (1.0, 1.0) else source)
        assert not m.anatomical
        assert np.array_equal(
            np.reshape(m.affine, (4, 4))[:3, :3], [[0, 0, expected[1]], [0, expected[0], 0], [1, 0, 0]]
        )

    def test_two_of_them_make_no_stack(self) -> None:
        facts = {"modality": "MG", "position": None, "orientation": None}
        assert gate([replace(h, **facts) for h in stack(2)]).reasons == (Reason.MISSING_GEOMETRY,)  # type: ignore[arg-type]


class TestStatedAffines:
    def header(self, frame: np.ndarray, n: int = 9) -> Header:
        return Header(format="nifti", shape=(n, *SHAPE), affine=tuple(map(float, np.ravel(frame))))

    @given(turns, lengths, st.sampled_from([-1, 1]))
    def test_what_the_file_says_is_kept_to_the_bit(self, turn, spacing, side) -> None:
        frame = np.eye(4)
        frame[:3] = np.stack([*(d * s for d, s in zip(turn.T[::-1] * side, spacing, strict=True)), [5, 6, 7]], axis=1)
        found = gate([self.header(frame)])
        assert found.reasons == ()
        assert np.array_equal(np.reshape(found.measures.affine, (4, 4)), frame)
        m = found.measures
        assert (m.n_slices, m.spacing_source, m.geometry_error_mm) == (9, "affine", 0.0)
        assert m.gap_min_mm == pytest.approx(spacing[0])

    @pytest.mark.parametrize(("degrees", "reasons"), [(44.9, ()), (45.1, (Reason.GANTRY_TILT,))])
    def test_shear_along_the_stack(self, degrees: float, reasons: tuple[Reason, ...]) -> None:
        frame = np.diag([2.5, 0.8, 0.7, 1.0])[[2, 1, 0, 3]]
        frame[0, 0] = 2.5 * tan(radians(degrees))
        assert gate([self.header(frame)]).reasons == reasons

    @pytest.mark.parametrize(("skew", "reasons"), [(0.9e-4, ()), (1.1e-4, (Reason.NON_ORTHOGONAL,))])
    def test_shear_in_the_plane(self, skew: float, reasons: tuple[Reason, ...]) -> None:
        frame = np.diag([2.5, 0.8, 0.7, 1.0])[[2, 1, 0, 3]]
        frame[1, 2] = skew * 0.7
        assert gate([self.header(frame)]).reasons == reasons

    @pytest.mark.parametrize("fill", [0.0, float("nan"), 1.0])
    def test_a_frame_that_spans_no_space(self, fill: float) -> None:
        frame = np.diag([2.5, 0.8, 0.7, 1.0])
        frame[:, 0] = fill
        frame[:, 1] = fill
        assert gate([self.header(frame)]).reasons == (Reason.MISSING_GEOMETRY,)

    @pytest.mark.parametrize(("at", "value"), [((0, 3), 1e6), ((0, 3), float("nan")), ((0, 0), 1.1e4), ((0, 0), 9e-7)])
    def test_a_frame_beyond_reason(self, at: tuple[int, int], value: float) -> None:
        frame = np.diag([2.5, 0.8, 0.7, 1.0])
        frame[at] = value
        assert gate([self.header(frame)]).reasons == (Reason.MISSING_GEOMETRY,)

    @pytest.mark.parametrize(("flat", "spans"), [(1.1e-6, True), (0.9e-6, False)])
    def test_how_flat_a_frame_may_be(self, flat: float, spans: bool) -> None:
        frame = np.eye(4)
        frame[:3, 0] = (0.0, 1.0, flat)
        frame[:3, 1] = (0.0, 1.0, 0.0)
        frame[:3, 2] = (1.0, 0.0, 0.0)
        assert (gate([self.header(frame)]).reasons != (Reason.MISSING_GEOMETRY,)) is spans
