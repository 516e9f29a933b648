"""L8: nothing in a model folder runs, whatever it holds."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from pipeline.errors import ModelError
from pipeline.models.descriptor import Weights
from pipeline.models.descriptor_text import text
from pipeline.models.library import find
from pipeline.models.weights import network
from tests.models.makers import FILE, named, tensors, written
from tests.models.test_weights import scripted


class Payload:
    """When it is unpickled, a file appears."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.marker),)


def pickled(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker))


def checkpoint(marker: Path) -> bytes:
    """What torch.save writes."""
    made = io.BytesIO()
    torch.save({**tensors(), "payload": Payload(marker)}, made)
    return made.getvalue()


def bomb(_marker: Path) -> bytes:
    """A zip of 64 kB that holds 64 MB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("archive/data.pkl", "w") as inner:
        for _ in range(64):
            inner.write(bytes(1 << 20))
    return made.getvalue()


def long_header(_marker: Path) -> bytes:
    """A safetensors file whose header is said to hold 2^63 bytes."""
    return (1 << 63).to_bytes(8, "little") + b"{}"


def false_offsets(_marker: Path) -> bytes:
    """A safetensors file of a tensor that is said to lie far beyond its end."""
    header = b'{"heads.0.bias":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    return len(header).to_bytes(8, "little") + header


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


def test_the_payload_would_run(marker: Path) -> None:
    pickle.loads(pickled(marker))  # noqa: S301
    assert marker.exists()


@pytest.mark.parametrize("make", [pickled, checkpoint, bomb, long_header, false_offsets])
def test_weights_are_never_unpickled(make: Callable[[Path], bytes], models: Path, marker: Path) -> None:
    written(models, make(marker))
    with pytest.raises(ModelError, match="no safetensors file"):
        network(find("tiny"))
    assert not marker.exists()


@pytest.mark.parametrize("make", [checkpoint, lambda _: scripted()])
@pytest.mark.parametrize("form", ["torchscript", "exported"])
def test_code_of_a_user_s_model_is_refused(
    make: Callable[[Path], bytes], form: str, models: Path, marker: Path
) -> None:
    folder = written(models)
    (folder / "net.pt").write_bytes(make(marker))
    names = {"net.pt": sha256((folder / "net.pt").read_bytes()).hexdigest()}
    weights = Weights(form, names)  # type: ignore[arg-type]
    (folder / "model.yaml").write_text(text(named(b"", weights=weights, network=None, memory_mb=1)))
    with pytest.raises(ModelError, match="only packaged models may bring code"):
        find("tiny")
    assert not marker.exists()


def test_a_user_s_model_has_no_say_in_packages(models: Path) -> None:
    """Not even by a message that asks for one to be installed."""
    folder = written(models)
    weights = Weights("safetensors", {FILE: "0" * 64}, "evil")
    (folder / "model.yaml").write_text(text(named(b"", weights=weights)))
    with pytest.raises(ModelError) as error:
        network(find("tiny"))
    assert "evil" not in str(error.value)


@pytest.mark.parametrize(
    "line",
    [
        "summary: !!python/object/apply:os.mkdir ['{marker}']",
        "summary: !!python/object/new:os.mkdir ['{marker}']",
        "summary: !!python/name:os.mkdir",
        "? !!python/object/apply:os.mkdir ['{marker}']\n: 1",
        "summary: &a [*a]",
        "summary: " + "[" * 500,
        "x: " + "y" * (10 << 20),
    ],
)
def test_a_descriptor_is_plain_values(line: str, models: Path, marker: Path) -> None:
    folder = written(models)
    (folder / "model.yaml").write_text(line.replace("{marker}", str(marker)) + "\n")
    with pytest.raises(ModelError, match=r"tiny/model\.yaml"):
        find("tiny")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../tiny2/weights.safetensors", "a/../../b", "a\\b"])
def test_a_descriptor_names_no_file_elsewhere(name: str, models: Path) -> None:
    folder = written(models)
    said = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(said.replace(FILE + ":", f"{name!r}:"))
    with pytest.raises(ModelError, match=r"tiny/model\.yaml"):
        find("tiny")


def test_a_link_does_not_lead_to_a_file_elsewhere(models: Path) -> None:
    folder = written(models)
    (folder / FILE).unlink()
    (folder / FILE).symlink_to("/etc/passwd")
    with pytest.raises(ModelError) as error:
        network(find("tiny"))
    assert "root" not in str(error.value)
    (folder / "model.yaml").unlink()
    (folder / "model.yaml").symlink_to("/etc/passwd")
    with pytest.raises(ModelError) as error:
        find("tiny")
    assert "root" not in str(error.value)


def test_the_bytes_that_were_hashed_are_those_that_are_loaded(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes after it was read changes nothing."""
    folder = written(models)
    model, read = find("tiny"), Path.read_bytes

    def read_then_change(path: Path) -> bytes:
        found = read(path)
        path.write_bytes(save(tensors(1)))
        return found

    monkeypatch.setattr(Path, "read_bytes", read_then_change)
    loaded = network(model).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in tensors(0).items())
    assert read(folder / FILE) == save(tensors(1))
