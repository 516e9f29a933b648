"""Pad: the same voxels amid fill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.regrid import regrid
from pipeline.stages.pad import Pad
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, volumes


@given(
    volumes(kinds=("image", "labels")),
    triples(st.floats(0, 3)),
    triples(st.integers(1, 12)),
    triples(st.integers(1, 8)),
    st.data(),
)
@settings(max_examples=50)
def test_any_cut_gives_the_whole_and_the_voxels_return(volume, margin, least, multiple, data):
    whole = check_any_cut_gives_the_whole(Pad(margin, least, multiple, fill=-3), volume, data)
    assert all(n % m == 0 and n >= few for n, m, few in zip(whole.grid.shape, multiple, least, strict=True))
    for a, b, mm, s in zip(whole.grid.start, volume.grid.start, margin, volume.grid.spacing, strict=True):
        assert (b - a) * s >= mm - 1e-5
    assert whole.crop_to(volume.grid).array.tobytes() == volume.array.tobytes()
    assert regrid(whole, volume.grid).array.tobytes() == volume.array.tobytes()
    assert (
        np.count_nonzero(whole.array != (0 if volume.kind == "labels" or volume.array.dtype == "u1" else -3))
        <= volume.grid.size
    )


@pytest.mark.parametrize(
    ("kind", "dtype", "fill", "expected"),
    [
        ("image", "int16", None, -1024),
        ("image", "uint16", None, 0),
        ("image", "float16", 0.5, 0.5),
        ("image", "int16", 7.4, 7),
        ("labels", "uint8", 9, 0),
    ],
)
def test_half_before_half_behind_and_the_odd_one_behind(kind, dtype, fill, expected):
    volume = Volume(np.ones((2, 3, 4), dtype), Grid(np.eye(4), (2, 3, 4)), kind)
    stage = Pad(at_least=(2, 6, 3), multiple=(1, 1, 8), fill=fill)
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    assert made.array.shape == (2, 6, 8)
    assert np.array_equal(made.array, np.pad(volume.array, ((0, 0), (1, 2), (2, 2)), constant_values=expected))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "needs"),
        ({"margin_mm": (0, -1, 0)}, "margin_mm"),
        ({"at_least": (0, 1, 1)}, "at_least"),
        ({"multiple": (1, 1, 0)}, "multiple"),
        ({"multiple": (1, 1, 2), "fill": float("nan")}, "fill"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Pad(**fields)
