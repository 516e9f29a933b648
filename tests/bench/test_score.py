"""The judge is right: it finds the error that was put in, whatever the conventions of who made the volume."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bench.score import Answer, Made, Said, Verdict, score
from pipeline.bench.truth import Place, Slice

N, ROWS, COLUMNS = 5, 4, 6
STEP, DOWN, RIGHT = np.array([0.1, 0.2, 2.5]), np.array([0.0, 0.8, 0.1]), np.array([0.7, 0.0, 0.0])
ORIGIN = np.array([-3.0, 4.0, 5.0])

PIXELS = np.random.default_rng(0).integers(-1000, 1000, (N, ROWS, COLUMNS)).astype(np.int32)
AFFINE = np.vstack([np.stack([STEP, DOWN, RIGHT, ORIGIN], axis=1), [0, 0, 0, 1]])
SLICES = [Slice(f"{k}", b"", PIXELS[k], Place(ORIGIN + k * STEP, DOWN, RIGHT)) for k in range(N)]
TRUE = Made(PIXELS, AFFINE)

axes = st.sampled_from(list(permutations(range(3))))
flips = st.tuples(*[st.booleans()] * 3)


def moved(made: Made, by: np.ndarray) -> Made:
    shift = np.zeros((4, 4))
    shift[:3, 3] = by
    return Made(made.array, made.affine + shift)


def told(made: Made, order: tuple[int, ...], flipped: tuple[bool, ...]) -> Made:
    """The same voxels at the same places, by other conventions."""
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for new, old in enumerate(order):
        change[old, new] = -1 if flipped[new] else 1
        change[old, 3] = made.array.shape[old] - 1 if flipped[new] else 0
    array = made.array.transpose(order)[tuple(slice(None, None, -1 if f else 1) for f in flipped)]
    return Made(array, made.affine @ change)


@given(axes, flips, st.tuples(*[st.floats(-50, 50)] * 3))
def test_a_shift_is_found_whatever_the_order_of_axes(order, flipped, by) -> None:
    distance = float(np.linalg.norm(by))
    found = score(Answer((told(moved(TRUE, np.array(by)), order, flipped),)), SLICES)
    assert found.error_mm == pytest.approx(distance, abs=1e-9)
    if abs(distance - 0.01) > 1e-9:
        assert found.verdict is (Verdict.WRONG if distance > 0.01 else Verdict.RIGHT)
        assert found.placed == (N if distance < 0.01 else 0)
    assert (found.wanted, found.unknown, found.volumes) == (N, 0, 1)


@given(axes, flips, st.floats(0.001, 0.1))
def test_the_error_is_that_of_the_worst_corner(order, flipped, lean) -> None:
    """A shear of the last slice alone, worst in the corner farthest from its first voxel."""
    wrong = AFFINE.copy()
    wrong[:3, 1] += (lean, 0, 0)
    found = score(Answer((told(Made(PIXELS, wrong), order, flipped),)), SLICES)
    assert found.error_mm == pytest.approx(lean * (ROWS - 1))


@pytest.mark.parametrize(("by", "verdict"), [(0.0099, Verdict.RIGHT), (0.0101, Verdict.WRONG)])
def test_both_sides_of_the_threshold(by: float, verdict: Verdict) -> None:
    assert score(Answer((moved(TRUE, np.array([0, 0, by])),)), SLICES).verdict is verdict


def test_pixels_of_any_type_are_known() -> None:
    for dtype in ("i2", "f4", "f8"):
        assert score(Answer((Made(PIXELS.astype(dtype), AFFINE),)), SLICES).verdict is Verdict.RIGHT


@pytest.mark.parametrize(
    ("said", "verdict"),
    [(Said.NOTHING, Verdict.LOST), (Said.TEXT, Verdict.PARTIAL), (Said.REASON, Verdict.PARTIAL)],
)
def test_what_is_left_out_must_be_said(said: Said, verdict: Verdict) -> None:
    part = Made(PIXELS[:3], AFFINE)
    found = score(Answer((part,), said, "a word"), SLICES)
    assert (found.verdict, found.placed, found.words) == (verdict, 3, "a word")


@pytest.mark.parametrize("said", Said)
def test_no_volume_at_all(said: Said) -> None:
    found = score(Answer(said=said), SLICES)
    assert found.verdict is (Verdict.LOST if said is Said.NOTHING else Verdict.REFUSED)
    assert found.error_mm is None


def test_saying_so_makes_nothing_right_that_is_wrong() -> None:
    assert score(Answer((moved(TRUE, STEP),), Said.TEXT, "careful"), SLICES).verdict is Verdict.WRONG


def test_several_volumes_make_one_whole_and_one_wrong_one_spoils_it() -> None:
    head, tail = Made(PIXELS[:2], AFFINE), moved(Made(PIXELS[2:], AFFINE), 2 * STEP)
    assert score(Answer((head, tail)), SLICES).verdict is Verdict.RIGHT
    spoilt = score(Answer((head, Made(PIXELS[2:], AFFINE))), SLICES)
    assert (spoilt.verdict, spoilt.wrong, spoilt.volumes) == (Verdict.WRONG, 1, 2)
    assert spoilt.error_mm == pytest.approx(2 * np.linalg.norm(STEP))


def test_voxels_of_no_slice_are_counted_and_alone_they_are_wrong() -> None:
    blended = Made((PIXELS[1:] + PIXELS[:-1]) // 2, AFFINE)
    alone = score(Answer((blended,), Said.TEXT), SLICES)
    assert (alone.verdict, alone.error_mm, alone.unknown) == (Verdict.WRONG, None, N - 1)
    beside = score(Answer((TRUE, blended)), SLICES)
    assert (beside.verdict, beside.wrong, beside.volumes, beside.unknown) == (Verdict.RIGHT, 0, 2, N - 1)


def test_what_is_not_wanted_may_be_missing_but_not_be_wrong() -> None:
    slices = [*SLICES[:4], replace(SLICES[4], wanted=False)]
    assert score(Answer((Made(PIXELS[:4], AFFINE),)), slices).verdict is Verdict.RIGHT
    assert score(Answer((moved(TRUE, STEP),)), slices).verdict is Verdict.WRONG


def test_a_slice_that_was_damaged_can_only_be_spoken_of() -> None:
    slices = [*SLICES[:4], replace(SLICES[4], whole=False)]
    assert score(Answer((Made(PIXELS[:4], AFFINE),)), slices).verdict is Verdict.LOST
    assert score(Answer((Made(PIXELS[:4], AFFINE),), Said.TEXT), slices).verdict is Verdict.PARTIAL
    assert score(Answer((TRUE,)), slices).verdict is Verdict.LOST


def test_of_a_copy_one_is_enough() -> None:
    assert score(Answer((TRUE,)), [*SLICES, SLICES[2]]).verdict is Verdict.RIGHT


def test_which_verdicts_deceive_nobody() -> None:
    assert [v for v in Verdict if not v.good] == [Verdict.LOST, Verdict.WRONG]


def test_every_face_of_a_slice_is_another_one() -> None:
    """Else the tests above could not see a wrong flip."""
    faces = {
        (t, f, g): (PIXELS[0].T if t else PIXELS[0])[:: -1 if f else 1, :: -1 if g else 1].tobytes()
        for t, f, g in product((False, True), repeat=3)
    }
    assert len(set(faces.values())) == 8
