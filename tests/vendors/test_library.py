"""The user's own profiles: in folders, beside those that come with the program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import recipe, vendors
from pipeline.errors import RecipeError

OWN = "name: own\nversion: 2\nmatch: {modality: MR}\ndefaults: {n4: {spline_mm: 50}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named by the variable, with a profile in it, and a second one that is empty."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "own.yaml").write_text(OWN)
    (tmp_path / "one" / "notes.txt").write_text("no profile")
    monkeypatch.setenv("SCANMILL_VENDORS", os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "two")]))
    return tmp_path / "one"


def test_without_folders_there_are_the_packaged_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANMILL_VENDORS", raising=False)
    assert vendors.available() == vendors.packaged()
    assert all(profile.packaged for profile in vendors.packaged())


def test_own_profiles_stand_beside_them_and_a_recipe_carries_all(folder: Path) -> None:
    own, *others = vendors.available()
    assert (own.label, own.packaged) == ("own 2", False)
    assert tuple(others) == vendors.packaged()
    assert recipe.load("mr-head").profiles == (own, *others)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("other.yaml", OWN, "other.yaml holds the vendor profile 'own': give both the same name"),
        ("second.yaml", OWN.replace("own", "second"), "equally specific"),
        ("ct-ge.yaml", OWN.replace("own", "ct-ge").replace("MR", "CT"), "two vendor profiles are named 'ct-ge'"),
        ("second.yaml", "name: second\nversion: 1\nmatch: {modalty: MR}\n", "second.yaml, line 3"),
        ("second.yaml", "ingest: {padding: [0]}\nname: second\nversion: 1\nmatch: {model: Aera}\n", "'ingest' belongs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(folder: Path, name: str, text: str, words: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(RecipeError) as error:
        recipe.load("raw")
    assert words in str(error.value)


def test_a_folder_that_is_not_there_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANMILL_VENDORS", str(folder / "missing"))
    with pytest.raises(RecipeError, match="cannot be read"):
        vendors.available()
