"""Segmentations and structure sets from scan to conversion: labels of their image, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats.child import Child
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.annotations import contour, segmentation, structure_set

SHAPE = (5, 20, 24)
SECRET = "Doe lesion"


class Archive:
    """A CT, and what is put beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.vault = Vault.create(folder / "vault")
        self.images = makers.ct_series(self.folder / "ct", SHAPE[0], SHAPE[1:])

    def scan(self) -> Catalog:
        return scan([self.folder], self.vault)

    def convert(self, catalog: Catalog | None = None) -> Converted:
        rows = [row for row in (catalog or self.scan()).stacks.to_pylist() if row["volume_id"]]
        assert len(rows) == 1
        with Child() as child:
            return convert(self.vault, rows[0]["volume_id"], rows[0]["edition"], child)

    def ends(self, catalog: Catalog | None = None) -> dict[str, tuple[str | None, str | None, int]]:
        """File name -> outcome, reason, number of volumes; images left out."""
        rows = {row["file_id"]: row for row in (catalog or self.scan()).files.to_pylist()}
        found = {}
        for path in self.folder.rglob("*.dcm"):
            row = rows.pop(self.vault.pseudonym("file", str(path).encode()))
            if path.parent.name != "ct":
                found[path.name] = (row["outcome"], row["reason"], len(row["volume_ids"]))
            else:
                assert (row["outcome"], len(row["volume_ids"])) == (None, 1)
        assert not rows
        return found


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def mask(seed: int, density: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE) < density


def square(low: float, high: float, k: int = 2) -> Any:
    frame = makers.affine()
    corners = [(low, low), (low, high), (high, high), (high, low)]
    return contour(np.array([(frame @ (k, j, i, 1))[:3] for j, i in corners]))


def test_labels_of_their_image(archive: Archive) -> None:
    own = {1: mask(1), 3: mask(2), 4: ~mask(1) & ~mask(2)}
    segmentation(archive.folder / "seg" / "a.dcm", archive.images, own, labels={1: SECRET})
    structure_set(
        archive.folder / "b.dcm", archive.images, {9: [square(3.5, 9.5)]}, names={9: SECRET}, kinds={9: "GTV"}
    )
    catalog = archive.scan()
    assert archive.ends(catalog) == {"a.dcm": (None, None, 1), "b.dcm": (None, None, 1)}
    (series,) = catalog.series.to_pylist()
    assert (series["verdict"], series["n_labels"], series["n_files"]) == ("accepted", 2, SHAPE[0])
    made = archive.convert(catalog)
    assert sorted(made.labels) == ["rtstruct", "seg", "seg-2"]
    for name, numbers in (("seg", (1, 4)), ("seg-2", (3,))):
        for number in numbers:
            np.testing.assert_array_equal(made.labels[name].array == number, own[number])
        assert made.labels[name].grid == made.volume.grid
        assert [(s.value, s.code) for s in made.structures[name]] == [(number, "10200004") for number in numbers]
    assert made.labels["rtstruct"].array.sum() == made.labels["rtstruct"].array[2].sum() == 36
    assert [s.name for s in made.structures["rtstruct"]] == ["gross tumor volume"]
    assert SECRET not in repr(made.structures)


def test_the_same_with_every_copy_once(archive: Archive) -> None:
    """Copies count once; of copies that differ none can be right."""
    path = segmentation(archive.folder / "a.dcm", archive.images, {1: mask(1)})
    (archive.folder / "copy.dcm").write_bytes(path.read_bytes())
    ends = archive.ends()
    assert set(ends.values()) == {("duplicate", "DUPLICATE_SOP", 0), (None, None, 1)}
    assert sorted(archive.convert().labels) == ["seg"]
    other = dcmread(path)
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(archive.folder / "other.dcm")
    assert set(archive.ends().values()) == {("quarantined", "DUPLICATE_SOP_CONFLICT", 0)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PixelData": b"\0\0"}, "TRUNCATED"),
        ({"NumberOfFrames": 7}, "UNREADABLE"),
        ({"BitsAllocated": 16}, "UNREADABLE"),
    ],
)
@pytest.mark.parametrize("same_series", [False, True])
def test_a_broken_one_spoils_nothing(archive: Archive, change: dict[str, Any], reason: str, same_series: bool) -> None:
    """Not even the images of whose series it says that it is."""
    if same_series:
        change = change | {"SeriesInstanceUID": dcmread(archive.images[0]).SeriesInstanceUID}
    if "BitsAllocated" in change:
        change = change | {"PixelData": bytes(20 * 24 * 2 * 5)}
    segmentation(archive.folder / "a.dcm", archive.images, {1: mask(1)}, **change)
    whole = segmentation(archive.folder / "b.dcm", archive.images, {1: mask(2)})
    assert whole.exists()
    assert archive.ends() == {"a.dcm": ("quarantined", reason, 0), "b.dcm": (None, None, 1)}
    np.testing.assert_array_equal(archive.convert().labels["seg"].array, mask(2))


