"""Models are found by name; their files are where they may be and are what the descriptor says, or it is an error."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.models import library
from pipeline.models.descriptor import Weights
from pipeline.models.descriptor_text import text
from pipeline.yaml_text import MOST
from tests.models.makers import FILE, named, written

PACKAGED = tuple(sorted(path.parent.name for path in Path(library.__file__).parent.glob("packaged/*/model.yaml")))


def refused(name: str = "tiny") -> str:
    """What is said where a model is found, or its files are, but cannot be."""
    with pytest.raises(ModelError) as error:
        library.verify(library.find(name))
    return str(error.value)


def test_every_packaged_model_is_found_and_says_what_it_is() -> None:
    for name in PACKAGED:
        found = library.find(name)
        assert found.packaged
        assert found.descriptor.name == name
        assert found.descriptor.licence
        assert found.sha256 == sha256((found.folder / "model.yaml").read_bytes()).hexdigest()
    assert {"brain"} <= set(PACKAGED) <= set(library.names())


def test_a_user_s_folder_is_a_model_or_holds_models(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(models)
    written(models, name="other")
    (models / "notes.txt").touch()
    assert library.names() == tuple(sorted((*PACKAGED, "other", "tiny")))
    monkeypatch.setenv(library.VARIABLE, os.pathsep.join(["", str(folder), str(models)]))
    written(models.parent / "elsewhere", name="stray")
    monkeypatch.chdir(models.parent / "elsewhere")  # an empty entry is not the folder at hand
    assert "stray" not in library.names()
    found = library.find("tiny")
    library.verify(found)
    assert not found.packaged
    assert found.folder == folder
    assert library.files(found) == {FILE: folder / FILE}
    assert library.content(found, FILE) == (folder / FILE).read_bytes()


def test_a_name_that_is_unknown_gives_the_nearest() -> None:
    with pytest.raises(ModelError, match="no model 'brian'; did you mean 'brain'"):
        library.find("brian")


def test_a_descriptor_is_read_again_where_it_has_changed(models: Path) -> None:
    folder = written(models)
    first = library.find("tiny")
    assert library.find("tiny") == first
    assert hash(library.find("tiny")) == hash(first)
    (folder / "model.yaml").write_text(text(named(b"other", limits="many")))
    second = library.find("tiny")
    assert second.descriptor.limits == "many"
    assert second.sha256 != first.sha256


def test_a_model_that_cannot_be_read_leaves_the_others_alone(models: Path) -> None:
    written(models)
    broken = written(models, name="broken")
    (broken / "model.yaml").write_text("name: [")
    assert refused("broken").startswith("broken/model.yaml, line 1")
    library.verify(library.find("tiny"))
    (broken / "model.yaml").write_bytes(b"\xff\xfe")
    assert "no text" in refused("broken")


def test_a_folder_bears_the_name_of_its_model(models: Path) -> None:
    written(models).rename(models / "renamed")
    assert "give both the same name" in refused("renamed")


@pytest.mark.parametrize("name", PACKAGED)
def test_no_model_takes_the_name_of_a_packaged_one(models: Path, name: str) -> None:
    written(models, name=name)
    assert "packaged" in refused(name)


def test_two_models_have_two_names(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(models)
    other = written(tmp_path / "others")
    monkeypatch.setenv(library.VARIABLE, os.pathsep.join([str(models), str(other)]))
    assert "two folders" in refused()


def test_a_folder_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "nowhere"))
    assert "'nowhere' cannot be listed" in refused("brain")


def test_weights_that_are_missing_or_others_are_named_without_their_path(models: Path) -> None:
    folder = written(models)
    (folder / FILE).write_bytes(b"x" + (folder / FILE).read_bytes()[1:])
    assert refused() == f"{FILE} is not the file that the model 'tiny' names: its SHA-256 differs; fetch it again"
    (folder / FILE).unlink()
    assert refused() == f"{FILE} of the model 'tiny' is not there"
    (folder / FILE).mkdir()
    assert "no plain file" in refused()


def test_a_descriptor_that_is_too_long_is_not_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (written(models) / "model.yaml").write_text("x" * (4 * MOST + 1))
    monkeypatch.setattr(Path, "read_text", None)
    assert "longer than" in refused()


def test_without_torch_models_are_found_and_verified() -> None:
    """Nor is it imported."""
    code = "import sys; sys.modules['torch'] = None; from pipeline.models.library import find; find('brain')"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_that_are_too_large_are_not_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(models)
    with (folder / FILE).open("r+b") as file:
        file.truncate(library.LARGEST + 1)  # sparse
    monkeypatch.setattr(Path, "read_bytes", None)
    assert "larger than 4 GiB" in refused()


@pytest.mark.parametrize("name", ["model.yaml", FILE])
def test_links_lead_nowhere_else(models: Path, tmp_path: Path, name: str) -> None:
    folder = written(models)
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert "no plain file inside its folder" in refused()
    (folder / name).unlink()
    (folder / name).symlink_to(folder / name)  # a circle
    assert "is not there" in refused()
    (folder / name).unlink()
    (tmp_path / name).rename(folder / "beside")
    (folder / name).symlink_to("beside")
    library.verify(library.find("tiny"))


def test_a_pipe_is_no_file(models: Path) -> None:
    folder = written(models)
    (folder / FILE).unlink()
    os.mkfifo(folder / FILE)
    assert "no plain file" in refused()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution ``scanmill-weights`` that must not be imported, with the file ``weights/net.pt``."""
    (tmp_path / "scanmill_weights").mkdir()
    (tmp_path / "scanmill_weights" / "__init__.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.pt").write_bytes(b"code")
    info = tmp_path / "scanmill_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scanmill-weights\nVersion: 1.0\n")
    (info / "RECORD").write_text("scanmill_weights/__init__.py,,\nweights/net.pt,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def shipped(package: str = "scanmill-weights", file: str = "weights/net.pt") -> library.Model:
    weights = Weights("torchscript", {file: sha256(b"code").hexdigest()}, package)
    return library.Model(named(b"", weights=weights, network=None, memory_mb=1), "0" * 64, Path("nowhere"), True)


def test_weights_are_found_in_a_package_that_is_not_imported(package: Path) -> None:
    assert library.files(shipped()) == {"weights/net.pt": package / "weights" / "net.pt"}
    assert library.content(shipped(), "weights/net.pt") == b"code"
    (package / "weights" / "net.pt").write_bytes(b"mode")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        library.verify(shipped())
    (package / "weights" / "net.pt").unlink()
    with pytest.raises(ModelError, match=r"lacks weights/net.pt .* pip install 'scanmill\[tiny\]'"):
        library.verify(shipped())


def test_a_package_that_is_not_installed_is_asked_for(package: Path) -> None:
    with pytest.raises(ModelError, match=r"come with the package absent: pip install 'scanmill\[tiny\]'"):
        library.files(shipped("absent"))
    with pytest.raises(ModelError, match="lacks elsewhere"):
        library.files(shipped(file="elsewhere"))
