"""Random volumes anywhere in space, and random pieces of them: what law L11 is stated over."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.stages import Stage
from pipeline.volume import Volume


def turned(spacing, angles=(0.0, 0.0, 0.0), flips=(1, 1, 1), origin=(0.0, 0.0, 0.0)):
    """(4, 4) affine: spacing, turned about three axes in turn, directions flipped."""
    frame = np.eye(4)
    for axis, angle in enumerate(angles):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(4)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        frame = frame @ turn
    frame[:3, :3] *= np.multiply(spacing, flips)
    frame[:3, 3] = origin
    return frame


def triples(elements):
    return st.tuples(elements, elements, elements)


grids = st.builds(
    lambda spacing, angles, flips, origin, shape, start: Grid(turned(spacing, angles, flips, origin), shape, start),
    triples(st.floats(0.3, 4)),
    triples(st.floats(-2, 2)),
    triples(st.sampled_from([-1, 1])),
    triples(st.floats(-300, 300)),
    triples(st.integers(1, 9)),
    triples(st.integers(-5, 5)),
)


@st.composite
def volumes(draw, dtypes=("int16", "uint8", "float32"), kinds=("image",)):
    grid, dtype, kind = draw(grids), draw(st.sampled_from(dtypes)), draw(st.sampled_from(kinds))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if kind == "labels":
        return Volume(rng.integers(0, 4, grid.shape).astype("u1"), grid, "labels")
    return Volume((rng.normal(80, 50, grid.shape)).clip(0, 255).astype(dtype), grid)


@st.composite
def pieces(draw, grid: Grid):
    """A piece of the grid, not empty."""
    low = [draw(st.integers(0, n - 1)) for n in grid.shape]
    return grid.crop(low, [draw(st.integers(a + 1, n)) for a, n in zip(low, grid.shape, strict=True)])


def check_any_cut_gives_the_whole(stage: Stage, volume: Volume, data, **more):
    """L11: a piece made from its reach, or from more than that, has the bits of the same crop of the whole."""
    source, target = volume.spec, stage.spec(volume.spec)
    whole = stage(volume, target.grid, source, **more)
    assert (whole.grid, whole.kind) == (target.grid, target.kind)
    piece = data.draw(pieces(target.grid))
    reach = stage.reach(piece, source)
    for read in (reach, volume.grid.clip(reach.pad(1))):
        part = stage(volume.crop_to(read), piece, source, **more)
        assert part.grid == piece
        assert part.array.dtype == whole.array.dtype
        assert part.array.tobytes() == whole.crop_to(piece).array.tobytes()
    return whole
