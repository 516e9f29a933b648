"""A recipe with a network: the same bytes however volumes share batches, and what a run says of it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

from pipeline.engine import driver, units
from pipeline.errors import ModelError
from pipeline.models import device, library, predictor
from pipeline.store import omezarr
from tests.engine.jobs import archive, published, recipe, run, workspace

SEGMENT = """\
name: tiny
where: "modality = 'CT'"
stages:
  - {use: segment, model: tiny, overlap: 0.7, keep: both}
  - {use: resample, from: raw, spacing: [2.0, 1.0, 1.0], keep: ct}
  - {use: segment, from: ct, model: tiny, overlap: 0.25, keep: again}
"""


LOGITS = predictor.Predictor.logits


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Volumes at work together, converted before; how full each batch was."""
    root = tmp_path_factory.mktemp("networks")
    source = archive(root / "archive", 2)
    held = workspace(root, source)
    run(held, "name: raw")
    predictor.resident.cache_clear()
    filled = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictor, "ON_CPU", 2)
        patch.setattr(predictor.Predictor, "logits", lambda self, p: filled.append(len(p)) or LOGITS(self, p))
        run(held, SEGMENT)
    return root, source, held, filled


def test_the_same_bytes_in_shared_batches_one_by_one_and_in_two_processes(done, monkeypatch):
    root, source, held, filled = done
    first = published(held.output.root)
    assert any("both" in path for path in first)
    monkeypatch.setattr(units, "AT_ONCE", 1)
    single = []
    monkeypatch.setattr(predictor.Predictor, "logits", lambda self, p: single.append(len(p)) or LOGITS(self, p))
    alone = workspace(root, source, "alone")
    run(alone, SEGMENT)
    assert published(alone.output.root) == first
    assert sum(single) == sum(filled)
    assert max(filled) == 2
    predictor.resident.cache_clear()
    monkeypatch.undo()
    two = workspace(root, source, "two")
    run(two, SEGMENT, workers=2)
    assert published(two.output.root) == first


def test_label_maps_say_what_they_are(done):
    _, _, held, _ = done
    rows = pq.read_table(held.output.report / "structure_qa.parquet").to_pylist()
    assert {r["structure"] for r in rows if r["recipe"] == "tiny"} <= {"one", "two"}
    assert {r["snomed_code"] for r in rows if r["structure"] == "one"} == {"44029006"}
    paths = pq.read_table(held.output.report / "volumes.parquet").to_pylist()
    path = held.output.root / next(r["path"] for r in paths if r["recipe"] == "tiny" and r["outcome"] == "converted")
    labels = zarr.open_group(path, mode="r")["both"]
    own = labels.attrs["scanmill"]
    assert [s["name"] for s in own["structures"]] == ["one", "two"]
    assert own["stages"][-1]["use"] == "segment"
    assert own["stages"][-1]["sha256"] == library.find("tiny").sha256
    assert labels.attrs["ome"]["image-label"]["properties"][1] == {"label-value": 2, "name": "two"}
    again = zarr.open_group(path, mode="r")["ct/labels/again"].attrs["scanmill"]
    assert [s["use"] for s in again["stages"]] == ["resample", "segment"]
    both = omezarr.read(path / "both")
    assert both.kind == "labels"
    assert set(np.unique(both.array)) <= {0, 1, 2}


def test_another_model_under_the_same_name_makes_volumes_stale(done, monkeypatch, tmp_path):
    _, _, held, _ = done
    folder = tmp_path / "tiny"
    folder.mkdir()
    old = library.find("tiny").folder
    (folder / "weights.safetensors").write_bytes((old / "weights.safetensors").read_bytes())
    (folder / "model.yaml").write_text((old / "model.yaml").read_text().replace("sd: 500", "sd: 400"))
    monkeypatch.setenv("SCANMILL_MODELS", str(tmp_path))
    assert [item.state for item in driver.plan(held.output, recipe(SEGMENT), driver.Options())].count("stale") == 3


def test_a_run_without_what_the_network_needs_does_not_begin(done, monkeypatch):
    root, source, _, _ = done
    held = workspace(root, source, "none")
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'scanmill\[models\]'"):
        run(held, SEGMENT)
    assert not (held.output.root / "derived").exists()


def test_a_batch_that_memory_made_smaller_is_told(done, monkeypatch):
    root, source, _, _ = done
    held = workspace(root, source, "reduced")
    monkeypatch.setitem(device.reduced, "tiny", 1)
    summary = run(held, SEGMENT, where="n_slices = 6", limit=1)
    log = (held.output.runs / summary.run_id / "log.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in log]
    assert {"tiny": 1} in [event.get("batches") for event in events if event["event"] == "batch_reduced"]
