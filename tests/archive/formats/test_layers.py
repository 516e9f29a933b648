"""Regions on as few label maps as first fit finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.formats import layers
from pipeline.archive.formats.layers import Layers, Patch
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

SHAPE = (3, 4, 5)
boxes = st.tuples(*(st.integers(-2, n) for n in SHAPE), st.integers(1, 4), st.integers(1, 4))


@given(st.lists(st.lists(boxes, max_size=3), max_size=6))
def test_every_voxel_of_every_region_stands_once(regions: list[list[tuple[int, ...]]]) -> None:
    made = Layers(SHAPE, len(regions))
    wanted = []
    for value, own in enumerate(regions, 1):
        made.add(value, [Patch((k, j, i), np.ones((rows, columns), "u1")) for k, j, i, rows, columns in own])
        mask = np.zeros((9, 12, 13), bool)
        for k, j, i, rows, columns in own:
            mask[k + 2, j + 2 : j + 2 + rows, i + 2 : i + 2 + columns] = True
        wanted.append(mask[2 : 2 + SHAPE[0], 2 : 2 + SHAPE[1], 2 : 2 + SHAPE[2]])
    maps, values = made.drawn()
    stands = {value: one for one, inside in zip(maps, values, strict=True) for value in inside}
    assert sorted(stands) == [value for value, mask in enumerate(wanted, 1) if mask.any()]
    assert sum(map(len, values)) == len(stands)
    for value, one in stands.items():
        np.testing.assert_array_equal(one == value, wanted[value - 1])
    # First fit: in each map before its own, a region would have been on top of one that was there already.
    for at, inside in enumerate(values):
        for value in inside:
            for before in range(at):
                earlier = [wanted[other - 1] for other in values[before] if other < value]
                assert any((mask & wanted[value - 1]).any() for mask in earlier)


@pytest.mark.parametrize(("most", "dtype"), [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2")])
def test_the_smallest_type(most: int, dtype: str) -> None:
    maps, values = Layers(SHAPE, most).drawn()
    assert [one.dtype for one in maps] == [np.dtype(dtype)]
    assert values == ((),)


def test_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MOST", 2)
    made, patch = Layers(SHAPE, 9), Patch((0, 0, 0), np.ones((1, 1), "u1"))
    made.add(1, [patch])
    made.add(2, [patch])
    with pytest.raises(Quarantine) as refused:
        made.add(3, [patch])
    assert refused.value.reason is Reason.TOO_LARGE
