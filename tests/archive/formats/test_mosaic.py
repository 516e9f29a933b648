"""Mosaics: every tile becomes the slice that it was made of, at its place; what does not say how is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from pipeline.archive.formats import csa
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.mosaic import tiles
from pipeline.archive.formats.voxels import stored
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused
from tests.archive.multiframe import csa_header, item, mosaic

with warnings.catch_warnings():
    # "Highly experimental", it says: as an oracle it will do.
    warnings.simplefilter("ignore")
    from nibabel.nicom import csareader, dicomwrappers


def frames_at(header: Header) -> np.ndarray:
    return np.array([frame.position for frame in header.frames])


@pytest.mark.parametrize("n", [1, 2, 4, 5, 9, 10, 35])
@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("down", [False, True])
def test_a_mosaic_is_the_volume_that_it_was_made_of(
    tmp_path: Path, child: Child, n: int, oblique: bool, down: bool
) -> None:
    volume, frame = makers.voxels((n, 6, 10)), makers.affine((3.5, 1.25, 0.75), oblique)
    if down:
        frame[:3, 0] *= -1
    path = mosaic(tmp_path / "a.dcm", volume, frame)
    header = accepted(child, path)
    assert (header.shape, header.pixel_offset) == (volume.shape, None)
    assert Header.from_json(header.to_json()) == header
    assert np.allclose(frames_at(header), [(frame @ (k, 0, 0, 1))[:3] for k in range(n)], rtol=0, atol=1e-6)
    assert {frame.spacing for frame in header.frames} == {(1.25, 0.75)}
    assert np.array_equal(stored(path, header, child), volume)
    wanted = [n - 1, 0]
    assert np.array_equal(stored(path, header, child, parts=wanted), volume[wanted])
    oracle = dicomwrappers.MosaicWrapper(dcmread(path), n_mosaic=n)
    assert np.allclose(oracle.image_position, header.frames[0].position, rtol=0, atol=1e-6)
    if n > 1:
        assert np.array_equal(oracle.get_unscaled_data().transpose(2, 0, 1), volume)
        assert np.allclose(oracle.affine[:3, 2], frames_at(header)[1] - frames_at(header)[0], rtol=0, atol=1e-6)


def test_what_all_slices_of_a_mosaic_say(tmp_path: Path, child: Child) -> None:
    path = mosaic(
        tmp_path / "a.dcm",
        makers.voxels((4, 6, 6)),
        makers.affine(),
        EchoTime=30,
        RescaleSlope=2,
        RescaleIntercept=-3,
        InstanceNumber=7,
    )
    header = accepted(child, path)
    for frame in header.frames:
        assert (frame.facets.echo_ms, frame.facets.number, frame.facets.component) == (30.0, 7, "M")
        assert (frame.slope, frame.intercept, frame.rescale_stated) == (2.0, -3.0, True)


CSA: dict[str, tuple[str, ...]] = {"NumberOfImagesInMosaic": ("5",), "SliceNormalVector": ("0.0", "0.0", "1.0")}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"csa": csa_header(CSA, second=False)}, None),
        ({"csa": csa_header({"SliceNormalVector": CSA["SliceNormalVector"]}), "images": 5}, None),
        ({"csa": csa_header(CSA | {"ProtocolSliceNumber": ("0",)})}, None),
        ({"csa": csa_header(CSA | {"ProtocolSliceNumber": ("4",)})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA)[:-100]}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA)[: 16 + 80] + b"x" + csa_header(CSA)[16 + 81 :]}, Reason.MULTIFRAME),
        ({"csa": csa_header({"SliceNormalVector": CSA["SliceNormalVector"]})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"SliceNormalVector": ("0", "1", "0")})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"SliceNormalVector": ("0", "1")})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"SliceNormalVector": ("nan", "0", "1")})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"SliceNormalVector": ("a", "b", "c")})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"NumberOfImagesInMosaic": ("x",)})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"NumberOfImagesInMosaic": ("17",)})}, Reason.MULTIFRAME),
        ({"csa": csa_header(CSA | {"NumberOfImagesInMosaic": ("5000",)})}, Reason.MULTIFRAME),
        ({"csa": None, "images": 5}, Reason.MULTIFRAME),
        ({"csa": None}, Reason.MULTIFRAME),
        ({"images": 0}, None),
        ({"SpacingBetweenSlices": None}, Reason.MULTIFRAME),
        ({"SpacingBetweenSlices": 0}, Reason.MULTIFRAME),
        ({"SpacingBetweenSlices": -2}, Reason.MULTIFRAME),
        ({"ImagePositionPatient": None}, Reason.MULTIFRAME),
        ({"ImageOrientationPatient": None}, Reason.MULTIFRAME),
        ({"PixelSpacing": None}, Reason.MULTIFRAME),
        ({"Rows": 19}, Reason.TRUNCATED),
    ],
)
def test_reasons(tmp_path: Path, child: Child, facts: dict[str, Any], reason: Reason | None) -> None:
    # 17 slices are tiled 5 x 5, and 18 rows are no multiple of 5.
    path = mosaic(tmp_path / "a.dcm", makers.voxels((5, 6, 6)), makers.affine(), **facts)
    assert refused(child, path) is reason


def grid(path: Path, volume: np.ndarray, places: list[list[float]], count: int, edit: str = "VFRAME") -> Path:
    """Five slices of United Imaging, three tiles by two."""
    n, rows, columns = volume.shape
    image = np.zeros((2 * rows, 3 * columns), volume.dtype)
    for k in range(n):
        image[k // 3 * rows : (k // 3 + 1) * rows, k % 3 * columns : (k % 3 + 1) * columns] = volume[k]
    ds = makers.dataset(image, Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", edit])
    block = ds.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(count))
    block.add_new(0x51, "SQ", Items([item({"ImagePositionPatient": place}) for place in places]))
    return makers.write(ds, path)


def test_a_grid_of_united_imaging(tmp_path: Path, child: Child) -> None:
    volume = makers.voxels((5, 4, 6))
    places = [[0.5, -1.25, 3.0 * k] for k in range(5)]
    path = grid(tmp_path / "a.dcm", volume, places, 5)
    header = accepted(child, path)
    assert (header.shape, header.mosaic) == ((5, 4, 6), 3)
    assert frames_at(header).tolist() == places
    assert np.array_equal(stored(path, header, child), volume)
    assert refused(child, grid(tmp_path / "b.dcm", volume, places, 4)) is Reason.MULTIFRAME
    assert refused(child, grid(tmp_path / "c.dcm", volume, places[:4], 5)) is Reason.MULTIFRAME
    assert accepted(child, grid(tmp_path / "d.dcm", volume, places, 5, "NORM")).shape == (1, 8, 18)


def test_the_private_block_may_be_any(tmp_path: Path, child: Child) -> None:
    path = mosaic(tmp_path / "a.dcm", makers.voxels((4, 6, 6)), makers.affine(), csa=None)
    assert refused(child, path) is Reason.MULTIFRAME
    ds = dcmread(path)
    taken: Dataset = ds
    for creator in ("SOMEBODY ELSE", "ANOTHER"):
        taken.private_block(0x0029, creator, create=True).add_new(0x10, "OB", b"\0" * 20)
    header = csa_header(CSA | {"NumberOfImagesInMosaic": ("4",)})
    taken.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", header)
    assert (0x0029, 0x1210) in ds
    assert accepted(child, makers.write(ds, path)).shape == (4, 6, 6)


TEXTS = st.dictionaries(
    st.text("abcXYZ_", min_size=1, max_size=20),
    st.lists(st.text("0123456789.-eE", min_size=1, max_size=12), max_size=6).map(tuple),
    min_size=1,
    max_size=5,
)


@settings(max_examples=50)
@given(values=TEXTS, second=st.booleans())
def test_csa_reads_what_nibabel_reads(values: dict[str, tuple[str, ...]], second: bool) -> None:
    raw = csa_header(values, second=second)
    assert csa.texts(raw, values) == values
    if not second:
        return  # nibabel stops at the first tag of the first layout.
    try:
        oracle = csareader.read(raw)["tags"]
    except ValueError:
        return  # It makes numbers of texts that are none.
    counts = {name: len(texts) for name, texts in values.items()}
    assert {name: len(tag["items"]) for name, tag in oracle.items()} == counts


@given(values=TEXTS, second=st.booleans(), data=st.data())
def test_damaged_csa_is_refused_or_read(values: dict[str, tuple[str, ...]], second: bool, data: st.DataObject) -> None:
    raw = bytearray(csa_header(values, second=second))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for damaged in (bytes(raw), bytes(raw[: data.draw(st.integers(0, len(raw)))]), b"", b"SV10"):
        try:
            csa.texts(damaged, values)
        except ValueError:
            continue


@given(n=st.integers(1, 30), rows=st.integers(1, 4), columns=st.integers(1, 4), across=st.integers(1, 6))
def test_tiles(n: int, rows: int, columns: int, across: int) -> None:
    down = -(-n // across)
    image = np.arange(down * rows * across * columns).reshape(1, down * rows, across * columns)
    for k, tile in enumerate(tiles(image, (n, rows, columns), across)):
        j, i = k // across * rows, k % across * columns
        assert np.array_equal(tile, image[0, j : j + rows, i : i + columns])
