"""``scanmill export``: exit codes, streams, clear sentences."""

import json
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.engine.jobs import BODY, archive, everything


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small archive, a vault, and OUT, for which the recipe has run."""
    root = tmp_path_factory.mktemp("cli")
    archive(root / "archive", series=1)
    (root / "body.yaml").write_text(BODY)
    arguments = ["run", root / "body.yaml", "-o", root / "out", root / "archive", "--vault", root / "vault"]
    assert main([str(a) for a in (*arguments, "--workers", 0, "--no-progress")]) == 3
    return root


@pytest.fixture
def call(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SCANMILL_VAULT", str(place / "vault"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, recipe="body.yaml", out="out"):
        return main(["export", str(place / recipe), *map(str, arguments), "-o", str(place / out), "--no-progress"])

    return run


def test_segmentations_say_that_they_hold_identities_and_what_cannot_be_one(place, call, tmp_path, capsys):
    before = everything(place)
    assert call("seg", "--to", "dicom-seg") == 3
    told = capsys.readouterr()
    assert "will hold identities" in told.err
    assert "NOT_DICOM: the source is no DICOM series" in told.out
    assert "DUPLICATE_POSITION: several images" in told.out
    assert "3 volumes selected; 1 files, 1 of them written now" in told.out
    (path,) = (tmp_path / "seg").iterdir()
    assert path.name.endswith("_body_body.dcm")
    assert everything(place) == before
    for selection in (("--where", "format = 'dicom' and verdict = 'accepted'"), ("--shard", "0/1", "--limit", 3)):
        code = call("seg", "--to", "dicom-seg", *selection)
        assert code == (0 if selection[0] == "--where" else 3)
        assert "1 files, 0 of them written now" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["nifti", "nrrd"])
def test_images_and_labels_as_json_tells_them(call, tmp_path, capsys, form):
    accepted = ("--where", "verdict = 'accepted'")
    assert call("files", "--to", form, "--json", *accepted) == 0
    told = capsys.readouterr()
    assert "identities" not in told.err
    found = json.loads(told.out)
    names = {name for row in found["rows"] for name in row["files"]}
    assert names == {path.name for path in (tmp_path / "files").iterdir()}
    assert found["files"] == found["written"] == len(names)
    assert {row["output"] for row in found["rows"]} == {"ct", "image", "body", "mask"}
    assert call("one", "--to", form, "--output", "body", *accepted) == 0
    assert len(list((tmp_path / "one").iterdir())) == (4 if form == "nifti" else 2)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["seg", "--to", "dicom-seg", "--output", "ct"], 2, "'body' keeps: ct, image, body"),
        (["seg", "--to", "nifti", "--output", "lungs"], 2, "there is nothing to export as nifti of that name"),
        (["{place}/out/seg", "--to", "nifti"], 2, "outside the output"),
        (["{place}/archive/seg", "--to", "nrrd"], 2, "outside the output, the vault and every source"),
        (["seg", "--to", "png"], 2, "png"),
        (["seg"], 2, "--to"),
        (["seg", "--to", "dicom-seg", "--vault", "{place}/elsewhere"], 2, "vault"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(place, call, tmp_path, capsys, arguments, code, sentence):
    before = everything(place)
    accepted = ("--where", "verdict = 'accepted'")
    assert call(*(a.replace("{place}", str(place)) for a in arguments), *accepted) == code
    told = capsys.readouterr()
    assert sentence in told.err
    assert "Traceback" not in told.err
    assert str(place) not in told.err
    assert everything(place) == before
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_was_not_made_is_not_exported(place, call, capsys):
    Path("other.yaml").write_text(BODY.replace("name: body", "name: other"))
    assert call("seg", "--to", "nifti", recipe=Path("other.yaml").resolve()) == 3
    assert capsys.readouterr().out.count("NOT_MADE: the recipe has not made it") == 2
    assert call("seg", "--to", "nifti", out="nowhere") == 5
    assert not (place / "nowhere").exists()


def test_without_highdicom(call, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.export.job.find_spec", lambda _: None)
    assert call("seg", "--to", "dicom-seg") == 2
    assert "pip install 'scanmill[dicom-seg]'" in capsys.readouterr().err
    assert call("seg", "--to", "nrrd", "--output", "body", "--where", "verdict = 'accepted'") == 0
