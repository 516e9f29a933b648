"""The child process: parses what an archive holds, and may die of it.

``python -m pipeline.archive.formats.reading LIMITS`` writes an empty JSON object when it is ready, then answers
requests, one JSON object a line on standard input, in their order: a JSON line, followed for voxels by their
bytes.  Nothing is pickled in either direction.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, BinaryIO

import numpy as np

from pipeline.archive.formats.annotation import ANNOTATIONS, RTSTRUCT
from pipeline.archive.formats.detached import Data
from pipeline.archive.formats.header import Format, Header
from pipeline.archive.formats.layers import Drawn
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.opening import Version, opened
from pipeline.archive.formats.sniff import HEAD, Container, sniff
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason

_ITEMS = 1000


@dataclass(frozen=True)
class Parsed:
    """What came of a file: its header where one was understood, and the reason where it is not converted.

    ``container`` is set where it is no image but holds other files, which nobody has looked at yet.
    """

    header: Header | None
    reason: Reason | None
    container: Container | None = None


def parsed(path: str, limits: Limits) -> Parsed:
    """Sniff and parse the file at a place, in this process.  Whatever the parsers raise becomes a reason."""
    try:
        with opened(path) as file:
            form = sniff(file.read(HEAD))
            if isinstance(form, Reason):
                return Parsed(None, form)
            if isinstance(form, Container):
                return Parsed(None, None, form)
            return Parsed(*_header(file, form, limits))
    except Exception as error:
        return Parsed(None, _reason(error, Reason.UNREADABLE))


def voxels(
    path: str,
    header: Header,
    parts: Sequence[int] | None = None,
    version: Version | None = None,
    data: Data | None = None,
) -> np.ndarray:
    """Stored values of one file, or of these parts of it, decoded in this process; raises Quarantine.

    ``data`` holds them, where ``header.detached``.
    """
    try:
        with opened(path, version, whole=True) as file, _beside(data) as other:
            array = _voxels(file, other, header, parts)
    except Exception as error:
        raise Quarantine(_reason(error, Reason.DECODE_FAIL)) from None
    return np.ascontiguousarray(array)


def texts(path: str, limits: Limits, version: Version | None = None) -> dict[str, str]:
    """What a derived object repeats of a DICOM file, read in this process; raises Quarantine."""
    from pipeline.archive.formats import identifying

    try:
        with opened(path, version) as file:
            return identifying.texts(file, limits.memory_bytes // 4)
    except Exception as error:
        raise Quarantine(_reason(error, Reason.UNREADABLE)) from None


def listed(path: str, what: str, limits: Limits, version: Version) -> tuple[list[Any], Reason | None]:
    """What a container holds, or a DICOMDIR names, and why it cannot be told; in this process.

    Of a container (name, size, span, reason) of each member.
    """
    try:
        with opened(path, version) as file:
            if what == "dicomdir":
                from pipeline.archive.formats import dicomdir

                return dicomdir.names(file, limits.memory_bytes // 16), None
            from pipeline.archive.formats import containers

            found = containers.members(file, Container(what), limits)
            return [(m.name, m.size, m.span and str(m.span), m.reason) for m in found], None
    except MemoryError:
        return [], Reason.ARCHIVE_UNSAFE
    except Exception as error:
        return [], _reason(error, Reason.ARCHIVE_UNSAFE)


def digest(path: str, version: Version | None = None) -> str:
    """sha256 of the bytes of one file, read in this process; raises Quarantine."""
    try:
        with opened(path, version, whole=True) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except Exception as error:
        raise Quarantine(_reason(error, Reason.UNREADABLE)) from None


def drawn(path: str, header: Header, grid: Grid, limits: Limits, version: Version | None = None) -> Drawn:
    """An annotation as label maps on a grid, made in this process; raises Quarantine."""
    try:
        with opened(path, version, whole=True) as file:
            if header.sop_class == RTSTRUCT:
                from pipeline.archive.formats import rtstruct

                return rtstruct.drawn(file, grid, limits)
            from pipeline.archive.formats import seg_maps

            return seg_maps.drawn(file, header, grid, limits)
    except Exception as error:
        raise Quarantine(_reason(error, Reason.DECODE_FAIL)) from None


def _header(file: BufferedReader, form: Format, limits: Limits) -> tuple[Header, Reason | None]:
    # Each library costs a good part of a second to import: only those that the archive calls for.
    if form == "dicom":
        from pipeline.archive.formats import dicom

        header, reason = dicom.parse(file, limits)
        return _annotated(file, header, limits) if header.sop_class in ANNOTATIONS else (header, reason)
    if form == "nifti":
        from pipeline.archive.formats import nifti

        return nifti.parse(file, limits)
    from pipeline.archive.formats import attached

    return attached.parse(file, limits, form)


def _annotated(file: BufferedReader, header: Header, limits: Limits) -> tuple[Header, Reason]:
    """What is known of the file stays known where the annotation cannot be understood."""
    from pipeline.archive.formats import rtstruct, seg

    is_contours = header.sop_class == RTSTRUCT
    try:
        described = rtstruct.described if is_contours else seg.described
        return described(file, header, limits), Reason.RTSTRUCT if is_contours else Reason.SEGMENTATION
    except Exception as error:
        return header, _reason(error, Reason.TRUNCATED if isinstance(error, EOFError) else Reason.UNREADABLE)


def _voxels(
    file: BufferedReader, data: BufferedReader | None, header: Header, parts: Sequence[int] | None
) -> np.ndarray:
    if header.format == "dicom":
        from pipeline.archive.formats import decode

        return decode.voxels(file, header, parts)
    if (data is None) != (header.detached is None):
        raise Quarantine(Reason.CHANGED)
    volume = parts[0] if parts else 0
    if header.format == "nifti":
        from pipeline.archive.formats import nifti

        return nifti.voxels(file, header, volume, data)
    from pipeline.archive.formats import attached

    return attached.voxels(file, header, volume, data)


@contextmanager
def _beside(data: Data | None) -> Iterator[BufferedReader | None]:
    if data is None:
        yield None
        return
    with opened(data.path, (data.size, data.mtime_ns), whole=True) as file:
        yield file


def _reason(error: Exception, otherwise: Reason) -> Reason:
    if isinstance(error, Quarantine):
        return error.reason
    if isinstance(error, MemoryError):
        return Reason.BOMB_DECLARED
    if isinstance(error, PermissionError):
        return Reason.PERMISSION
    # gzip's BadGzipFile is an OSError without an errno: bad bytes, not a bad disk.
    if isinstance(error, OSError) and error.errno is not None:
        return Reason.UNREADABLE_IO
    return otherwise


def _answer(request: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], Sequence[np.ndarray]]:
    # An orphan whose decoder hangs has nobody left to stop it: the alarm does, also inside native code.
    signal.alarm(int(request["seconds"]) + 10)
    os.environ.update(request.get("environment", {}))
    version = tuple(request["version"]) if request.get("version") else None
    if request.get("texts"):
        try:
            return {"reason": None, "texts": texts(request["path"], limits, version)}, ()
        except Quarantine as refused:
            return {"reason": refused.reason}, ()
    if request.get("digest"):
        try:
            return {"reason": None, "digest": digest(request["path"], version)}, ()
        except Quarantine as refused:
            return {"reason": refused.reason}, ()
    if "header" not in request:
        result = parsed(request["path"], limits)
        facts = result.header and result.header.to_json()
        return {"reason": result.reason, "header": facts, "container": result.container}, ()
    header = Header.from_json(request["header"])
    try:
        if "grid" in request:
            maps, values = drawn(request["path"], header, Grid(*request["grid"]), limits, version)
            return {"reason": None, "dtype": maps[0].dtype.str, "values": values}, maps
        array = voxels(request["path"], header, request["parts"], version, request["data"] and Data(*request["data"]))
    except Quarantine as refused:
        return {"reason": refused.reason}, ()
    return {"reason": None, "dtype": array.dtype.str, "shape": array.shape}, (array,)


def _write_list(output: BinaryIO, request: dict[str, Any], limits: Limits) -> None:
    """In lines of so many items that none grows too long; the last line says so, and why there are no more."""
    signal.alarm(int(request["seconds"]) + 10)
    os.environ.update(request.get("environment", {}))
    items, reason = listed(request["path"], request["list"], limits, tuple(request["version"]))
    for at in range(0, len(items), _ITEMS):
        output.write(json.dumps({"items": items[at : at + _ITEMS], "more": True}).encode() + b"\n")
    output.write(json.dumps({"items": [], "more": False, "reason": reason}).encode() + b"\n")


def main(arguments: list[str]) -> None:
    """Answer until standard input ends."""
    facts = json.loads(arguments[0])
    memory, most = facts.pop("address_space"), resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Both would print values of headers.
    warnings.simplefilter("ignore")
    logging.disable()
    limits = Limits(**facts)
    output = sys.stdout.buffer
    output.write(b"{}\n")
    output.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "list" in request:
            _write_list(output, request, limits)
        else:
            answer, arrays = _answer(request, limits)
            output.write(json.dumps(answer).encode() + b"\n")
            for array in arrays:
                output.write(array.data.cast("B"))
        output.flush()
        signal.alarm(0)


if __name__ == "__main__":
    main(sys.argv[1:])
