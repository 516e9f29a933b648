"""One series, several volumes: what is split, what stays together, what is refused; never by the order of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import cos, radians, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.formats.header import Facets, Frame, Header
from pipeline.archive.index import File
from pipeline.archive.lattice import levels
from pipeline.archive.runs import runs
from pipeline.archive.slices import Slice, slices
from pipeline.archive.stacks import Irregular, Stack, stacks
from pipeline.reasons import Reason

GAP = 2.5
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def image(k: float, *, name: str = "", facets: dict[str, Any] | None = None, **facts: Any) -> Slice:
    """An image ``k`` slice distances up."""
    name = name or f"{k}/{facets}"
    known: dict[str, Any] = {
        "format": "dicom",
        "modality": "MR",
        "patient": "p",
        "study": "s",
        "series": "1.2",
        "instance": name,
        "frame_of_reference": "f",
        "shape": (1, 8, 9),
        "bits_stored": 16,
        "position": (0.0, 0.0, GAP * k),
        "orientation": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        "spacing": (0.8, 0.7),
        "spacing_source": "pixel",
        "slice_thickness": GAP,
        "facets": Facets(**facets or {}),
    }
    header = Header(**known | facts)
    return Slice(File(name, name.encode(), 1, 2, header=header), 0, header)


def volume(n: int = 6, first: float = 0, **facts: Any) -> list[Slice]:
    return [image(first + k, **facts) for k in range(n)]


def told(found: Sequence[Stack]) -> Counter[tuple[int, tuple[Reason, ...], Reason | None]]:
    """How many images each stack has, why it is refused, why it is partial."""
    return Counter((len(one.slices), one.judged.reasons, one.partial) for one in found)


def whole(*sizes: int) -> Counter[tuple[int, tuple[Reason, ...], Reason | None]]:
    return Counter((size, (), None) for size in sizes)


def shuffled(images: Sequence[Slice], seed: int = 0) -> list[Slice]:
    return [images[n] for n in np.random.default_rng(seed).permutation(len(images))]


def test_a_plain_series_is_one_stack_in_the_order_of_its_places() -> None:
    (found,) = stacks(shuffled(volume()))
    assert found.judged.reasons == ()
    assert [s.header.position[2] for s in found.slices if s.header.position] == [GAP * k for k in range(6)]


class TestContent:
    @pytest.mark.parametrize(
        "facets",
        [
            [{"echo_ms": 2.3}, {"echo_ms": 4.6}],
            [{"echo": 1}, {"echo": 2}, {"echo": 3}],
            [
                {"b_value": 0.0},
                {"b_value": 1000.0, "gradient": (1.0, 0.0, 0.0)},
                {"b_value": 1000.0, "gradient": (0.0, 1.0, 0.0)},
            ],
            [{"temporal_position": n} for n in range(5)],
            [{"component": "M"}, {"component": "P"}],
            [{"inversion_ms": 100.0}, {"inversion_ms": 900.0}],
            [{"trigger_ms": 30.0 * n} for n in range(4)],
            [{"acquisition": 2}, {"acquisition": 7}],
            [{"energy_kev": 70.0}, {"energy_kev": 140.0}],
            [{"stack": "1"}, {"stack": "2"}],
        ],
        ids=lambda facets: ",".join(facets[-1]),
    )
    def test_every_facet_tells_images_at_one_place_apart(self, facets: list[dict[str, Any]]) -> None:
        found = stacks(shuffled([s for each in facets for s in volume(facets=each)]))
        assert told(found) == whole(*[6] * len(facets))
        assert {one.facets for one in found} == {Facets(**each) for each in facets}

    def test_two_facets_at_once(self) -> None:
        grid = [{"echo_ms": e, "temporal_position": t} for e in (1.0, 2.0) for t in (1, 2, 3)]
        assert told(stacks([s for each in grid for s in volume(facets=each)])) == whole(*[6] * 6)

    def test_volumes_between_one_another_are_never_taken_for_one(self) -> None:
        """Two echoes, the second half a gap higher: together they are a regular stack of half the gap."""
        found = stacks(volume(facets={"echo_ms": 1.0}) + volume(first=0.5, facets={"echo_ms": 2.0}))
        assert told(found) == whole(6, 6)

    def test_phases_of_a_ct_between_one_another(self) -> None:
        images = volume(modality="CT", facets={"acquisition": 1}) + volume(
            modality="CT", first=0.5, facets={"acquisition": 2}
        )
        assert told(stacks(images)) == whole(6, 6)

    @pytest.mark.parametrize("modality", ["CT", "MR"])
    def test_what_differs_from_slice_to_slice_splits_nothing(self, modality: str) -> None:
        """A scan in steps numbers them, an interleaved one numbers its packages; times differ everywhere."""
        steps = [
            image(k, modality=modality, facets={"acquisition": k // 2, "acquired_s": 9.0 * k, "number": k})
            for k in range(8)
        ]
        assert told(stacks(steps)) == whole(8)

    def test_packages_of_an_interleaved_mr_stay_one(self) -> None:
        assert told(stacks([image(k, facets={"acquisition": k % 2}) for k in range(8)])) == whole(8)

    def test_slabs_one_behind_the_other_stay_one(self) -> None:
        images = volume(4, facets={"stack": "1"}) + volume(4, first=4, facets={"stack": "2"})
        assert told(stacks(images)) == whole(8)

    def test_slabs_apart_are_two(self) -> None:
        images = volume(4, facets={"stack": "1"}) + volume(4, first=9.3, facets={"stack": "2"})
        assert told(stacks(images)) == whole(4, 4)

    @pytest.mark.parametrize("by_volume", [True, False])
    def test_where_nothing_else_tells_them_apart_the_numbers_do(self, by_volume: bool) -> None:
        """Volume after volume, or place after place."""
        images = [
            image(k, name=f"{k} {t}", facets={"number": 10 * t + k if by_volume else 3 * k + t})
            for k in range(6)
            for t in range(3)
        ]
        found = stacks(shuffled(images))
        assert told(found) == whole(6, 6, 6)
        for one in found:
            assert len({int(s.header.instance.split()[1]) for s in one.slices}) == 1

    def test_numbers_without_an_order_tell_nothing(self) -> None:
        numbers = np.random.default_rng(3).permutation(12)
        images = [image(k % 6, name=str(k), facets={"number": int(n)}) for k, n in enumerate(numbers)]
        assert told(stacks(images)) == Counter({(12, (Reason.DUPLICATE_POSITION,), None): 1})

    def test_a_scan_that_was_stopped_keeps_its_whole_volumes(self) -> None:
        images = [image(k, facets={"number": 6 * t + k}) for t in range(3) for k in range(6)][:-2]
        assert told(stacks(images)) == whole(6, 6, 4)

    @pytest.mark.parametrize(
        ("first", "second", "partial"),
        [
            ({"echo_ms": 1.0}, {"echo_ms": 2.0}, Reason.MISSING_SLICE),
            ({"component": "M"}, {"component": "P"}, Reason.MISSING_SLICE),
            ({"temporal_position": 1}, {"temporal_position": 2}, None),
            ({"acquisition": 1}, {"acquisition": 2}, None),
        ],
    )
    def test_an_echo_without_its_last_slices_is_a_part(
        self, first: dict[str, Any], second: dict[str, Any], partial: Reason | None
    ) -> None:
        """Another scan may be shorter; another echo of one cannot."""
        found = stacks(volume(facets=first) + volume(4, facets=second))
        assert told(found) == whole(6) + Counter({(4, (), partial): 1})

    def test_one_image_twice_is_not_a_volume_of_its_own(self) -> None:
        images = [*(image(k, facets={"number": k}) for k in range(6)), image(3, name="again", facets={"number": 6})]
        assert told(stacks(images)) == Counter({(7, (Reason.DUPLICATE_POSITION,), None): 1})

    def test_a_stray_of_another_echo_is_set_aside(self) -> None:
        images = [*volume(facets={"echo_ms": 1.0}), image(3, facets={"echo_ms": 2.0})]
        assert told(stacks(images)) == whole(6) + Counter({(1, (Reason.DUPLICATE_POSITION,), None): 1})

    def test_a_cine_of_one_slice(self) -> None:
        images = [image(0, facets={"trigger_ms": 40.0 * n}) for n in range(10)]
        assert told(stacks(images)) == whole(*[1] * 10)


class TestGeometry:
    def test_a_localizer_without_a_word(self) -> None:
        found = stacks([*volume(), image(2, orientation=CORONAL)])
        assert told(found) == whole(6) + Counter({(1, (Reason.MIXED_ORIENTATION,), None): 1})

    def test_two_orientations_are_two_volumes(self) -> None:
        coronal = [image(0, name=f"c{k}", orientation=CORONAL, position=(0.0, GAP * k, 0.0)) for k in range(4)]
        assert told(stacks(shuffled([*volume(), *coronal]))) == whole(6, 4)

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            ({"spacing": (0.8, 0.8)}, Reason.MIXED_SPACING),
            ({"shape": (1, 8, 8)}, Reason.MIXED_SIZE),
            ({"kernel": "B30f"}, Reason.MIXED_FRAME),
            ({"frame_of_reference": "g"}, Reason.MIXED_FRAME),
        ],
    )
    def test_halves_of_one_acquisition_are_never_merged(self, facts: dict[str, Any], reason: Reason) -> None:
        """In one frame, each is known to be a half where neither has an image at a place of the other's."""
        partial = None if "frame_of_reference" in facts else reason
        found = stacks(volume(5) + volume(5, first=5, **facts))
        assert told(found) == Counter({(5, (), partial): 2})
        few = stacks(volume(5) + volume(2, first=5, **facts))
        assert told(few) == Counter({(5, (), partial): 1, (2, (reason,), None): 1})

    def test_halves_whose_images_are_all_of_a_frame_of_their_own_are_halves(self) -> None:
        images = [image(k, kernel="ab"[k > 4], frame_of_reference=f"f{k}") for k in range(10)]
        assert told(stacks(images)) == Counter({(5, (), Reason.MIXED_FRAME): 2})

    def test_two_reconstructions_at_the_same_places_are_whole(self) -> None:
        found = stacks(volume(kernel="B30f", name="") + [image(k, name=f"s{k}", kernel="B70f") for k in range(6)])
        assert told(found) == whole(6, 6)

    def test_two_patients_are_a_mistake(self) -> None:
        found = stacks(volume(5) + volume(5, first=5, patient="q"))
        assert told(found) == Counter({(10, (Reason.MIXED_FRAME,), None): 1})

    def test_an_image_without_a_place(self) -> None:
        found = stacks([*volume(), image(6, position=None)])
        assert told(found) == Counter({(6, (), Reason.MISSING_GEOMETRY): 1, (1, (Reason.MISSING_GEOMETRY,), None): 1})

    def test_x_ray_views_are_images_of_their_own(self) -> None:
        views = [
            image(0, name=n, modality="DX", position=None, orientation=None, shape=(1, 8, w))
            for n, w in (("pa", 9), ("lat", 7))
        ]
        assert told(stacks(views)) == whole(1, 1)

    @pytest.mark.parametrize("n", [1, 2])
    def test_x_ray_views_beside_a_tomosynthesis(self, n: int) -> None:
        views = [image(0, name=f"v{k}", modality="MG", position=None, orientation=None) for k in range(n)]
        assert told(stacks([*views, *volume(modality="MG")])) == whole(*[1] * n, 6)

    @given(st.floats(-30, 30).filter(lambda d: abs(d) > 1e-3))
    def test_a_tilted_gantry_is_a_stack(self, degrees: float) -> None:
        a = radians(degrees)
        (found,) = stacks(volume(orientation=(1.0, 0.0, 0.0, 0.0, cos(a), -sin(a))))
        assert found.judged.reasons == ()

    def test_many_orientations_are_refused_as_one_and_soon(self) -> None:
        """Thousands of frames of one small file, each of its own: comparing all with all would take an hour."""

        def turned(n: int) -> tuple[float, float, float, float, float, float]:
            a = 0.0004 * n
            return (1.0, 0.0, 0.0, 0.0, cos(a), sin(a))

        found = stacks([image(0, name=str(n), orientation=turned(n)) for n in range(3000)])
        assert told(found) == Counter({(3000, (Reason.MIXED_ORIENTATION, Reason.DUPLICATE_POSITION), None): 1})
        few = stacks([image(0, name=str(n), orientation=turned(n)) for n in range(200)])
        assert told(few) == Counter({(1, (Reason.MIXED_ORIENTATION,), None): 200})


