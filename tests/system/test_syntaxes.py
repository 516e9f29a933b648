"""Real images in several transfer syntaxes, and with foreign bits, as dcm2niix converted them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.rescale import rescaled

pytestmark = pytest.mark.system

Data = Callable[..., Path]


def rescaled_values(child: Child, path: Path) -> np.ndarray:
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    assert parsed.reason is None
    return rescaled(voxels.stored(path, parsed.header, child), parsed.header.slope, parsed.header.intercept)


def reference(path: Path) -> np.ndarray:
    """(k, j, i) of dcm2niix's NIfTI, whose rows run the other way."""
    return np.asarray(nibabel.load(path).dataobj).T[:, ::-1]


def tiled(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The tiles of a Siemens mosaic that was read as the one picture that it is stored as."""
    if image.shape == shape:
        return image
    k, j, i = shape
    return image.reshape(image.shape[1] // j, j, -1, i).swapaxes(1, 2).reshape(-1, j, i)[:k]


def test_one_image_in_nine_files(data: Data) -> None:
    folder = data("dcm_qa_ts")
    with Child() as child:
        images = {path.stem: rescaled_values(child, path) for path in sorted(folder.glob("In/*.dcm"))}
    assert len(images) == 9
    for name, image in images.items():
        expected = reference(folder / "Ref" / f"{name}.nii")
        np.testing.assert_array_equal(image, images["1"], err_msg=name)
        np.testing.assert_array_equal(tiled(image, expected.shape), expected)


@pytest.mark.parametrize(
    ("name", "ref"), [("12bitSigned_0x0F0F", "4"), ("12bitUnsigned", "2"), ("12bitUnsigned_0x0F0F", "3")]
)
def test_twelve_bits_with_others_around_them(data: Data, name: str, ref: str) -> None:
    folder = data("dcm_qa_12bit")
    with Child() as child:
        image = rescaled_values(child, folder / "In" / f"{name}.dcm")
    expected = reference(folder / "Ref" / f"{ref}.nii")
    np.testing.assert_array_equal(tiled(image, expected.shape), expected)
