"""Random grids, volumes and cuts for the laws."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.grid import Grid
from pipeline.volume import Kind, Volume

lengths = st.integers(1, 14)
spacings = st.tuples(*[st.sampled_from([0.4, 0.7, 0.9765625, 1.0, 1.3, 2.5, 5.0])] * 3)


@st.composite
def frames(draw: DrawFn, oblique: bool = True) -> np.ndarray:
    """A 4 x 4 frame: a proper or improper rotation times a spacing, anywhere within two metres."""
    angles = draw(st.tuples(*[st.floats(-3, 3)] * 3)) if oblique else (0.0, 0.0, 0.0)
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        p, q = [n for n in range(3) if n != axis]
        turn[[p, p, q, q], [p, q, p, q]] = c, -s, s, c
        rotation = rotation @ turn
    flips = np.diag(draw(st.tuples(*[st.sampled_from([1.0, -1.0])] * 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation @ flips @ np.diag(draw(spacings))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-1000, 1000)] * 3))
    return affine


@st.composite
def grids(draw: DrawFn) -> Grid:
    return Grid(draw(frames()), draw(st.tuples(lengths, lengths, lengths)))


@st.composite
def cuts(draw: DrawFn, grid: Grid) -> Grid:
    """A non-empty box inside a grid."""
    ends = []
    for n in grid.shape:
        a = draw(st.integers(0, n - 1))
        ends.append((a, draw(st.integers(a + 1, n))))
    return grid.crop([a for a, _ in ends], [b for _, b in ends])


@st.composite
def volumes(draw: DrawFn, kind: Kind = "image", dtypes: Sequence[str] = ("i2", "u2", "u1", "f4", "f2")) -> Volume:
    """Noise on a random grid; labels are 0, 1, 2 in blobs of chance."""
    grid = draw(grids())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if kind == "labels":
        return Volume(rng.integers(0, 3, grid.shape).astype("u1"), grid, "labels")
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    low = 0 if dtype.kind == "u" else -1200
    return Volume(rng.uniform(low, 250 if dtype.itemsize == 1 else 2000, grid.shape).astype(dtype), grid)