class TestRuns:
    @pytest.mark.parametrize(
        ("gone", "sizes", "left"),
        [([4], (4, 5), 0), ([4, 6], (4, 3), 1), ([3, 5], (3, 4), 1), ([2, 4, 6, 8], (), 6), ([0, 9], (8,), 0)],
    )
    def test_missing_slices(self, gone: list[int], sizes: tuple[int, ...], left: int) -> None:
        images = [s for k, s in enumerate(volume(10)) if k not in gone]
        found = stacks(images)
        ends_only = gone == [0, 9]
        if not sizes:  # every second one of a part
            assert sum(len(one.slices) for one in found) == len(images)
            return
        partial = None if ends_only else Reason.MISSING_SLICE
        expected = Counter((n, (), partial) for n in sizes)
        assert {key: n for key, n in told(found).items() if not key[1]} == expected
        assert sum(len(one.slices) for one in found if one.judged.reasons) == left

    def test_two_regimes(self) -> None:
        """The slice between belongs to the first."""
        images = volume(5) + [image(4 + 2 * k) for k in range(1, 5)]
        expected = {(5, (), Reason.IRREGULAR_SPACING): 1, (4, (), Reason.IRREGULAR_SPACING): 1}
        assert told(stacks(images)) == Counter(expected)

    @pytest.mark.parametrize(("off", "one"), [(0.0098, True), (0.0102, True), (0.06, False)])
    def test_a_slice_beside_its_place(self, off: float, one: bool) -> None:
        images = [image(k, position=(0.0, 0.0, GAP * k + off * (k == 4))) for k in range(9)]
        found = stacks(images)
        if one:
            assert told(found) == whole(9)
        else:
            assert told(found) == Counter(
                {(4, (), Reason.IRREGULAR_SPACING): 2, (1, (Reason.IRREGULAR_SPACING,), None): 1}
            )

    def test_refused_where_asked(self) -> None:
        images = [s for k, s in enumerate(volume(10)) if k != 4]
        assert told(stacks(images, "refuse")) == Counter({(9, (Reason.MISSING_SLICE,), None): 1})

    @settings(max_examples=60)
    @given(
        st.lists(st.sampled_from([0.5, 2.5, 2.5, 2.5, 2.505, 2.52, 5.0]), min_size=2, max_size=14),
        st.sampled_from(["split", "refuse"]),
        st.integers(0, 5),
    )
    def test_every_image_once_and_no_place_wrong(self, gaps: list[float], irregular: Irregular, seed: int) -> None:
        """Law L5, whatever the gaps; and the order of the files counts for nothing."""
        at = [0.0, *np.cumsum(gaps)]
        images = [image(k, name=str(k), position=(0.0, 0.0, float(z))) for k, z in enumerate(at)]
        found = stacks(images, irregular)
        assert sorted(s.header.instance for one in found for s in one.slices) == sorted(
            s.header.instance for s in images
        )
        for one in found:
            if not one.judged.reasons:
                affine = np.array(one.judged.measures.affine).reshape(4, 4)
                for k, s in enumerate(one.slices):
                    assert np.abs(affine[:3] @ (k, 0, 0, 1) - np.array(s.header.position)).max() < 0.01
        again = stacks(shuffled(images, seed), irregular)
        assert told(again) == told(found)


