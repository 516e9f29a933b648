"""Crop to the foreground: the box that NumPy finds, whatever the blocks."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine
from pipeline.fits.crop_foreground import CropForeground
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.stages.crop import Crop
from pipeline.volume import Volume
from tests.stages.cuts import triples, volumes


@given(volumes(), st.floats(60, 200), st.booleans(), triples(st.integers(1, 5)), st.integers(0, 2**32))
@settings(max_examples=60)
def test_the_box_holds_all_and_no_more_and_blocks_do_not_matter(volume, above, masked, block, seed):
    mask = Volume(np.random.default_rng(seed).integers(0, 3, volume.grid.shape).astype("u1"), volume.grid, "labels")
    fit = CropForeground(above, within="body" if masked else None)
    foreground = (volume.array > above) & ((mask.array != 0) | (not masked))
    parts = [
        fit.tally(volume.crop_to(b), mask.crop_to(b) if masked else None, volume.spec)
        for b in volume.grid.blocks(block)
    ]
    total = reduce(add, parts)
    if not foreground.any():
        with pytest.raises(Quarantine) as error:
            fit.stage(total, volume.spec)
        assert error.value.reason is Reason.NOTHING_LEFT
        return
    at = np.argwhere(foreground)
    expected = Crop(start=tuple(at.min(0).tolist()), stop=tuple((at.max(0) + 1).tolist()))
    assert fit.stage(total, volume.spec) == expected
    grid = expected.spec(volume.spec).grid
    assert volume.grid.slices(grid) == tuple(slice(a, b) for a, b in zip(expected.start, expected.stop, strict=True))


def test_the_table_is_left_out_where_only_the_body_counts():
    scan = np.full((4, 20, 20), -1000, "i2")
    body = np.zeros(scan.shape, "u1")
    scan[:, 4:10, 5:15] = 40
    body[:, 4:10, 5:15] = 2
    scan[:, 15:17] = 200  # the table
    grid = Grid(np.eye(4), scan.shape, (0, -7, 3))
    volume, mask = Volume(scan, grid), Volume(body, grid, "labels")
    fit = CropForeground(within="body", margin_mm=(0.0, 1.0, 2.5))
    made = fit.stage(fit.tally(volume, mask, volume.spec), volume.spec)
    assert made.spec(volume.spec).grid == grid.crop((0, 3, 2), (4, 11, 18))


@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32", "float16"])
@pytest.mark.parametrize("above", [0.0, 3.0, 3.5])
def test_above_is_above(dtype, above):
    x = np.array([[[0, 3, 4, 0]]], dtype)
    volume = Volume(x, Grid(np.eye(4), x.shape))
    found = CropForeground(above).tally(volume, None, volume.spec)
    assert found.n_voxels == (x > above).sum()


@pytest.mark.parametrize(
    ("fields", "word"),
    [({}, "needs"), ({"above": float("nan")}, "above"), ({"above": 0.0, "margin_mm": (0, 0, -1)}, "margin_mm")],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        CropForeground(**fields)
