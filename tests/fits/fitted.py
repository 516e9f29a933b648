"""What the tests of fits share: a volume, a mask, and the stage that a fit becomes of them."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.settle import settle
from pipeline.stages import Stage
from pipeline.stages.threshold import Threshold
from pipeline.volume import Spec, Volume

MASK = Threshold(lower=60)
DTYPES = ("i2", "u2", "u1", "f4", "f2")


@dataclass(frozen=True)
class Checkered(Stage):
    """A mask that knows nothing of intensities: every third voxel, counted along a line."""

    def spec(self, source):
        return Spec(source.grid, "labels", np.dtype("u1"))

    def __call__(self, volume, piece, source):
        chosen = (np.arange(piece.start[2], piece.stop[2]) - source.grid.start[2]) % 3 == 1
        return Volume(np.broadcast_to(chosen, piece.shape).astype("u1"), piece, "labels")


def volume(dtype="i2", shape=(9, 11, 13), seed=0):
    """A bright ball in a dark room."""
    rng = np.random.default_rng(seed)
    k, j, i = (2 * n / (s - 1) - 1 for n, s in zip(np.indices(shape), shape, strict=True))
    ball = k * k + j * j + i * i < 0.7
    array = np.where(ball, rng.normal(150, 20, shape), rng.normal(12, 4, shape)).clip(0, 255)
    return Volume(array.astype(dtype), Grid(np.diag([3.0, 1.0, 1.2, 1.0]), shape))


def line(values, dtype="f4"):
    """One line of voxels."""
    array = np.asarray(values, dtype).reshape(1, 1, -1)
    return Volume(array, Grid(np.eye(4), array.shape))


def becomes(fit, image, block=None, mask=MASK):
    """The stage, as the engine finds it: with ``within='m'`` in the mask."""
    plan = Plan(image.spec, (fit,), (("m", (mask,)),) if fit.within else ())
    (stage,) = settle({"": plan}, image.crop_to, block)[0][""].stages
    return stage


def made(stage, image):
    """The whole image through a stage."""
    return stage(image, stage.spec(image.spec).grid, image.spec).array


def inside(image):
    """The voxels that ``becomes`` looks at within its mask, in float64."""
    return image.array[image.array >= MASK.lower].astype("f8")


def check_any_cut_gives_the_stage(fit, data):
    """L11 of a fit: blocks of any size make the stage of the whole, bit for bit."""
    image = volume(data.draw(st.sampled_from(DTYPES)), seed=data.draw(st.integers(0, 9)))
    block = data.draw(st.tuples(*[st.integers(2, 14)] * 3))
    whole = becomes(fit, image)
    assert becomes(fit, image, block) == whole
    assert whole.spec(image.spec) == fit.spec(image.spec)
    assert made(whole, image).dtype == fit.spec(image.spec).dtype
    return whole
