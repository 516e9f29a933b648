"""SSIM and errors on 12-bit integers: scikit-image as oracle, and any cut gives the same sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pipeline.kernels.quality import INVALID, LEVELS, ONE, compare, quantise, window


def pair(shape, seed=0, noise=60.0):
    """A smooth image with structure, and the same with noise; quantised."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(shape)
    image = 700 * np.sin(k / 3) + 500 * np.cos(j / 4) + 400 * np.sin(i / 5 + j / 7) + rng.normal(0, 20, shape)
    return quantise(image.astype("f4"), -1000, 1000), quantise(
        (image + rng.normal(0, noise, shape)).astype("f4"), -1000, 1000
    )


def ssim_map(a, b, **more):
    """scikit-image's map, where its windows lie wholly inside."""
    _, full = structural_similarity(a + 2048.0, b + 2048.0, data_range=LEVELS, full=True, **more)
    return full[tuple(slice(3, n - 3) for n in a.shape)]


@pytest.mark.parametrize("noise", [0, 1, 60, 2000])
@pytest.mark.parametrize("shape", [(7, 7, 7), (9, 20, 31), (12, 8, 70)])
def test_equals_scikit_image(shape, noise):
    a, b = pair(shape, 1, noise)
    expected = ssim_map(a, b)
    made = compare(a, b, stride=1)
    assert made.windows == expected.size
    assert made.ssim / ONE / made.windows == pytest.approx(expected.mean(), abs=1e-8)
    assert made.ssim_min / ONE == pytest.approx(expected.min(), abs=1e-8)
    d = a.astype(int) - b
    assert made[3:] == (a.size, (d * d).sum(), np.abs(d).sum())
    if noise:
        psnr = 10 * np.log10(LEVELS**2 * made.voxels / made.squared)
        assert psnr == pytest.approx(peak_signal_noise_ratio(a.astype(float), b.astype(float), data_range=LEVELS))


def test_a_slice_is_compared_in_two_dimensions():
    a, b = pair((1, 30, 40))
    expected = ssim_map(a[0], b[0])
    made = compare(a, b, stride=1)
    assert window(a.shape) == (1, 7, 7)
    assert made.windows == expected.size
    assert made.ssim / ONE / made.windows == pytest.approx(expected.mean(), abs=1e-8)


@pytest.mark.parametrize("stride", [2, 3, 4, 9])
def test_a_stride_takes_every_nth_window(stride):
    a, b = pair((17, 18, 23))
    expected = ssim_map(a, b)[::stride, ::stride, ::stride]
    made = compare(a, b, stride=stride)
    assert made.windows == expected.size
    assert made.ssim / ONE / made.windows == pytest.approx(expected.mean(), abs=1e-8)
    assert made.ssim_min / ONE == pytest.approx(expected.min(), abs=1e-8)


def test_windows_with_an_invalid_voxel_do_not_count():
    a, b = pair((10, 12, 14))
    a[2, 3, 4] = b[9, 11, 13] = INVALID
    expected = ssim_map(*pair((10, 12, 14)))
    k, j, i = np.indices(expected.shape)
    clean = ~((k <= 2) & (j <= 3) & (i <= 4)) & ~((k == 3) & (j == 5) & (i == 7))
    made = compare(a, b, stride=1)
    assert made.windows == clean.sum()
    assert made.ssim / ONE / made.windows == pytest.approx(expected[clean].mean(), abs=1e-8)
    d = np.where((a == INVALID) | (b == INVALID), 0, a.astype(int) - b)
    assert made[3:] == (a.size - 2, (d * d).sum(), np.abs(d).sum())


