"""The recipes that come with the program do what they say, on volumes small enough to see."""

import numpy as np
import pytest

from pipeline import recipe
from pipeline.grid import Grid
from pipeline.plan import run_together
from pipeline.settle import settle
from pipeline.volume import Facts, Volume


def outputs(name, volume, facts):
    plans = recipe.load(name).compile(volume.spec, facts, "v")
    settled, known = settle(plans, volume.crop_to)
    return run_together(settled, volume.crop_to, {n: p.target.grid for n, p in settled.items()}, known)


def x_ray():
    k, j, i = np.indices((1, 40, 60))
    return (700 + 50 * np.sin(j / 5) + 30 * i).astype("u2") + k.astype("u2")


@pytest.mark.parametrize("window", [None, (1500.5, 901.0)])
@pytest.mark.parametrize("voi", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_xray_makes_both_forms_of_an_image_equal_to_a_grey_level(window, voi):
    two = x_ray()
    one = 4095 - two
    grid = Grid(np.eye(4), two.shape)
    # LINEAR is not symmetric about its center (PS3.3 C.11.2.1.2.1): its mirror lies one higher.
    mirrored = None if window is None else (4095 - window[0] + (voi == "LINEAR"), window[1])
    made = [
        outputs("xray", Volume(x, grid), Facts("DX", window=w, voi=voi, inverted=turned, low=x.min(), high=x.max()))
        for x, w, turned in ((two, window, False), (one, mirrored, True))
    ]
    a, b = (m["image"].array.astype("f4") for m in made)
    assert np.abs(a - b).max() <= 1 / 256
    assert a[0, 0, -1] > a[0, 0, 0]


def test_mr_brain_has_mean_0_and_sd_1_within_the_head():
    shape = (12, 30, 26)
    rng = np.random.default_rng(0)
    k, j, i = (2 * n / (s - 1) - 1 for n, s in zip(np.indices(shape), shape, strict=True))
    head = k * k + j * j + i * i < 0.8
    array = np.where(head, rng.normal(600, 80, shape), np.abs(rng.normal(0, 15, shape))).astype("i2")
    volume = Volume(array, Grid(np.diag([2.0, 1.0, 1.0, 1.0]), shape))
    made = outputs("mr-head", volume, Facts("MR", low=0, high=1000))
    inside = made["head"].array == 1
    assert made["head"].grid == made["image"].grid
    assert made["image"].grid.spacing == (1, 1, 1)
    assert inside.mean() == pytest.approx(head.mean(), abs=0.03)
    values = made["image"].array[inside].astype("f8")
    assert values.mean() == pytest.approx(0, abs=1e-4)
    assert values.std() == pytest.approx(1, abs=1e-4)
