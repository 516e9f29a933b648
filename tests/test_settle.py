"""Fits become stages: any blocking gives the same, equal ones are fitted once, masks are looked within."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine, RecipeError
from pipeline.fits import Fit
from pipeline.grid import Grid
from pipeline.plan import Plan, fingerprint, peak_bytes, run_together
from pipeline.reasons import Reason
from pipeline.settle import settle
from pipeline.stages import Stage
from pipeline.stages.resample import Resample
from pipeline.stages.threshold import Threshold
from pipeline.stages.window import Window
from pipeline.volume import Spec, Volume
from tests.strategies import volumes


@dataclass(frozen=True)
class Minus(Stage):
    takes: ClassVar = ("image",)

    value: int

    def __call__(self, volume, piece, source):
        part = volume.crop_to(piece)
        return part.with_array(part.array - part.array.dtype.type(self.value))


@dataclass(frozen=True)
class Spread(Fit):
    """Subtracts the highest value; a second pass counts how many have it."""

    seen: ClassVar[list] = []
    within: str | None = None

    def tally(self, volume, mask, source):
        self.seen.append(volume.grid)
        return Most(int(volume.array[... if mask is None else mask.array > 0].max(initial=-32768)), 0)

    def detail(self, total, volume, mask, source):
        chosen = volume.array[... if mask is None else mask.array > 0]
        return Most(total.value, int((chosen == total.value).sum()))

    def stage(self, total, source):
        if total.value == -32768:
            raise Quarantine(Reason.EMPTY_FILE)
        return Minus(total.value + 1000 * total.n)


@dataclass(frozen=True)
class Most:
    value: int
    n: int

    def __add__(self, other):
        return Most(max(self.value, other.value), self.n + other.n)


def whole(shape=(5, 6, 7)):
    array = np.random.default_rng(0).integers(0, 400, shape, "i2")
    return Volume(array, Grid(np.diag([2.0, 1.0, 1.0, 1.0]), shape))


def made(plans, volume, block=None):
    settled, known = settle(plans, volume.crop_to, block)
    pieces = {name: plan.target.grid for name, plan in settled.items()}
    return settled, run_together(settled, volume.crop_to, pieces, known)


@settings(max_examples=30)
@given(volumes(dtypes=["i2"]), st.tuples(*[st.integers(1, 9)] * 3))
def test_any_blocking_settles_to_the_same_stages_and_bits(volume, block):
    mask = (Threshold(lower=0),)
    plans = {
        "a": Plan(volume.spec, (Resample((1.0, 1.1, 0.9)), Spread(), Minus(1))),
        "b": Plan(volume.spec, (Minus(3), Spread(), Spread())),
        "c": Plan(volume.spec, (Spread("m"),), (("m", mask),)),
    }
    try:
        at_once, images = made(plans, volume)
    except Quarantine:  # nothing within the mask
        with pytest.raises(Quarantine):
            made(plans, volume, block)
        return
    in_blocks, again = made(plans, volume, block)
    assert at_once == in_blocks
    for name in plans:
        assert images[name].array.tobytes() == again[name].array.tobytes()


def test_a_fit_sees_what_the_steps_before_it_made_and_only_within_its_mask():
    volume = whole()
    plans = {"x": Plan(volume.spec, (Minus(5), Spread("m")), (("m", (Threshold(upper=200),)),))}
    settled, images = made(plans, volume)
    low = volume.array <= 200
    most = int(volume.array[low].max()) - 5
    n = int((volume.array[low] - 5 == most).sum())
    assert settled["x"].stages == (Minus(5), Minus(most + 1000 * n))
    np.testing.assert_array_equal(images["x"].array, volume.array - 5 - most - 1000 * n)


def test_equal_fits_are_fitted_once_and_what_they_saw_is_not_made_again():
    volume = whole()
    reads = []

    def read(piece):
        reads.append(piece)
        return volume.crop_to(piece)

    plans = {
        "one": Plan(volume.spec, (Minus(1), Spread(), Minus(2))),
        "two": Plan(volume.spec, (Minus(1), Spread(), Window(0, 10))),
    }
    Spread.seen.clear()
    settled, known = settle(plans, read)
    assert len(Spread.seen) == 1
    assert list(known) == [(Minus(1),)]
    assert settled["one"].stages[:2] == settled["two"].stages[:2]
    assert len(reads) == 1


def test_what_a_fit_cannot_be_made_of_says_which():
    volume = whole()
    plan = Plan(volume.spec, (Spread("m"),), (("m", (Threshold(lower=5000),)),))
    with pytest.raises(Quarantine) as refused:
        settle({"x": plan}, volume.crop_to)
    assert refused.value.__notes__ == ["in fit 'test_settle'"]


def test_a_mask_is_a_label_map_on_the_grid_of_what_is_looked_at():
    spec = whole().spec
    finer = (Resample((1, 1, 0.5)), Threshold(lower=0))
    for masks, word in [((), "no label map"), ((("m", (Minus(1),)),), "is no label map"), ((("m", finer),), "grid")]:
        with pytest.raises(RecipeError, match=word):
            Plan(spec, (Spread("m"),), masks)


def test_a_mask_is_part_of_the_fingerprint_and_of_the_memory():
    spec = Spec(Grid(np.eye(4), (10, 10, 10)), "image", np.dtype("i2"))
    plain = {"x": Plan(spec, (Spread(),))}
    low, high = ({"x": Plan(spec, (Spread("m"),), (("m", (Threshold(lower=n),)),))} for n in (1, 2))
    assert len({fingerprint(plans, "0") for plans in (plain, low, high)}) == 3
    assert peak_bytes(low) == peak_bytes(plain) + 1000  # one byte a voxel of the mask