@given(
    st.tuples(st.integers(1, 15), st.integers(1, 25), st.integers(1, 25)),
    st.tuples(*[st.integers(1, 15)] * 3),
    st.tuples(*[st.integers(-9, 9)] * 3),
    st.integers(1, 5),
    st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_any_cut_gives_the_sums_of_the_whole(shape, block, origin, stride, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-2048, 2048, (2, *shape), "i2")
    a[rng.random(shape) < 0.002] = INVALID
    whole = compare(a, b, stride=stride, start=origin)
    size = window(shape)
    total = np.zeros(6, object)
    lowest = ONE
    for at in np.ndindex(*[-(-n // s) for n, s in zip(shape, block, strict=True)]):
        start = [p * s for p, s in zip(at, block, strict=True)]
        own = [min(s, n - a0) for s, n, a0 in zip(block, shape, start, strict=True)]
        held = tuple(slice(s, min(s + o + w - 1, n)) for s, o, w, n in zip(start, own, size, shape, strict=True))
        index = [s + o for s, o in zip(start, origin, strict=True)]
        part = compare(a[held], b[held], own=own, start=index, window=size, stride=stride)
        total += np.array(part, object)
        lowest = min(lowest, part.ssim_min)
    assert tuple(total[[0, 1, 3, 4, 5]]) == (whole.windows, whole.ssim, *whole[3:])
    assert lowest == whole.ssim_min


def test_only_windows_that_begin_in_its_own_part_count():
    a, b = pair((20, 20, 20))
    made = compare(a, b, own=(4, 8, 12), stride=4)
    assert (made.windows, made.voxels) == (1 * 2 * 3, 4 * 8 * 12)


def test_the_extremes_do_not_overflow():
    for low, high in [(-2048, -2048), (2047, 2047), (-2048, 2047)]:
        a, b = np.full((8, 8, 8), low, "i2"), np.full((8, 8, 8), high, "i2")
        a[::2], b[1::2] = -2048, -2048
        made = compare(a, b, stride=1)
        assert made.ssim / ONE / made.windows == pytest.approx(ssim_map(a, b).mean(), abs=1e-8)


def test_equal_images_are_equal():
    a, _ = pair((9, 9, 9))
    made = compare(a, a, stride=1)
    assert made.ssim == made.windows * ONE
    assert made.ssim_min == ONE
    assert made.squared == made.absolute == 0


def test_what_cannot_be_compared_counts_nothing():
    one = np.zeros((1, 1, 1), "i2")
    assert compare(one, one) == (0, 0, ONE, 1, 0, 0)
    none = np.full((8, 8, 8), INVALID, "i2")
    assert compare(none, np.zeros_like(none)) == (0, 0, ONE, 0, 0, 0)


@given(st.sampled_from(["int16", "uint16", "uint8", "float16", "float32"]), st.integers(0, 2**32))
def test_quantise_is_its_definition(dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0 if dtype[0] == "u" else -1500, 250, (3, 5, 7)).astype(dtype)
    valid = rng.random(x.shape) < 0.8
    exact = (np.clip(x.astype("f8"), -200, 200) + 200) * (LEVELS / 400)
    made = quantise(x, -200, 200, valid)
    assert made.dtype == np.int16
    assert (made[~valid] == INVALID).all()
    # float32 may take a tie, or what is as good as one, to the other side
    assert np.abs(made[valid] + 2048 - exact[valid]).max() <= 0.501
    np.testing.assert_array_equal(quantise(x, -200, 200)[valid], made[valid])


def test_quantise_floats_that_are_no_numbers():
    for dtype in ("float16", "float32"):
        x = np.array([[[np.nan, np.inf, -np.inf, 0, 1, 6e-8]]], dtype)
        assert quantise(x, 0, 1).ravel().tolist() == [INVALID, 2047, -2048, -2048, 2047, -2048]


def test_no_step_leaves_12_bits_where_float32_is_coarse():
    x = np.array([[[1e8, 1e8 + 8, 2e9]]], "f4")
    assert quantise(x, 1e8, 1e8 + 5).max() == 2047


@pytest.mark.parametrize("ends", [(0, 0), (1, 0), (0, np.nan), (-np.inf, 0)])
def test_refuses_an_empty_data_range(ends):
    with pytest.raises(ValueError, match="data range"):
        quantise(np.zeros((1, 1, 1), "i2"), *ends)


def test_refuses_other_types_and_shapes():
    one = np.zeros((1, 1, 1), "i2")
    with pytest.raises(TypeError, match="float64"):
        quantise(one.astype("f8"), 0, 1)
    with pytest.raises(TypeError, match="validity"):
        quantise(one, 0, 1, np.ones(1, "u1"))
    with pytest.raises(TypeError, match="int16"):
        compare(one, one.astype("f4"))
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(one, np.zeros((2, 1, 1), "i2"))
