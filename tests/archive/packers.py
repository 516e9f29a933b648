"""The files below a folder, in a zip or tar, as tools write them; and archives that no tool would write."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path


def zipped(folder: Path, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """All files below ``folder`` in one zip, as Info-ZIP does, folders included."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for one in sorted(folder.rglob("*")):
            archive.write(one, one.relative_to(folder).as_posix())
    return path


def tarred(folder: Path, path: Path, mode: str = "w") -> Path:
    """All of ``folder`` in one tar, as ``tar c .`` does; mode ``w:gz`` gzips it.  Names are longer than ustar holds."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, ".")
    return path


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of these names and contents, in their order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tar_of(path: Path, *members: tuple[str | tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    """A tar of these names and contents, in their order."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def edited(path: Path, change: Callable[[bytearray], None]) -> Path:
    """The file with its bytes changed in place, its time kept apart from before."""
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    return path
