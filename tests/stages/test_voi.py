"""VOI: the window of the header as pydicom applies it, MONOCHROME1 turned round, L11."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_voi_lut, apply_windowing

from pipeline.errors import KindError, RecipeError
from pipeline.grid import Grid
from pipeline.stages.voi import Voi
from pipeline.stages.window import Window
from pipeline.volume import Facts, Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

FACTS = Facts(modality="DX", window=(2000.0, 1500.0), inverted=True, low=10.0, high=4000.0)


def line(array):
    array = np.asarray(array).reshape(1, 1, -1)
    return Volume(array, Grid(np.eye(4), array.shape))


def applied(stage, volume):
    return stage(volume, volume.grid, volume.spec).array.ravel()


@given(volumes(("uint16", "int16")), st.booleans(), st.sampled_from(["float16", "float32", "uint8"]), st.data())
def test_any_cut_gives_the_whole(volume, inverted, dtype, data):
    stage = Voi(dtype=dtype).resolve(Facts(window=(100, 50), inverted=inverted))
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.dtype(dtype)


@given(st.floats(-100, 5000), st.integers(2, 5000))
def test_header_window_is_pydicoms(center, width):
    header = Dataset()
    header.WindowCenter, header.WindowWidth = float(f"{center:.3f}"), width
    header.PhotometricInterpretation, header.BitsStored, header.PixelRepresentation = "MONOCHROME2", 12, 0
    x = np.arange(4096, dtype="u2")
    expected = apply_windowing(x, header) / 4095
    stage = Voi(dtype="float32").resolve(Facts(window=(header.WindowCenter, header.WindowWidth), low=0, high=4095))
    np.testing.assert_allclose(applied(stage, line(x)), expected, atol=1e-3)


def test_monochrome1_and_2_forms_of_one_image_are_equal():
    two = np.arange(0, 4096, 7, dtype="u2")
    one = 4095 - two
    as_two = Voi().resolve(Facts(window=(1500.5, 901.0), low=0, high=4095))
    as_one = Voi().resolve(Facts(window=(4095 - 1500.5 + 1, 901.0), inverted=True, low=0, high=4095))
    np.testing.assert_allclose(applied(as_two, line(two)), applied(as_one, line(one)), atol=2e-3)


@pytest.mark.parametrize("window", [None, (100.0, 0.0), (100.0, 1.0), (float("nan"), 50.0), (100.0, float("inf"))])
def test_without_a_usable_window_the_whole_range_is_shown(window):
    stage = Voi(dtype="float32").resolve(Facts("DX", window=window, low=10.0, high=4000.0))
    assert applied(stage, line(np.array([10, 2005, 4000], "u2"))).tolist() == [0, 0.5, 1]


def test_a_constant_image_has_a_window_too():
    stage = Voi(dtype="uint8").resolve(Facts("CR", low=7.0, high=7.0))
    assert applied(stage, line(np.array([7], "u2"))).tolist() == [128]


def test_fields_win_over_facts():
    stage = Voi(center=40, width=400, inverted=False).resolve(FACTS)
    assert stage == Voi(40, 400, False)
    assert np.array_equal(applied(stage, line([-160, 40, 240])), applied(Window(40, 400), line([-160, 40, 240])))
    assert Voi(center=40, width=400).resolve(FACTS) == Voi(40, 400, True)
    assert stage.resolve(Facts()) == stage


def test_unresolved_says_so():
    volume = line(np.array([1], "u2"))
    with pytest.raises(RecipeError, match="resolved"):
        applied(Voi(), volume)


def test_refuses():
    for fields, word in [
        ({"center": 1}, "together"),
        ({"center": 1, "width": 0}, "width"),
        ({"dtype": "int8"}, "dtype"),
        ({"function": "LINEAR"}, "function"),
    ]:
        with pytest.raises(ValueError, match=word):
            Voi(**fields)
        with pytest.raises(ValueError, match=word):
            TypeAdapter(Voi).validate_python(fields)
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        Voi().resolve(FACTS)(volume, volume.grid, volume.spec)


@given(volumes(("uint16", "float32")), st.booleans(), st.sampled_from(["float16", "float32", "uint8"]), st.data())
def test_any_cut_of_a_sigmoid_gives_the_whole(volume, inverted, dtype, data):
    stage = Voi(dtype=dtype).resolve(Facts(window=(100, 50), voi="SIGMOID", inverted=inverted))
    assert stage.ramp(volume.spec) is None
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.dtype(dtype)


@given(st.floats(-100, 5000), st.floats(2, 5000), st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]), st.booleans())
def test_both_forms_of_an_image_are_pydicoms_to_a_grey_level(center, width, function, inverted):
    header = Dataset()
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = round(center, 3), round(width, 3), function
    header.PhotometricInterpretation, header.BitsStored, header.PixelRepresentation = "MONOCHROME2", 12, 0
    x = np.arange(4096, dtype="u2")
    with np.errstate(over="ignore"):  # far below a narrow sigmoid pydicom's exp is infinite, and what it shows 0
        shown = apply_voi_lut(x, header) / 4095 * 255
    facts = Facts("DX", window=(header.WindowCenter, header.WindowWidth), voi=function, inverted=inverted, high=4095)
    made = applied(Voi(dtype="uint8").resolve(facts), line(x))
    assert np.abs(made - (255 - shown if inverted else shown)).max() <= 1


@pytest.mark.parametrize(
    "facts", [Facts("MR"), Facts("CT", "HU"), Facts(), Facts("DX", voi="TABLE"), Facts("DX", voi="OTHER")]
)
def test_what_cannot_be_followed_is_not_guessed(facts):
    with pytest.raises(RecipeError, match="center and width"):
        Voi().resolve(facts)
    assert Voi(40, 400).resolve(facts) == Voi(40, 400, False)


def test_real_x_rays(data):
    found = 0
    for path in sorted(data("xray-cr-dx").glob("*.dcm")):
        header = dcmread(path)
        stored = header.pixel_array
        shown = apply_voi_lut(stored, header).astype("f8")
        top = 2**header.BitsStored - 1
        window = None if "WindowCenter" not in header else (float(header.WindowCenter), float(header.WindowWidth))
        one = header.PhotometricInterpretation == "MONOCHROME1"
        low, high = float(stored.min()), float(stored.max())
        seen = {}
        # The image, and the same written the other way round.
        for inverted, voxels in ((one, stored), (not one, (top - stored).astype(stored.dtype))):
            ends = (low, high) if inverted == one else (top - high, top - low)
            turned = window if window is None or inverted == one else (top - window[0] + 1, window[1])
            facts = Facts(header.Modality, window=turned, inverted=inverted, low=ends[0], high=ends[1])
            seen[inverted] = applied(Voi(dtype="uint8").resolve(facts), line(voxels)).reshape(stored.shape)
        assert np.abs(seen[True].astype(int) - seen[False]).max() <= 1
        if window is None:  # nothing to apply: the whole range is shown
            shown = (shown - low) / (high - low) * top
        white = shown / top * 255
        assert np.abs(seen[one] - (255 - white if one else white)).max() <= 1
        found += 1
    assert found >= 3
