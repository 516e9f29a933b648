"""Which arrays of OUT a record speaks of, and what their values mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.export.onto import onto, share_voxels
from pipeline.export.published import load, published
from pipeline.grid import Grid
from pipeline.orientation import toward
from pipeline.store import omezarr
from pipeline.store.omezarr import Image
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.archive.makers import affine
from tests.export.made import labels

GRID = Grid(affine().tolist(), (4, 6, 8))
RAW = {"anatomical": True}


def image(*below: str, **facts: object) -> Image:
    return Image(Volume(np.zeros(GRID.shape, "i2"), GRID), {name: Image(labels(GRID)) for name in below}, facts)


def record(path: Path, outputs: dict[str, str]) -> dict[str, object]:
    kinds = {name: {"kind": kind} for name, kind in outputs.items()}
    return {
        "type": "derived", "path": path.name, "volume_id": "ab" * 16, "recipe": "r", "fingerprint": "cd" * 32,
        "sha256": "ef" * 32, "outputs": kinds,
    }  # fmt: skip


def test_samples_and_labels_are_found_where_they_lie(tmp_path: Path) -> None:
    images = {"ct": image("body", "mask"), "image/s000": image("lesion", "mask"), "image/s001": image("lesion", "mask")}
    omezarr.write_group(tmp_path / "g.zarr", images)
    outputs = dict.fromkeys(images, "image") | dict.fromkeys(
        ("body", "lesion/s000", "lesion/s001", *(f"{name}/labels/mask" for name in images)), "labels"
    )
    found = published(tmp_path, record(tmp_path / "g.zarr", outputs))
    places = {one.stem: one.path.relative_to(tmp_path / "g.zarr").as_posix() for one in found}
    assert places == {
        "ct": "ct",
        "image_s000": "image/s000",
        "image_s001": "image/s001",
        "body": "ct/labels/body",
        "lesion_s000": "image/s000/labels/lesion",
        "lesion_s001": "image/s001/labels/lesion",
        "mask_ct": "ct/labels/mask",
        "mask_image_s000": "image/s000/labels/mask",
        "mask_image_s001": "image/s001/labels/mask",
    }
    assert {one.stem for one in found if one.sample} == {stem for stem in places if "_s00" in stem}


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_every_value_has_a_name(tmp_path: Path, dtype: str) -> None:
    """Stated ones are kept whether they occur or not; others are named after the output."""
    array = labels(GRID).array.astype(dtype)
    stated = {"value": 2, "name": "right lung", "code": "3341006", "meaning": None, "category": "91723000"}
    absent = stated | {"value": 3, "name": "absent"}
    networks: dict[str, Any] = {"structures": [stated, absent], "stages": [{"use": "segment"}]}
    brought: dict[str, Any] = {"structures": [stated, absent]}  # with the source
    for facts in ({}, brought, networks):
        path = tmp_path / f"{len(facts)}.zarr"
        omezarr.write_group(path, {"lungs": Image(Volume(array, GRID, "labels"), {}, facts)})
        made = record(path, {"lungs": "labels"})
        (one,) = published(tmp_path, made)
        read = load(one, made, RAW)
        assert np.array_equal(read.volume.array, array)
        if facts:
            names = ["lungs 1", "right lung", "absent", "lungs 7"]
            assert [s.value for s in read.structures] == [1, 2, 3, 7]
            assert read.structures[1] == Structure(2, "right lung", "3341006")
        else:
            names = ["lungs 1", "lungs 2", "lungs 7"]
        assert [s.name for s in read.structures] == names
        assert read.by_network is (facts is networks)


class TestOnto:
    @pytest.mark.parametrize("codes", ["LPS", "RAI", "SPL"])
    def test_shared_voxels_are_copied(self, codes: str) -> None:
        turn = toward(GRID, codes)
        volume = labels(GRID)
        turned = Volume(turn.array(volume.array), turn.grid(GRID), "labels")
        assert share_voxels(turned.grid, GRID)
        assert np.array_equal(onto(turned, GRID).array, volume.array)

    def test_a_drift_over_the_whole_is_not_shared(self) -> None:
        assert share_voxels(GRID, Grid(GRID.frame, (2, 2, 2), (1, 1, 1)))
        frame = GRID.affine
        frame[:3, 0] *= 1.001
        assert not share_voxels(Grid(frame.tolist(), GRID.shape), GRID)
        assert not share_voxels(GRID.respace((1.0, 1.0, 1.0)), GRID)
        assert not share_voxels(Grid(affine(oblique=True).tolist(), GRID.shape), GRID)
