"""Noise: L11, the laws of its models, and what circulating scripts get wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.noise import Noise
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

MODELS = ["gaussian", "rician", "poisson"]
GRID = Grid(np.diag([2.5, 0.8, 0.8, 1]), (20, 50, 64))


def flat(value, dtype="float32", grid=GRID):
    return Volume(np.full(grid.shape, value, dtype), grid)


def made(stage, volume):
    return stage(volume, volume.grid, volume.spec).array


@settings(max_examples=40)
@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), st.sampled_from(MODELS), st.data())
def test_any_cut_gives_the_whole(volume, model, data):
    whole = check_any_cut_gives_the_whole(Noise(7, 2**63 + 1, model), volume, data)
    assert whole.array.dtype == volume.array.dtype


def test_hounsfield_units_are_not_taken_for_a_range_of_0_to_1():
    noisy = made(Noise(20, 1), flat(40, "int16"))
    assert noisy.dtype == np.int16
    assert abs(noisy.mean() - 40) < 0.5
    assert abs(noisy.std() - 20) < 0.5


def test_background_is_not_brightened():
    """Zero-mean noise at the lower end of the range keeps mean zero: floats are not clipped."""
    noisy = made(Noise(0.1, 1), flat(0))
    assert abs(noisy.mean()) < 4 * 0.1 / noisy.size**0.5
    assert (noisy < 0).mean() == pytest.approx(0.5, abs=0.01)


def test_integers_are_rounded_without_a_bias_and_clipped_to_their_type():
    assert abs(made(Noise(0.4, 1), flat(100, "int16")).mean() - 100) < 0.01
    assert set(np.unique(made(Noise(50, 1), flat(255, "uint8"))[0])) > {255}
    assert (made(Noise(1000, 1), flat(32767, "int16")) > 0).all()


def test_no_noise_changes_nothing():
    volume = Volume(np.random.default_rng(0).normal(0, 100, GRID.shape).astype("f4"), GRID)
    for model in ("gaussian", "poisson"):
        assert np.array_equal(made(Noise(0, 1, model), volume), volume.array)


def test_gaussian():
    noisy = made(Noise(3, 1), flat(10))
    assert stats.kstest((noisy.ravel() - 10) / 3, "norm").pvalue > 0.01


def test_rician():
    """Mean and mean square of a Rician magnitude: Gudbjartsson and Patz 1995; without a signal it is Rayleigh's."""
    noisy = made(Noise(10, 1, "rician"), flat(0))
    assert noisy.min() >= 0
    assert stats.kstest(noisy.ravel() / 10, "rayleigh").pvalue > 0.01
    signal = made(Noise(10, 1, "rician"), flat(30))
    assert stats.kstest(signal.ravel() / 10, stats.rice(3).cdf).pvalue > 0.01


def test_poisson():
    """The variance is proportional to the attenuation, which is nil where HU are -1000, and below."""
    for hu, sd in [(0, 20), (1000, 20 * 2**0.5), (-750, 10), (-1000, 0), (-1024, 0)]:
        noisy = made(Noise(20, 1, "poisson"), flat(hu))
        assert noisy.std() == pytest.approx(sd, rel=0.02, abs=1e-6)
        assert abs(noisy.mean() - hu) < 0.5


def test_images_of_one_grid_have_the_same_noise_and_keys_differ():
    a, b, c = (made(Noise(sd, key), flat(0)) for sd, key in [(1, 5), (2, 5), (1, 6)])
    assert np.array_equal(2 * a, b)
    assert abs(np.corrcoef(a.ravel(), c.ravel())[0, 1]) < 0.02


def test_refuses_labels():
    labels = Volume(np.ones(GRID.shape, "u1"), GRID, "labels")
    assert Noise.takes == ("image",)
    with pytest.raises(KindError):
        made(Noise(1), labels)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sd": -1}, "sd"),
        ({"sd": float("nan")}, "sd"),
        ({"key": -1}, "key"),
        ({"key": 2**64}, "key"),
        ({"model": "speckle"}, "model"),
        ({"air": 0}, "air"),
        ({"water": float("inf")}, "air"),
    ],
)
def test_refuses(change, word):
    fields = {"sd": 1} | change
    with pytest.raises(ValueError, match=word):
        Noise(**fields)
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Noise).validate_python(fields)
