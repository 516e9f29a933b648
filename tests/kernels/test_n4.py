"""N4 against ITK's, iteration by iteration."""

import numpy as np
import pytest
import SimpleITK as sitk

from pipeline.kernels import lattice, n4


def phantom(shape=(20, 24, 18), seed=0):
    """Two tissues, noise, a smooth field: (float32 image, uint8 mask)."""
    k, j, i = ((np.indices(shape).T + 0.5) / shape).T - 0.5
    tissue = np.where(np.sin(17 * k) + np.sin(19 * j) + np.sin(23 * i) > 0, 900, 500)
    mask = (k * k + j * j + i * i < 0.22).astype("u1")
    noise = np.random.default_rng(seed).normal(0, 8, shape)
    field = np.exp(0.3 * k + 0.4 * j * i - 0.2 * i + 0.2 * np.sin(4 * j))
    return (np.maximum(tissue * field + noise, 1) * mask).astype("f4"), mask


def itk(image, mask, spans, levels, iterations, tolerance):
    correct = sitk.N4BiasFieldCorrectionImageFilter()
    correct.SetMaximumNumberOfIterations([iterations] * levels)
    correct.SetConvergenceThreshold(tolerance)
    correct.SetNumberOfControlPoints([n + 3 for n in reversed(spans)])
    seen = sitk.GetImageFromArray(image)
    correct.Execute(seen, sitk.GetImageFromArray(mask))
    return sitk.GetArrayFromImage(correct.GetLogBiasFieldAsImage(seen))


def field(image, control):
    lines = [
        lattice.rows((c - 3) / (n - 1), 0.0, (0, n), c - 3) for c, n in zip(control.shape, image.shape, strict=True)
    ]
    return lattice.evaluate(control, lines)


@pytest.mark.parametrize(
    ("spans", "levels", "iterations", "tolerance"),
    [((1, 1, 1), 1, 3, 0.0), ((1, 1, 1), 3, 8, 0.0), ((2, 1, 3), 2, 4, 0.0), ((1, 1, 1), 2, 50, 0.003)],
)
def test_the_field_is_itks(spans, levels, iterations, tolerance):
    image, mask = phantom()
    control = n4.log_field(image, mask, spans, levels, iterations, tolerance)
    assert control.shape == tuple(2 ** (levels - 1) * n + 3 for n in spans)
    expected = itk(image, mask, spans, levels, iterations, tolerance)
    inside = mask > 0
    assert np.std(expected[inside]) > 0.005
    np.testing.assert_allclose(field(image, control)[inside], expected[inside], atol=5e-4)


def test_what_lies_outside_the_mask_is_not_looked_at():
    image, mask = phantom()
    other = np.where(mask == 0, np.float32(1e6), image)
    made = [n4.log_field(x, mask, (1, 1, 1), 1, 3, 0.0).tobytes() for x in (image, other)]
    assert made[0] == made[1]


def test_a_constant_has_no_field():
    mask = np.ones((4, 5, 6), "u1")
    assert not n4.log_field(np.full((4, 5, 6), 7, "f4"), mask, (1, 1, 1), 2, 5, 0.0).any()
