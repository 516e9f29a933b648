"""The presets of ``resample`` give the grids and the values of the tools that they are named after."""

import numpy as np
import pytest

from benchmarks import golden

STORED = golden.stored()


@pytest.mark.parametrize("preset", golden.TOOLS)
def test_the_tool_still_gives_what_is_stored(preset: str) -> None:
    _, module = golden.TOOLS[preset]
    pytest.importorskip(module)
    for call, voxels, affine in STORED.values():
        if call.preset == preset:
            again, grid = golden.make(call)
            assert again.dtype == voxels.dtype
            np.testing.assert_allclose(again, voxels, rtol=0, atol=1e-3, err_msg=call.name)
            np.testing.assert_allclose(grid, affine, rtol=0, atol=1e-12, err_msg=call.name)