def test_frames_that_cannot_be_decoded(archive: Archive) -> None:
    """Encapsulated frames are decoded by the scan, once: the image converts without them."""
    values = {1: mask(1), 2: mask(2) & ~mask(1)}
    path = segmentation(archive.folder / "a.dcm", archive.images, values, "LABELMAP")
    made = dcmread(path)
    made.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    made.save_as(path)
    assert archive.ends() == {"a.dcm": (None, None, 1)}
    np.testing.assert_array_equal(archive.convert().labels["seg"].array, values[1] + 2 * values[2])
    data = bytearray(path.read_bytes())
    at = data.rindex(b"\xfe\xff\x00\xe0") + 8
    data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert archive.ends() == {"a.dcm": ("quarantined", "DECODE_FAIL", 0)}
    assert archive.ends() == {"a.dcm": ("quarantined", "DECODE_FAIL", 0)}
    assert archive.convert().labels == {}


def test_orphans(archive: Archive) -> None:
    other = makers.ct_series(archive.folder.parent / "elsewhere", SHAPE[0], SHAPE[1:], seed=1)
    segmentation(archive.folder / "a.dcm", other, {1: mask(1)})
    structure_set(archive.folder / "b.dcm", archive.images, {1: [square(3, 9)]}, frame="1.2.3")
    structure_set(archive.folder / "c.dcm", archive.images, {1: [square(3, 9, k=40)]})
    structure_set(archive.folder / "d.dcm", archive.images, {})
    catalog = archive.scan()
    orphan = ("skipped", "ORPHAN_LABELS", 0)
    assert archive.ends(catalog) == {
        "a.dcm": orphan,
        "b.dcm": orphan,
        "c.dcm": orphan,
        "d.dcm": ("skipped", "NO_REGIONS", 0),
    }
    verdicts = sorted((row["verdict"], row["reason"] or "") for row in catalog.series.to_pylist())
    assert verdicts == [("accepted", ""), *[("skipped", "NO_REGIONS")], *[("skipped", "ORPHAN_LABELS")] * 3]


def test_of_an_image_that_is_refused(archive: Archive) -> None:
    segmentation(archive.folder / "a.dcm", archive.images, {1: mask(1)})
    for path in archive.images[1:4]:
        path.write_bytes(path.read_bytes()[:-100])
    catalog = archive.scan()
    rows = {row["reason"]: row["outcome"] for row in catalog.files.to_pylist()}
    assert rows["ORPHAN_LABELS"] == "skipped"


def test_runs_of_a_series_share_one(archive: Archive) -> None:
    """A gap cuts the series; each run has its own slices of the segmentation."""
    images = makers.ct_series(archive.folder / "long", 8, SHAPE[1:], seed=3)
    own = np.random.default_rng(0).random((8, *SHAPE[1:])) < 0.5
    segmentation(archive.folder / "a.dcm", images, {2: own})
    images[3].unlink()
    catalog = archive.scan()
    rows = {row["volume_id"]: row for row in catalog.stacks.to_pylist() if row["partial"]}
    assert len(rows) == 2
    (label,) = [row for row in catalog.files.to_pylist() if set(row["volume_ids"]) == set(rows)]
    assert label["outcome"] is None
    (series,) = [row for row in catalog.series.to_pylist() if row["n_volumes"] == 2]
    assert series["n_labels"] == 1
    with Child() as child:
        made = [convert(archive.vault, name, row["edition"], child) for name, row in rows.items()]
    parts = sorted((one.labels["seg"].array for one in made), key=len)
    np.testing.assert_array_equal(parts[0], own[:3] * 2)
    np.testing.assert_array_equal(parts[1], own[4:] * 2)


def test_a_label_more_is_another_volume(archive: Archive) -> None:
    before = archive.scan().series["volume_id"].to_pylist()
    path = segmentation(archive.folder / "a.dcm", archive.images, {1: mask(1)})
    catalog = archive.scan()
    assert catalog.series["volume_id"].to_pylist() != before
    path.unlink()
    assert archive.scan().series["volume_id"].to_pylist() == before
    with pytest.raises(Quarantine) as refused:
        archive.convert(catalog)
    assert refused.value.reason is Reason.CHANGED
