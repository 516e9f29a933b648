"""Which models there are, and where their weights lie.  Needs no torch, and runs nothing that it finds.

A model is a folder that bears its name and holds ``model.yaml``.  Some come with the program; more lie in the folders
that ``SCANMILL_MODELS`` names, each a model or a folder of models::

    pipeline/models/packaged/brain/model.yaml        weights in an installed package
    $SCANMILL_MODELS/lungs-2/model.yaml              weights beside it, nowhere else
                            /weights.safetensors
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.models.descriptor import Described, Descriptor, read
from pipeline.yaml_text import MOST, nearest

VARIABLE = "SCANMILL_MODELS"
"""Names the user's folders, with ``os.pathsep`` between them."""

CARD = "model.yaml"

LARGEST = 1 << 32
"""Bytes of a file of weights; one that is larger is not read."""

_PACKAGED = Path(__file__).parent / "packaged"


@dataclass(frozen=True)
class Model:
    """A model that was found.

    Attributes
    ----------
    descriptor : what it says of itself
    sha256 : of the text of its ``model.yaml``, which names its weights by theirs
    folder : that it lies in
    packaged : whether it comes with the program; of these alone a weight file may be code, or in another package
    """

    descriptor: Descriptor
    sha256: str
    folder: Path
    packaged: bool

    def __hash__(self) -> int:
        return hash(self.sha256)


def names() -> tuple[str, ...]:
    """Of all models that there are, sorted.

    Raises ModelError where a folder of ``SCANMILL_MODELS`` cannot be listed, or two models have one name.
    """
    return tuple(sorted(_folders()))


def find(name: str) -> Model:
    """The model of that name.  Cheap: a descriptor is read again where its file has changed.

    Raises ModelError where there is none, with the nearest name, or where its descriptor cannot be.
    """
    folders = _folders()
    if name not in folders:
        raise ModelError(f"no model {name!r}{nearest(name, tuple(sorted(folders)))}")
    folder = folders[name]
    path = _inside(folder, CARD, name)
    status = path.stat()
    described = _described(path, status.st_mtime_ns, status.st_size, f"{name}/{CARD}")
    found = Model(described.descriptor, described.sha256, folder, folder.parent == _PACKAGED)
    if found.descriptor.name != name:
        raise ModelError(f"the folder {name!r} holds the model {found.descriptor.name!r}: give both the same name")
    if not found.packaged and found.descriptor.weights.format != "safetensors":
        raise ModelError(f"model {name!r}: only packaged models may bring code; convert its weights to safetensors")
    if not found.packaged and found.descriptor.weights.package is not None:
        raise ModelError(f"model {name!r}: only packaged models take weights from a package; put them in its folder")
    return found


def files(model: Model) -> dict[str, Path]:
    """{name: path} of the weights, which are there.  A package that ships them is never imported.

    Raises ModelError that names the first that is not there, or leads out of the folder of the model.
    """
    weights, name = model.descriptor.weights, model.descriptor.name
    if weights.package is None:
        return {file: _inside(model.folder, file, name) for file in weights.files}
    mend = f"pip install 'scanmill[{name}]'"
    try:
        shipped = {str(file): file for file in distribution(weights.package).files or ()}
    except PackageNotFoundError:
        raise ModelError(f"the weights of {name!r} come with the package {weights.package}: {mend}") from None
    found = {file: Path(str(shipped[file].locate())) for file in weights.files if file in shipped}
    for file in weights.files:
        if file not in found or not found[file].is_file():
            raise ModelError(f"the package {weights.package} lacks {file} of the model {name!r}: {mend}")
    return found


def content(model: Model, file: str) -> bytes:
    """The bytes of one of its files, read once, whose SHA-256 is the one that the descriptor names.

    Raises ModelError where the file is not there, is larger than LARGEST, or is another.
    """
    name, path = model.descriptor.name, files(model)[file]
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{file} of the model {name!r} is larger than {LARGEST >> 30} GiB")
        read_once = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} of the model {name!r} cannot be read: {error.strerror}") from None
    if sha256(read_once).hexdigest() != model.descriptor.weights.files[file]:
        raise ModelError(f"{file} is not the file that the model {name!r} names: its SHA-256 differs; fetch it again")
    return read_once


def verify(model: Model) -> None:
    """All of its files are there and are what the descriptor names.  Raises ModelError for the first that is not."""
    for file in model.descriptor.weights.files:
        content(model, file)


def _folders() -> dict[str, Path]:
    """{name: folder} of all models."""
    found: dict[str, Path] = {folder.name: folder for folder in _models(_PACKAGED)}
    for place in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        for folder in _models(Path(place)):
            other = found.setdefault(folder.name, folder)
            if other.parent == _PACKAGED:
                raise ModelError(f"{VARIABLE}: {folder.name!r} is the name of a packaged model: rename the folder")
            if not other.samefile(folder):
                raise ModelError(f"{VARIABLE}: two folders hold a model {folder.name!r}: rename one of them")
    return found


def _models(folder: Path) -> list[Path]:
    """The folder, if it is a model; else the models in it."""
    folder = folder.absolute()
    if os.path.lexists(folder / CARD):
        return [folder]
    try:
        return [inner for inner in sorted(folder.iterdir()) if os.path.lexists(inner / CARD)]
    except OSError as error:
        raise ModelError(f"{VARIABLE}: the folder {folder.name!r} cannot be listed: {error.strerror}") from None


def _inside(folder: Path, file: str, name: str) -> Path:
    """The path of a plain file that lies in the folder, also when links are followed."""
    try:
        path = (folder / file).resolve(strict=True)
        inside = path.is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError):  # not there, or links in a circle
        raise ModelError(f"{file} of the model {name!r} is not there") from None
    if not inside or not path.is_file():
        raise ModelError(f"{file} of the model {name!r} is no plain file inside its folder")
    return path


@lru_cache(maxsize=64)
def _described(path: Path, changed: int, size: int, origin: str) -> Described:
    """The descriptor in a file of that time and size."""
    if size > 4 * MOST:  # bytes of a character, at most
        raise ModelError(f"{origin}: longer than {MOST} characters")
    try:
        return read(path.read_text("utf-8"), origin)
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{origin} is no text that can be read") from None
