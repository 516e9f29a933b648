"""``scanmill models``: what it says, and its exit codes."""

import json
from pathlib import Path

import pytest

from pipeline.cli.models import models
from pipeline.errors import ModelError
from pipeline.models import device, library
from pipeline.models.descriptor import Lattice
from pipeline.models.intensity import Percentiles, ZScore
from pipeline.structure import Structure
from tests.models.makers import FILE, written


def call(*arguments: str) -> int:
    return models.main(list(arguments), standalone_mode=False) or 0


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models; none is packaged."""
    (tmp_path / "models").mkdir()
    (tmp_path / "none").mkdir()
    monkeypatch.setattr(library, "_PACKAGED", tmp_path / "none")
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def test_models_are_listed_also_those_that_cannot_be_used(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(own, name="whole")
    (written(own, name="bare") / FILE).unlink()
    (written(own, name="wrong") / "model.yaml").write_text("name: 1")
    many = tuple(Structure(n, f"part {n}") for n in (1, 2))
    written(own, name="steering", structures=many, licence="MIT\x1b[2J")
    assert call("list") == 0
    bare, steering, whole, wrong = capsys.readouterr().out.splitlines()
    assert bare == f"bare             CT: one, two; Apache-2.0; your own; {FILE} of the model 'bare' is not there"
    assert steering == "steering         CT: part 1, part 2; MIT [2J; your own; weights at hand"
    assert whole == "whole            CT: one, two; Apache-2.0; your own; weights at hand"
    assert wrong.startswith("wrong            wrong/model.yaml, line 1: ")
    assert call("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["models"]
    assert [(row["name"], row["state"]) for row in rows] == [
        ("bare", "missing"),
        ("steering", "there"),
        ("whole", "there"),
        ("wrong", "wrong"),
    ]


def test_verify_tells_what_is_missing_from_what_is_wrong(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(own, name="whole")
    assert call("verify") == 0
    assert capsys.readouterr().out == "whole: whole\n"
    (written(own, name="bare") / FILE).unlink()
    assert call("verify") == 4
    (written(own, name="wrong") / FILE).write_bytes(b"other")
    assert call("verify", "whole", "bare") == 4
    assert call("verify", "--json") == 2
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])["models"]
    assert [row["state"] for row in rows] == ["missing", "whole", "wrong"]
    assert "SHA-256 differs" in rows[2]["error"]
    assert call("verify", "whole") == 0
    assert call("verify", "hwole") == 2
    assert "did you mean 'whole'" in capsys.readouterr().out


def test_a_card_says_all_that_a_descriptor_does(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(
        own,
        structures=(Structure(1, "left lung", "44029006", "Left lung"), Structure(2, "rest")),
        figures=("Dice 0.5 on a phantom",),
        grid=Lattice((3.0, 1.5, 1.5), "LPS"),
        air=-900.0,
        training_data="words " * 50,
        intensity=Percentiles(1, 99),
    )
    assert call("show", "tiny") == 0
    said = capsys.readouterr().out
    for sentence in (
        "tiny: A network for tests.",
        "CT, intensities in HU",
        "1  left lung (SNOMED CT 44029006, Left lung)",
        "2  rest",
        "8 x 8 x 8 voxels (k, j, i), of 3 x 1.5 x 1.5 mm, turned to LPS",
        "voxel above -900",
        "percentiles 1 to 99",
        "safetensors, in your folder: weights.safetensors",
        "Dice 0.5 on a phantom",
        library.find("tiny").sha256,
    ):
        assert sentence in said
    assert max(map(len, said.splitlines())) <= 110
    assert call("show", "tiny", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert card["intensity"] == {"lower": 1, "upper": 99, "rule": "percentiles"}
    assert card["sha256"] == library.find("tiny").sha256


def test_a_card_of_the_least_that_can_be_said(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(own, intensity=ZScore(nonzero=True), units="1")
    assert call("show", "tiny") == 0
    said = capsys.readouterr().out
    assert "zeros left out" in said
    assert "any units" in said
    assert "of the source's spacing, each 50% in common" in said


def test_a_model_that_is_not_there_is_an_error(own: Path) -> None:
    with pytest.raises(ModelError, match="no model 'absent'"):
        call("show", "absent")


def test_packaged_models_have_cards(capsys: pytest.CaptureFixture[str]) -> None:
    for name in library.names():
        assert call("show", name) == 0
    assert "in the package deepbet" in capsys.readouterr().out


def test_a_network_of_nnunet_becomes_a_model(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parent.parent / "golden" / "nnunet" / "thick"
    assert call("import", "nnunet", str(folder), "--to", str(own), "--name", "thick", "--licence", "CC0-1.0") == 0
    assert capsys.readouterr().out.startswith("thick: written to ")
    found = library.find("thick")
    library.verify(found)
    assert (found.descriptor.licence, found.descriptor.modalities) == ("CC0-1.0", ("CT",))
    with pytest.raises(ModelError, match="is there already"):
        call("import", "nnunet", str(folder), "--to", str(own), "--name", "thick")
    with pytest.raises(ModelError, match=r"no fold_3/checkpoint_final\.pth"):
        call("import", "nnunet", str(folder), "--to", str(own), "--name", "other", "--fold", "3")


def test_without_torch_nothing_is_imported_and_the_sentence_says_what_to_do(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'scanmill\[models\]'"):
        call("import", "nnunet", str(own), "--to", str(own))
