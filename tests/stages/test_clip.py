"""Clip: L11, the type it keeps, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.clip import Clip
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), st.data())
def test_any_cut_gives_the_whole(volume, data):
    whole = check_any_cut_gives_the_whole(Clip(40.5, 90), volume, data)
    assert whole.array.dtype == Clip(40.5, 90).spec(volume.spec).dtype == volume.array.dtype
    np.testing.assert_array_equal(
        whole.array, np.clip(volume.array, 40 if volume.array.dtype.kind in "iu" else 40.5, 90)
    )


def test_refuses():
    for ends in [(), (2, 1), (float("nan"),), (None, float("inf"))]:
        with pytest.raises(ValueError, match="clip needs"):
            Clip(*ends)
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        Clip(0)(volume, volume.grid, volume.spec)
