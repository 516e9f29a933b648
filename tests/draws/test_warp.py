"""Warp: what it draws, how often, and always by as many numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.draws.warp import Warp
from pipeline.elastic import Elastic
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.volume import Spec

SOURCE = Spec(Grid(np.diag([2.5, 0.8, 0.8, 1.0]), (12, 40, 40)), "image", np.dtype("i2"))
SLICE = Spec(Grid(np.eye(4), (1, 40, 40)), "image", np.dtype("i2"))
FULL = Warp(
    spacing=(1.0, 1.0, 1.0), degrees=(30.0, 20.0, 10.0), scale=(0.7, 1.4), mirror_chance=(0.5, 0.5, 0.5),
    shift_mm=(5.0, 6.0, 7.0), control_mm=30.0, magnitude_mm=(1.0, 9.0),
)  # fmt: skip


def generator(key):
    return np.random.Generator(np.random.Philox(key=key))


@given(st.integers(0, 2**64))
@settings(max_examples=40)
def test_all_is_within_its_range_and_the_same_for_the_same_key(key):
    stage = FULL.draw(generator(key), SOURCE)
    assert stage == FULL.draw(generator(key), SOURCE)
    assert stage.spec(SOURCE) == FULL.spec(SOURCE)
    for part, most in zip((*stage.degrees, *stage.shift_mm), (*FULL.degrees, *FULL.shift_mm), strict=True):
        assert -most <= part <= most
    assert len(set(stage.scale)) == 1
    assert 0.7 <= stage.scale[0] <= 1.4
    assert stage.elastic.control_mm == 30
    assert 1 <= stage.elastic.magnitude_mm <= 9


@given(st.integers(0, 2**64))
@settings(max_examples=20)
def test_nothing_leaves_the_plane_of_a_single_slice(key):
    stage = FULL.draw(generator(key), SLICE)
    assert (stage.degrees[1:], stage.shift_mm[0], stage.scale[0]) == ((0, 0), 0, 1)
    assert stage.degrees[0] != 0
    assert stage.scale[1] == stage.scale[2] != 1
    bend = stage.elastic.bend(SLICE.grid, SLICE.grid)
    assert not bend.points[0].any()
    assert bend.points[1:].any()


def test_chances_are_kept_and_numbers_are_even():
    rare = Warp(
        degrees=(30.0, 0.0, 0.0), turn_chance=0.2, scale=(0.7, 1.4), scale_chance=0.4, mirror_chance=(0.1, 0.5, 0.9),
        shift_mm=(5.0, 0.0, 0.0), shift_chance=0.6, magnitude_mm=(1.0, 2.0), elastic_chance=0.8,
    )  # fmt: skip
    drawn = [rare.draw(generator(n), SOURCE) for n in range(4000)]
    shares = {
        0.2: [d.degrees[0] != 0 for d in drawn],
        0.4: [d.scale[0] != 1 for d in drawn],
        0.6: [d.shift_mm[0] != 0 for d in drawn],
        0.8: [d.elastic is not None for d in drawn],
        0.1: [d.mirror[0] for d in drawn],
        0.5: [d.mirror[1] for d in drawn],
        0.9: [d.mirror[2] for d in drawn],
    }
    for chance, hits in shares.items():
        assert np.mean(hits) == pytest.approx(chance, abs=0.03)
    turns = [d.degrees[0] for d in drawn if d.degrees[0]]
    assert np.mean(turns) == pytest.approx(0, abs=2)
    assert np.std(turns) == pytest.approx(60 / np.sqrt(12), abs=1)
    scales = [d.scale[0] for d in drawn if d.scale[0] != 1]
    assert np.mean(scales) == pytest.approx(1.05, abs=0.02)
    assert np.std(scales) == pytest.approx(0.7 / np.sqrt(12), abs=0.02)
    assert len({d.elastic.key for d in drawn if d.elastic}) == sum(shares[0.8])


def test_as_many_numbers_whatever_happens():
    class Counting:
        def __init__(self):
            self.calls = 0

        def random(self):
            self.calls += 1
            return 0.5

    counts = []
    for warp in (Warp(), FULL, Warp(turn_chance=0.0, elastic_chance=0.0)):
        for source in (SOURCE, SLICE):
            rng = Counting()
            warp.draw(rng, source)
            counts.append(rng.calls)
    assert len(set(counts)) == 1


def test_where_nothing_is_asked_for_it_is_resample():
    stage = Warp(spacing=(1.0, 1.0, 1.0)).draw(generator(1), SOURCE)
    assert stage.elastic is None
    assert stage.spec(SOURCE) == Resample((1.0, 1.0, 1.0)).spec(SOURCE)
    volume = np.random.default_rng(0).integers(-1000, 1000, SOURCE.grid.shape).astype("i2")
    from pipeline.volume import Volume

    volume = Volume(volume, SOURCE.grid)
    grid = stage.spec(SOURCE).grid
    plain = Resample((1.0, 1.0, 1.0))(volume, grid, SOURCE)
    assert stage(volume, grid, SOURCE).array.tobytes() == plain.array.tobytes()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"degrees": (-1, 0, 0)}, "degrees"),
        ({"turn_chance": 1.1}, "turn_chance"),
        ({"mirror_chance": (0, -0.1, 0)}, "mirror_chance"),
        ({"scale": (1.2, 1.1)}, "scale"),
        ({"scale": (0.0, 1.1)}, "scale"),
        ({"magnitude_mm": (0.0, 17.0)}, "magnitude_mm"),
        ({"control_mm": 0.0}, "control_mm"),
        ({"spacing": (0, 1, 1)}, "spacing"),
        ({"order": 5}, "order"),
    ],
)
def test_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Warp(**change)


def test_an_elastic_of_no_size_is_none():
    assert Warp(magnitude_mm=(0.0, 0.0)).draw(generator(3), SOURCE).elastic is None
    assert isinstance(Warp(magnitude_mm=(1.0, 1.0)).draw(generator(3), SOURCE).elastic, Elastic)
