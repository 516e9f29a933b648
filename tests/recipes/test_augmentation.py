"""The packaged recipe ct-augment, from a phantom in HU to samples."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline import recipe
from pipeline.grid import Grid
from pipeline.sampling import Augment
from pipeline.volume import Facts, Volume

GRID = Grid(np.diag([2.0, 0.8, 0.8, 1.0]), (16, 44, 48), (2, -3, 4))
POLICY = {
    "Noise": 0.1,
    "Blur": 0.2,
    "Brightness": 0.15,
    "Contrast": 0.15,
    "LowResolution": 0.25,
    "Gamma": 0.4,  # inverted or not
}


def phantom():
    """A ball of soft tissue with a bone in it, in air."""
    k, j, i = np.meshgrid(*[np.linspace(-1, 1, n) for n in GRID.shape], indexing="ij")
    radius = np.sqrt(k * k + j * j + i * i)
    array = np.select([radius < 0.2, radius < 0.8], [700, 50], -1000)
    return Volume((array + np.random.default_rng(0).normal(0, 20, GRID.shape)).astype("i2"), GRID)


def plans(samples, seed=0, volume_id="a"):
    augmented = replace(recipe.load("ct-augment"), augment=Augment(samples, seed))
    return augmented.compile(phantom().spec, Facts(modality="CT"), volume_id)


def test_every_part_happens_as_often_as_the_policy_says():
    drawn = [type(stage).__name__ for plan in plans(400).values() for stage in plan.stages]
    for name, chance in POLICY.items():
        assert drawn.count(name) == pytest.approx(400 * chance, abs=4 * (400 * chance * (1 - chance)) ** 0.5)
    assert drawn.count("Transform") == drawn.count("Window") == 400


def test_a_sample_is_the_same_whatever_else_is_made():
    few, many = plans(2), plans(20)
    assert few == {name: many[name] for name in few}
    assert len(set(many.values())) > 15  # the rest drew nothing but the same mirrors
    assert plans(20, seed=1) != many != plans(20, volume_id="b")


def test_samples_are_finite_near_the_window_and_any_cut_gives_the_whole():
    volume = phantom()
    chosen = [plan for plan in plans(20).values() if len(plan.stages) >= 4]
    for plan in chosen[:5]:
        target = plan.target.grid
        whole = plan.run(volume.crop_to, target)
        assert whole.array.dtype == np.float16
        assert target == plans(1)["image/s000"].target.grid
        assert -0.2 < whole.array.min() < 0.3
        assert 0.6 < whole.array.max() < 1.3
        piece = target.crop((3, 5, 7), (20, 30, 21))
        assert plan.run(volume.crop_to, piece).array.tobytes() == whole.crop_to(piece).array.tobytes()
