"""The presets of ``resample`` give the grids and the values of the tools that they are named after."""

import numpy as np
import pytest

from benchmarks import golden, peers

STORED = golden.stored()
NAMES = [g.name for g in golden.GOLDEN]


@pytest.mark.parametrize("name", NAMES)
def test_the_tool_still_gives_what_is_stored(name: str) -> None:
    call, voxels, affine = STORED[name]
    made, missing = peers.ready({name: lambda: (lambda made: lambda: made)(golden.make(call))})
    if missing:
        pytest.skip(f"{call.preset} is not installed")
    again, grid = made[name]()
    assert again.dtype == voxels.dtype
    np.testing.assert_allclose(again, voxels, rtol=0, atol=1e-3)
    np.testing.assert_allclose(grid, affine, rtol=0, atol=1e-12)
