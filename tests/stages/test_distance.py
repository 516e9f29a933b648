"""Distance to the surface of a mask: L11 with and without a limit, SciPy as oracle, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.grid import Grid
from pipeline.kernels import distance as module
from pipeline.stages.distance import Distance
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


def expected(mask, spacing, side):
    """The distances in float64; the oracle says nothing of a side that is empty."""
    outside, inside = (
        ndimage.distance_transform_edt(some, spacing) if not some.all() else np.full(some.shape, np.inf)
        for some in (~mask, mask)
    )
    return {"outside": outside, "inside": inside, "signed": outside - inside}[side]


@given(
    volumes(kinds=("labels",)),
    st.sampled_from([0, 2, 3, 4]),
    st.sampled_from(["outside", "inside", "signed"]),
    st.sampled_from([None, 0.5, 2.0, 5.0]),
    st.data(),
)
def test_any_cut_gives_the_whole(volume, least, side, limit_mm, data):
    volume = volume.with_array(np.where(volume.array >= least, volume.array, 0))
    stage = Distance(side, limit_mm)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert (whole.kind, whole.array.dtype) == ("image", np.float32)
    assert stage.spec(volume.spec).kind == "image"
    truth = expected(volume.array != 0, volume.grid.spacing, side)
    if limit_mm is not None:
        truth = truth.clip(-limit_mm, limit_mm)
    np.testing.assert_allclose(whole.array, truth, rtol=2**-22)


def test_a_piece_counts_in_the_unit_of_the_whole(monkeypatch):
    """Which shows in a float32 in the rarest of cases only: so it is asked for, not looked for."""
    asked = []

    def recorded(mask, spacing, lengths):
        asked.append((mask.shape, lengths))
        return module.distance(mask, spacing, lengths)

    grid = Grid(np.eye(4), (30, 5, 5))
    volume, piece = Volume(np.ones(grid.shape, "u1"), grid, "labels"), grid.crop((0, 0, 0), (1, 5, 5))
    monkeypatch.setattr("pipeline.stages.distance.distance", recorded)
    Distance("outside", 3.0)(volume, piece, volume.spec)
    assert asked == [((5, 5, 5), (30, 5, 5))]


def test_reach():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (20, 20, 20))
    spec = Volume(np.zeros(grid.shape, "u1"), grid, "labels").spec
    piece = grid.crop((9, 9, 9), (10, 10, 10))
    assert Distance().reach(piece, spec) == grid
    assert Distance(limit_mm=2.0).reach(piece, spec) == piece.pad((2, 3, 5))
    assert Distance.takes == ("labels",)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"side": "both"}, "side"), ({"limit_mm": 0.0}, "limit_mm"), ({"limit_mm": float("inf")}, "limit_mm")],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Distance(**fields)
