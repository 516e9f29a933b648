"""What a vendor profile adds to a raw volume: attributes, and never another voxel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from pipeline.archive.catalog import SERIES
from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.archive.vendor import completed
from pipeline.volume import Facts
from tests.archive import makers

GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "ManufacturerModelName": "LightSpeed VCT", "ConvolutionKernel": "BONE"}


def converted(folder: Path) -> tuple[dict[str, Any], Converted]:
    """(catalog row, volume) of the one series below ``folder / "src"``."""
    vault = Vault.create(folder / "vault")
    (row,) = scan([folder / "src"], vault).series.to_pylist()
    assert row["verdict"] == "accepted"
    with Child() as child:
        return row, convert(vault, row["volume_id"], row["edition"], child)


def circle(value: int) -> Callable[[int, Dataset], None]:
    """Write ``value`` into the corners of every slice."""

    def edit(_: int, ds: Dataset) -> None:
        pixels = np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns).copy()
        pixels[:4, :4] = pixels[-4:, -4:] = value
        ds.PixelData = pixels.tobytes()

    return edit


def test_the_device_is_told_in_terms_and_the_profile_named(tmp_path: Path) -> None:
    makers.ct_series(tmp_path / "src", BodyPartExamined="CHEST", **GE)
    row, made = converted(tmp_path)
    facts = made.facts
    assert (facts.manufacturer, facts.model, facts.kernel) == ("GE", "LightSpeed VCT", "BONE")
    assert (facts.body_part, facts.kernel_class, facts.profile) == ("CHEST", "sharp", "ct-ge 1")
    assert (row["kernel_class"], row["profile"]) == ("sharp", "ct-ge 1")
    assert {"kernel_class", "profile"} <= set(SERIES.names)


def test_text_that_is_no_term_is_not_told(tmp_path: Path) -> None:
    own = {"Manufacturer": "Doe^Jane", "ManufacturerModelName": "Doe^Jane", "ConvolutionKernel": "Doe^Jane"}
    makers.ct_series(tmp_path / "src", BodyPartExamined="DOEJANE", **own)
    row, made = converted(tmp_path)
    facts = made.facts
    assert (facts.manufacturer, facts.model, facts.kernel, facts.body_part) == (None, None, None, None)
    assert (facts.kernel_class, facts.profile, row["profile"]) == (None, None, None)


@pytest.mark.parametrize("stored", [-2000, -32768])
@pytest.mark.parametrize("intercept", [0, 1])
def test_ge_pads_with_values_that_no_header_need_declare(tmp_path: Path, stored: int, intercept: int) -> None:
    makers.ct_series(tmp_path / "src", intercept=intercept, edit=circle(stored), **GE)
    _, made = converted(tmp_path)
    assert made.facts.padding == stored + intercept == made.volume.array.min()
    assert np.count_nonzero(made.volume.array == made.facts.padding) == 8 * 32


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        (-2000, {"Manufacturer": "SIEMENS"}, None),  # not known of that maker
        (-1999, {}, None),  # not that value
        (-2000, {"PixelPaddingValue": -1500}, -2524.0),  # the header says another
        (None, {}, None),  # no such voxel
    ],
)
def test_nothing_is_padding_that_neither_header_nor_maker_says(
    tmp_path: Path, value: int | None, facts: dict[str, Any], expected: float | None
) -> None:
    edit = None if value is None else circle(value)
    makers.ct_series(tmp_path / "src", edit=edit, **(GE | facts))
    assert converted(tmp_path)[1].facts.padding == expected


def test_nor_where_voxels_are_lower_still(tmp_path: Path) -> None:
    def edit(k: int, ds: Dataset) -> None:
        circle(-2000 if k else -2001)(k, ds)

    makers.ct_series(tmp_path / "src", edit=edit, **GE)
    assert converted(tmp_path)[1].facts.padding is None


def test_nor_where_one_slice_declares_what_others_do_not(tmp_path: Path) -> None:
    def edit(k: int, ds: Dataset) -> None:
        circle(-2000)(k, ds)
        if k == 3:
            ds.PixelPaddingValue = -2000

    makers.ct_series(tmp_path / "src", edit=edit, **GE)
    assert converted(tmp_path)[1].facts.padding is None


def test_nor_where_slices_are_rescaled_each_in_its_own_way() -> None:
    stated = Facts(modality="CT", low=-3024.0)
    one, other = (
        Header(format="dicom", manufacturer="GE MEDICAL SYSTEMS", intercept=intercept) for intercept in (-1024.0, 0.0)
    )
    assert completed(stated, [one, one]).padding == -3024.0
    assert completed(stated, [one, other]).padding is None


def test_no_voxel_depends_on_who_made_it(tmp_path: Path) -> None:
    arrays = []
    for maker in ("GE MEDICAL SYSTEMS", "SIEMENS"):
        folder = tmp_path / maker[:2]
        makers.ct_series(folder / "src", edit=circle(-2000), **(GE | {"Manufacturer": maker}))
        arrays.append(converted(folder)[1].volume.array)
    assert np.array_equal(*arrays)


@pytest.mark.system
def test_a_real_ct_of_ge_that_declares_its_padding_is_the_same_without(
    tmp_path: Path, data: Callable[..., Path]
) -> None:
    source = data("ct-liver-dicomseg") / "ct-3slice"
    found = []
    for declared in (True, False):
        folder = tmp_path / str(declared)
        (folder / "src").mkdir(parents=True)
        for path in source.iterdir():
            ds = pydicom.dcmread(path)
            if not declared:
                del ds.PixelPaddingValue
            ds.save_as(folder / "src" / path.name)
        found.append(converted(folder)[1])
    assert found[0].facts == found[1].facts
    assert found[0].facts.padding == -3024
    assert np.array_equal(found[0].volume.array, found[1].volume.array)
