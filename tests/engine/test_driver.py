"""The main job on small archives: accounting, once, same bytes, isolation, resume."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.engine import derive, driver, job, memory, units
from pipeline.engine.driver import Options, allowed
from pipeline.engine.todo import State
from pipeline.engine.workspace import Workspace, account
from pipeline.errors import KeyMismatch, Quarantine, RecipeError, SourceError, StoreError, UsageError
from pipeline.reasons import Reason
from pipeline.stages.window import Window
from pipeline.store import omezarr
from tests.archive.makers import ct_series, uid, voxels
from tests.engine.jobs import BODY, archive, everything, published, recipe, run, workspace


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """An archive, worked on once; tests that change it take a copy."""
    root = tmp_path_factory.mktemp("job")
    source = archive(root / "archive")
    held = workspace(root, source)
    return root, source, held, run(held)


def rows(held, table):
    return pq.read_table(held.output.report / f"{table}.parquet").to_pylist()


def test_every_file_is_accounted_for(done):
    _, _, _, summary = done
    found = summary.accounting
    assert (found.found, found.converted, found.quarantined, found.skipped) == (28, 20, 7, 1)
    assert found.reasons == {Reason.DUPLICATE_POSITION: 7, Reason.NOT_AN_IMAGE: 1}
    assert summary.exit_code == 3
    assert summary.refused == {"DUPLICATE_POSITION": 1}


def test_each_volume_stands_once_with_every_figure(done):
    _, _, held, _ = done
    keys = [(r["volume_id"], r["recipe"]) for r in rows(held, "volumes")]
    assert len(keys) == len(set(keys)) == 8
    qa = rows(held, "volume_qa")
    assert {(r["output"]) for r in qa} == {"ct", "image"}
    assert len(qa) == 8
    empty = {name for row in qa for name, value in row.items() if value is None}
    assert empty == set()
    structures = rows(held, "structure_qa")
    assert len(structures) == 4
    assert all(r["n_components"] == 1 and r["volume_ml"] > 0 for r in structures)


def test_the_raw_volume_is_what_was_written_and_ct_lies_on_it(done):
    _, _, held, _ = done
    found = 0
    for row in rows(held, "volumes"):
        if row["recipe"] != "raw" or row["shape_k"] != 6:
            continue
        raw = omezarr.read(held.output.root / row["path"])
        found += any(np.array_equal(raw.array, voxels((6, 32, 32), n) - 1024) for n in range(3))
        (derived,) = [r for r in rows(held, "volumes") if r["volume_id"] == row["volume_id"] and r["recipe"] == "body"]
        ct = omezarr.read(held.output.root / derived["path"] / "ct")
        np.testing.assert_allclose(ct.grid.position((-0.5,) * 3), raw.grid.position((-0.5,) * 3), atol=1e-9)
        image = omezarr.read(held.output.root / derived["path"] / "image")
        by_hand = Window(40, 400)(ct, ct.grid, ct.spec).array
        np.testing.assert_array_equal(image.array, by_hand)
        body = omezarr.read(held.output.root / derived["path"] / "ct" / "labels" / "body")
        assert body.kind == "labels"
    assert found == 3


def test_a_mask_is_published_below_its_image(done):
    _, _, held, _ = done
    (row,) = [r for r in rows(held, "volumes") if r["outputs"] == ["mask"]]
    mask = omezarr.read(held.output.root / row["path"] / "labels" / "mask")
    np.testing.assert_array_equal(mask.array, voxels((5, 20, 24), 7) > 1200)


def test_the_same_command_again_writes_nothing(done):
    _, source, held, _ = done
    before = everything(held.output.root)
    assert held.scan([source]) == 0
    again = run(held)
    assert (again.made, again.run_id, again.changed) == (0, None, [])
    assert again.exit_code == 3
    assert everything(held.output.root) == before


def test_another_output_of_the_same_vault_has_the_same_bytes(done, tmp_path):
    root, source, held, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    run(other)
    assert published(other.output.root) == published(held.output.root)


def test_two_worker_processes_give_the_bytes_of_one(done, tmp_path):
    root, source, held, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    summary = run(other, workers=2)
    assert summary.exit_code == 3
    assert published(other.output.root) == published(held.output.root)
    assert not any(other.output.staging.iterdir())


def test_a_changed_recipe_does_its_own_part_and_reads_no_file_again(done, tmp_path, monkeypatch):
    root, _, held, _ = done
    out = shutil.copytree(held.output.root, tmp_path / "out")
    other = Workspace.open(out, root / "vault")
    monkeypatch.setattr(job, "convert", lambda *a, **k: pytest.fail("converted again"))
    changed = BODY.replace("width: 400", "width: 500")
    states = {item.state for item in driver.plan(other.output, recipe(changed), Options())}
    assert states == {State.STALE, State.REFUSED}
    assert run(other, changed).made == 4
    assert len(rows(other, "volume_qa")) == 8
    assert run(other, changed).made == 0
    assert run(other).made == 4
    assert published(held.output.root).items() <= published(out).items()


def test_one_bad_volume_changes_nothing_else_and_is_told_without_a_message(done, tmp_path, monkeypatch):
    root, source, held, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    bad = min(i.volume_id for i in driver.plan(other.output, recipe(), Options()) if i.volume_id)
    real = job.convert

    def convert(vault, volume_id, edition, child):
        if volume_id == bad:
            raise ValueError("PatientName is Doe^Jane")
        return real(vault, volume_id, edition, child)

    monkeypatch.setattr(job, "convert", convert)
    summary = run(other)
    assert summary.refused == {"DUPLICATE_POSITION": 1, "INTERNAL": 1}
    log = (other.output.runs / summary.run_id / "log.jsonl").read_text()
    assert "Doe" not in log
    assert json.loads(log)["where"].startswith("ValueError at test_driver.py")
    monkeypatch.undo()
    assert run(other).refused == {"DUPLICATE_POSITION": 1}
    assert published(other.output.root) == published(held.output.root)


def test_what_memory_does_not_hold_is_refused_before_it_is_tried(done, tmp_path):
    root, source, _, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    summary = run(other, memory_limit=memory.converting(6 * 32 * 32))
    assert summary.refused == {"DUPLICATE_POSITION": 1, "TOO_LARGE": 3}
    assert summary.accounting.converted == 20
    assert run(other).refused == {"DUPLICATE_POSITION": 1}


def test_no_header_text_leaves_the_vault(done):
    _, _, held, _ = done
    for path in held.output.root.rglob("*"):
        assert "entinel" not in path.name
        if path.is_file():
            content = path.read_bytes()
            assert b"entinel" not in content, path.name
            assert b"PAT-0001" not in content, path.name


def test_a_selection_narrows_a_run(done, tmp_path):
    root, source, held, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    assert run(other, limit=1, where="n_slices = 6 and verdict = 'accepted'").made == 2
    parts = [driver.plan(held.output, recipe(), Options(shard=(n, 3))) for n in range(3)]
    ids = [item.series_id for part in parts for item in part]
    assert sorted(ids) == sorted(i.series_id for i in driver.plan(held.output, recipe(), Options()))


@pytest.mark.parametrize(
    "where",
    [
        "nonsense = 1",
        "modality",
        "CAST(modality AS INT) = 1",
        "rows > 'abc'",
        "1=1); DROP TABLE series; --",
        "modality = (select * from read_text('/etc/passwd'))",
    ],
)
def test_a_condition_that_is_not_one_is_refused(done, where):
    with pytest.raises(RecipeError, match="where"):
        driver.plan(done[2].output, recipe(), Options(where=where))


def test_too_many_failures_stop_a_run(done, tmp_path, monkeypatch):
    root, source, _, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(job, "convert", broken)
    summary = run(other, max_failures="1")
    assert summary.exit_code == 6
    assert summary.refused["INTERNAL"] == 2


def test_another_key_is_refused_and_nothing_scanned_is_said(done, tmp_path):
    _, _, held, _ = done
    Workspace.open(tmp_path / "a", tmp_path / "vault")
    with pytest.raises(KeyMismatch):
        Workspace.open(held.output.root, tmp_path / "vault")
    with pytest.raises(SourceError):
        account(Workspace.open(tmp_path / "b", tmp_path / "vault").output)


def test_a_full_disk_stops_the_run_in_one_sentence(done, tmp_path, monkeypatch):
    root, source, held, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    real, calls = omezarr.write_images, []

    def full(path, images):
        calls.append(path)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(path, images)

    monkeypatch.setattr(omezarr, "write_images", full)
    with pytest.raises(StoreError, match="full"):
        run(other)
    monkeypatch.undo()
    assert account(other.output).converted > 0
    run(other)
    assert published(other.output.root) == published(held.output.root)


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("5%", 10), ("0", 0)])
def test_allowed_failures(text, number):
    assert allowed(text, 200) == number


@pytest.mark.parametrize("text", ["", "-1", "5 %", "many"])
def test_other_limits_are_refused(text):
    with pytest.raises(UsageError):
        allowed(text, 200)


def test_a_late_slice_makes_a_new_volume_that_supersedes_the_old(tmp_path):
    source = tmp_path / "archive"
    paths = ct_series(source, n=6, SeriesInstanceUID=uid("late"))
    late = paths[-1].read_bytes()
    paths[-1].unlink()
    held = workspace(tmp_path, source)
    assert run(held).made == 2
    paths[-1].write_bytes(late)
    held.scan([source])
    assert run(held).made == 2
    volumes = rows(held, "volumes")
    assert sorted((r["recipe"], r["superseded"]) for r in volumes) == [
        ("body", False),
        ("body", True),
        ("raw", False),
        ("raw", True),
    ]
    assert account(held.output).converted == 6


def test_versions_enter_the_fingerprint(done, monkeypatch):
    _, _, held, _ = done
    monkeypatch.setattr(Window, "version", Window.version + 1)
    assert {i.state for i in driver.plan(held.output, recipe(), Options())} == {State.STALE, State.REFUSED}


def test_a_scan_of_fewer_sources_says_what_it_leaves_out(tmp_path):
    for name in ("a", "b"):
        ct_series(tmp_path / name, n=3, SeriesInstanceUID=uid(name))
    held = workspace(tmp_path)
    assert held.scan([tmp_path / "a", tmp_path / "b"]) == 0
    assert account(held.output).found == 6
    assert held.scan([tmp_path / "b"]) == 1
    assert account(held.output).found == 3


def test_a_damaged_volume_is_refused_alone(done, tmp_path):
    root, _, held, _ = done
    other = Workspace.open(shutil.copytree(held.output.root, tmp_path / "out"), root / "vault")
    shards = [p for p in (other.output.root / "raw").rglob("c/0/0/0") if "labels" not in p.parts]
    shards[0].write_bytes(shards[0].read_bytes()[::-1])
    summary = run(other, BODY.replace("width: 400", "width: 300"))
    assert summary.refused == {"DUPLICATE_POSITION": 1, "DAMAGED": 1}
    assert summary.made == 3


def test_copies_with_other_pixels_in_two_outputs_of_one_vault_stay_apart(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        same = {"SeriesInstanceUID": uid("copied"), "FrameOfReferenceUID": uid("frame")}
        ct_series(
            tmp_path / name, n=4, seed=seed, edit=lambda k, ds: setattr(ds, "SOPInstanceUID", uid("sop", k)), **same
        )
    held = {name: workspace(tmp_path, tmp_path / name, f"out-{name}") for name in ("a", "b")}
    for seed, name in ((1, "a"), (2, "b")):
        run(held[name], "name: raw")
        (row,) = rows(held[name], "volumes")
        found = omezarr.read(held[name].output.root / row["path"])
        np.testing.assert_array_equal(found.array, voxels((4, 32, 32), seed) - 1024)


def test_an_archive_that_is_edited_in_place_is_converted_anew(tmp_path):
    fixed = {
        "SeriesInstanceUID": uid("edited"),
        "FrameOfReferenceUID": uid("frame"),
        "edit": lambda k, ds: setattr(ds, "SOPInstanceUID", uid("edited", k)),
    }
    source = tmp_path / "archive"
    ct_series(source, n=4, seed=1, **fixed)
    held = workspace(tmp_path, source)
    assert run(held).made == 2
    before = rows(held, "volumes")
    ct_series(source, n=4, seed=2, **fixed)
    held.scan([source])
    assert {item.state for item in driver.plan(held.output, recipe(), Options())} == {State.STALE}
    assert run(held).made == 2
    after = rows(held, "volumes")
    assert [r["volume_id"] for r in after] == [r["volume_id"] for r in before]
    raw = next(r for r in after if r["recipe"] == "raw")
    np.testing.assert_array_equal(omezarr.read(held.output.root / raw["path"]).array, voxels((4, 32, 32), 2) - 1024)
    assert run(held).run_id is None


def test_an_archive_that_was_only_touched_keeps_its_bytes(tmp_path):
    source = tmp_path / "archive"
    paths = ct_series(source, n=4)
    held = workspace(tmp_path, source)
    run(held)
    before = published(held.output.root)
    paths[2].touch()
    held.scan([source])
    run(held)
    after = published(held.output.root)
    assert {name for name in after if after[name] != before.get(name)} == {
        "catalog/series/part-0.parquet",
        "catalog/stacks/part-0.parquet",
    }


@pytest.mark.parametrize(("out", "source"), [("archive/out", "archive"), ("out", "out/archive"), ("same", "same")])
def test_an_output_inside_a_source_or_around_it_is_refused(tmp_path, out, source):
    (tmp_path / source).mkdir(parents=True)
    with pytest.raises(UsageError, match="outside every source"):
        Workspace.open(tmp_path / out, tmp_path / "vault", [tmp_path / source])


def test_a_newer_recipe_that_fails_is_the_newer_word_until_the_old_one_is_back(done, tmp_path, monkeypatch):
    root, _, held, _ = done
    other = Workspace.open(shutil.copytree(held.output.root, tmp_path / "out"), root / "vault")
    changed = BODY.replace("width: 400", "width: 300")
    monkeypatch.setattr(derive, "run_together", lambda *_: 1 / 0)
    assert run(other, changed).refused["INTERNAL"] == 4
    monkeypatch.undo()
    outcomes = {(r["recipe"], r["reason"]) for r in rows(other, "volumes")}
    assert outcomes == {("raw", None), ("body", "INTERNAL")}
    assert run(other).refused == {"DUPLICATE_POSITION": 1}
    assert {(r["recipe"], r["reason"]) for r in rows(other, "volumes")} == {("raw", None), ("body", None)}
    assert published(other.output.root).items() >= published(held.output.root).items()


def test_a_run_that_fails_says_with_which_exit_code(done, tmp_path, monkeypatch):
    root, source, _, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    for error, code in ((KeyboardInterrupt, 130), (StoreError, 4), (ZeroDivisionError, 1)):

        def broken(*_, error=error):
            raise error

        monkeypatch.setattr(units, "process", broken)
        with pytest.raises(error):
            run(other)
        (latest,) = [r for r in rows_of_runs(other) if r["exit_code"] == code]
        assert latest["ended_at"] is not None
    with pytest.raises(UsageError):
        run(other, max_failures="x")
    assert len(rows_of_runs(other)) == 3


def rows_of_runs(held):
    return [json.loads(path.read_bytes()) for path in held.output.runs.glob("*/run.json")]


def test_a_recipe_that_cannot_be_compiled_for_a_volume_is_a_refusal_too(done, tmp_path, monkeypatch):
    root, source, _, _ = done
    other = Workspace.open(tmp_path / "other", root / "vault", [source])
    other.scan([source])
    compiled = recipe()
    monkeypatch.setattr(type(compiled), "compile", lambda *_: 1 / 0)
    for _ in range(2):
        summary = run(other)
        assert summary.refused == {"DUPLICATE_POSITION": 1, "INTERNAL": 4}
        assert summary.accounting.converted == 20


def test_a_recipes_refusal_holds_for_that_recipe_and_no_other(done, tmp_path, monkeypatch):
    root, _, held, _ = done
    other = Workspace.open(shutil.copytree(held.output.root, tmp_path / "out"), root / "vault")
    changed, again = (BODY.replace("width: 400", f"width: {width}") for width in (300, 200))

    def refusing(*_):
        raise Quarantine(Reason.INEXACT)

    monkeypatch.setattr(derive, "run_together", refusing)
    assert run(other, changed).refused == {"DUPLICATE_POSITION": 1, "INEXACT": 4}
    monkeypatch.undo()
    states = [{i.state for i in driver.plan(other.output, recipe(text), Options())} for text in (changed, again)]
    assert states == [{State.REFUSED}, {State.REFUSED, State.STALE}]


def test_a_recipe_that_asks_for_what_a_volume_has_not_is_refused_once(done, tmp_path):
    root, _, held, _ = done
    other = Workspace.open(shutil.copytree(held.output.root, tmp_path / "out"), root / "vault")
    text = "name: window\nwhere: \"format = 'nifti'\"\nstages:\n  - {use: window, keep: image}\n"
    first = run(other, text)  # no header says which window
    assert (first.made, first.refused) == (0, {"RECIPE_UNFIT": 1})
    before = everything(other.output.root)
    again = run(other, text)
    assert (again.run_id, again.refused, again.exit_code) == (None, first.refused, 3)
    assert everything(other.output.root) == before
