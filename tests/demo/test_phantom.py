"""The generated anatomy has the statistics and the layout that the demo needs."""

import zlib

import numpy as np
import pytest

from pipeline.demo import phantom

SHAPE, SPACING = (6, 128, 128), (10.0, 2.8, 2.8)


def test_noise_is_centred_and_as_large_as_it_says() -> None:
    grain = phantom.noise((400, 500), 7, 3)
    assert grain.shape == (400, 500)
    assert abs(grain.mean()) < 0.5
    assert grain.std() == pytest.approx(14, rel=0.02)


def test_noise_is_a_pure_function_of_seed_and_stream() -> None:
    one = phantom.noise((33, 47), 7, 3)
    np.testing.assert_array_equal(one, phantom.noise((33, 47), 7, 3))
    assert (one != phantom.noise((33, 47), 7, 4)).mean() > 0.9
    assert (one != phantom.noise((33, 47), 8, 3)).mean() > 0.9


def test_a_chest_holds_what_a_chest_holds() -> None:
    hu, labels = phantom.chest(SHAPE, SPACING, seed=7)
    assert hu.dtype == np.int16
    assert labels.dtype == np.uint8
    assert hu.min() == -1024
    assert hu.max() > 400
    assert hu[:, :8, :8].mean() == pytest.approx(-1000, abs=5)
    lungs = np.isin(labels, (phantom.LEFT_LUNG, phantom.RIGHT_LUNG))
    assert -870 < np.median(hu[lungs]) < -830
    assert 150 < np.median(hu[labels == phantom.SPINE]) < 700
    body_ml = (hu > -500).sum() * np.prod(SPACING) / 1000
    assert 1500 < body_ml < 2500


def test_left_is_where_x_grows() -> None:
    _, labels = phantom.chest(SHAPE, SPACING, seed=7)
    middle = SHAPE[2] // 2
    assert np.nonzero(labels == phantom.LEFT_LUNG)[2].min() >= middle - 1
    assert np.nonzero(labels == phantom.RIGHT_LUNG)[2].max() <= middle
    assert np.nonzero(labels == phantom.SPINE)[1].mean() > SHAPE[1] / 2


def test_it_compresses_about_as_a_scan_does() -> None:
    hu, _ = phantom.chest((4, 512, 512), (10.0, 0.7, 0.7), seed=7)
    assert 1.5 < hu.nbytes / len(zlib.compress(hu.tobytes(), 6)) < 3.5


def test_a_head_is_brightest_outside_and_darkest_beyond() -> None:
    head = phantom.head((24, 64, 64), (8.0, 4.0, 4.0), seed=7)
    assert head.dtype == np.int16
    assert head.min() >= 0
    assert 450 < np.median(head[12, 40, 20:28]) < 800
    assert head[12, :4].mean() < 30


def test_a_radiograph_is_dark_where_the_body_is() -> None:
    hu, _ = phantom.chest((20, 32, 64), (8.0, 11.2, 5.6), seed=7)
    image = phantom.radiograph(hu, (8.0, 11.2, 5.6))
    assert image.shape == (20, 64)
    assert image.dtype == np.uint16
    assert image.max() <= 4095
    assert image[:, 30:34].mean() < 0.4 * image[:, :3].mean()
