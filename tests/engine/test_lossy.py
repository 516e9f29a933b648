"""That an image once lost something is said of all that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.archive import makers
from tests.archive.formats import encoders
from tests.engine import jobs

JPEG_2000 = "1.2.840.10008.1.2.4.91"


def compressed(lossy: str | None) -> Any:
    def edit(k: int, ds: Dataset) -> None:
        array = np.frombuffer(ds.PixelData, "i2").reshape(ds.Rows, ds.Columns)
        frame = encoders.jpeg_2000(array, 16, ratio=4 if lossy else None)
        ds.PixelData = pydicom.encaps.encapsulate([frame])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        ds.file_meta.TransferSyntaxUID = UID(JPEG_2000)
        if lossy:
            ds.LossyImageCompression = lossy

    return edit


def stated(out: Path) -> set[bool]:
    """What the attributes of all groups say."""
    texts = [json.loads(path.read_text()) for path in out.rglob("zarr.json")]
    own = [text.get("attributes", {}).get("scanmill", {}) for text in texts]
    return {fact["lossy"] for fact in own if "lossy" in fact}


@pytest.mark.parametrize(("lossy", "expected"), [("01", True), (None, False)])
def test_loss_is_carried_to_every_row(tmp_path: Path, lossy: str | None, expected: bool) -> None:
    makers.ct_series(tmp_path / "src", n=6, edit=compressed(lossy))
    held = jobs.workspace(tmp_path, tmp_path / "src")
    jobs.run(held)
    out = held.output.root
    assert {row["lossy"] for row in pq.read_table(out / "catalog" / "series").to_pylist()} == {expected}
    assert stated(out / "raw") == {expected}
    assert stated(out / "derived") == {expected}
    rows = pq.read_table(out / "report" / "volume_qa.parquet").to_pylist()
    assert {row["output"] for row in rows} == {"ct", "image"}
    assert {row["lossy_source"] for row in rows} == {expected}