@pytest.mark.parametrize(("apart", "levels_"), [(0.0098, 1), (0.0102, 2)])
def test_what_lies_at_one_place(apart: float, levels_: int) -> None:
    assert len(levels((5.0, 5.0 + apart, 7.5))) == levels_ + 1


def test_slices_of_a_micrometre_are_slices() -> None:
    (found,) = stacks([image(k, position=(0.0, 0.0, 0.004 * k), spacing=(0.004, 0.004)) for k in range(20)])
    assert (len(found.slices), found.judged.reasons) == (20, ())


@pytest.mark.parametrize(("n", "found"), [(2, []), (3, [(0, 3)])])
def test_the_shortest_run(n: int, found: list[tuple[int, int]]) -> None:
    assert runs([s.header for s in volume(n)]) == found


class TestFrames:
    def multiframe(self, frames: Sequence[Frame]) -> list[Slice]:
        header = replace(image(0).header, shape=(len(frames), 8, 9), frames=tuple(frames), position=None)
        return slices([File("one", b"one", 1, 2, header=header)])

    def frame(self, k: float, **facts: Any) -> Frame:
        known: dict[str, Any] = {
            "position": (0.0, 0.0, GAP * k),
            "orientation": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            "spacing": (0.8, 0.7),
        }
        return Frame(**known | facts)

    def test_frames_out_of_order_are_sorted_by_their_places(self) -> None:
        (found,) = stacks(self.multiframe([self.frame(k) for k in (3, 0, 2, 1)]))
        assert [s.part for s in found.slices] == [1, 3, 2, 0]
        assert found.judged.reasons == ()

    def test_several_volumes_of_one_file(self) -> None:
        frames = [self.frame(k, slope=1.0 + t, facets=Facets(temporal_position=t)) for k in range(4) for t in range(2)]
        found = stacks(self.multiframe(frames))
        assert [[s.part for s in one.slices] for one in found] == [[0, 2, 4, 6], [1, 3, 5, 7]]
        assert [one.slices[0].header.slope for one in found] == [1.0, 2.0]

    def test_a_localizer_frame_is_skipped(self) -> None:
        frames = [*(self.frame(k) for k in range(4)), self.frame(1, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))]
        assert told(stacks(self.multiframe(frames))) == whole(4) + Counter({(1, (Reason.LOCALIZER,), None): 1})
