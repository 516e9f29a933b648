"""Packaged preprocessing on real images: samples, their label maps, fits over an archive, lungs."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from pipeline.grid import Grid
from pipeline.stages.transform import Transform
from pipeline.store import omezarr
from pipeline.volume import Volume
from tests.engine.jobs import published
from tests.system.test_real_data import rows, scanmill

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def samples(data, tmp_path_factory):
    """OUT of ct-augment over nine images with tumour masks, made by one worker and by two."""
    source, root = data("ibsi-sts-ct-mr-pet") / "nifti", tmp_path_factory.mktemp("augment")
    for workers in (1, 2):
        arguments = ("run", "ct-augment", "-o", root / str(workers), source, "--vault", root / "vault")
        scanmill(*arguments, "--modality", "CT", "--workers", workers, code=0)
    return root / "1", root / "2"


def test_samples_have_the_same_bytes_whatever_the_workers(samples):
    one, two = map(published, samples)
    assert one == two
    assert sum(name.endswith("/image/s003/0/zarr.json") for name in one) == 9


def test_a_warped_mask_is_the_mask_of_the_warped_image_and_both_are_interpolated_once(samples):
    out = samples[0]
    assert {row["n_interpolations"] for row in rows(out, "volume_qa")} == {1}
    dice = []
    for row in rows(out, "volumes", recipe="ct-augment"):
        (raw,) = rows(out, "volumes", recipe="raw", volume_id=row["volume_id"])
        mask = omezarr.read(out / raw["path"] / "labels" / "mask")
        for sample in ("s000", "s001", "s002", "s003"):
            path = out / row["path"] / "image" / sample
            warped = omezarr.read(path / "labels" / "mask")
            stages = json.loads((path / "zarr.json").read_text())["attributes"]["scanmill"]["stages"]
            assert [stage["use"] for stage in stages].count("transform") == 1
            fields = {k: v for k, v in stages[0].items() if k not in ("use", "version")}
            stage = TypeAdapter(Transform).validate_python({**fields, "order": 1, "antialias": False, "fill": 0})
            image = Volume(mask.array.astype("i2") * 1000, mask.grid)
            again = stage(image, stage.spec(image.spec).grid, image.spec).array >= 500
            assert again.shape == warped.array.shape
            both = again.sum() + (warped.array == 1).sum()
            dice.append(2 * (again & (warped.array == 1)).sum() / both if both else 1.0)
    assert len(dice) == 36
    assert min(dice) >= 0.99


def test_a_fingerprint_is_the_same_file_whatever_the_workers(samples, tmp_path):
    text = "name: tumours\nstages:\n  - {use: threshold, lower: -200, as: body}\n"
    text += "  - {use: fingerprint, from: raw, within: body, keep: ct}\n"
    (tmp_path / "tumours.yaml").write_text(text)
    found = []
    for out, workers in zip(samples, (1, 2), strict=True):
        vault = out.parent / "vault"
        done = scanmill("fit", tmp_path / "tumours.yaml", "-o", out, "--vault", vault, "--workers", workers, code=0)
        assert done["n_volumes"] == 9
        found.append((out / "fits" / f"{done['fits']['ct']}.json").read_bytes())
    assert found[0] == found[1]


def test_the_lungs_of_a_chest(data, tmp_path):
    """Between two and seven litres of air on both sides of the middle, none of it at the border of a slice."""
    source = data("ct-chest-philips-lidc0314")
    scanmill("run", "ct-lungs-classical", "-o", tmp_path / "out", source, "--vault", tmp_path / "vault", code=0)
    (row,) = rows(tmp_path / "out", "structure_qa")
    assert 2000 < row["volume_ml"] < 7000
    assert row["n_components"] <= 2
    (made,) = rows(tmp_path / "out", "volumes", recipe="ct-lungs-classical")
    lungs = omezarr.read(tmp_path / "out" / made["path"] / "ct" / "labels" / "lungs")
    sides = np.add.reduceat(lungs.array.sum(axis=(0, 1)), [0, lungs.array.shape[2] // 2])
    assert min(sides) > 0.25 * lungs.array.sum()
    assert isinstance(lungs.grid, Grid)
    assert not lungs.array[:, [0, -1]].any()
    assert not lungs.array[:, :, [0, -1]].any()
