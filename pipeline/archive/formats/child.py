"""A disposable process between an archive's bytes and everybody else (laws L6, L8, L9).

::

    worker  -- path -->  child: sniff, parse, decode, under RLIMIT_AS and a time limit
            <-- facts, voxels --

A child answers in the order it was asked.  So when it dies, the first file without an answer is the one
it died on.  That file is tried once more in a fresh child, since the death may have come from outside; then
it is blamed, and the rest goes on.  No innocent file is.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from pipeline.archive.formats import remote
from pipeline.archive.formats.containers import Member
from pipeline.archive.formats.detached import Data
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.layers import Drawn
from pipeline.archive.formats.limits import Limits, declared, decoded
from pipeline.archive.formats.opening import Place, Span, Version
from pipeline.archive.formats.pixels import shape_of, stored_dtype
from pipeline.archive.formats.process import Dead, Process
from pipeline.archive.formats.reading import Parsed
from pipeline.archive.formats.sniff import Container
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason

T = TypeVar("T")

_LAYERS = 8

_AHEAD = 64
"""Files asked for before the first is answered: enough that neither side waits for the other."""


class Child:
    """Reads files through one child process at a time, started when first needed.

    >>> with Child() as child:
    ...     [one.reason for one in child.headers(["/nowhere"])]
    [<Reason.UNREADABLE_IO: 'UNREADABLE_IO'>]
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: Process | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of the process at work, None while there is none."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def headers(self, paths: Iterable[str | os.PathLike[str]]) -> Iterator[Parsed]:
        """One answer a path, in their order.

        A file on which the child dies twice, or stalls, is DECODER_CRASH or DECODER_TIMEOUT; the files
        after it are asked for again.  Exhaust or close the iterator before the child is put to other use.
        """
        todo = (os.fspath(path) for path in paths)
        asked: deque[dict[str, Any]] = deque()
        suspect: dict[str, Any] | None = None
        try:
            while True:
                while len(asked) < _AHEAD and self._has_life_for(asked) and (path := next(todo, None)) is not None:
                    asked.append(self._request(path))
                    self._running(0).ask(asked[-1])
                if not asked:
                    if self._process is None or self._has_life_for(asked):
                        return
                    self.close()
                    continue
                try:
                    answer = self._answer(asked[0])
                except Dead as dead:
                    self.close()
                    if dead.reason is Reason.DECODER_CRASH and suspect is not asked[0]:
                        suspect, answer = asked[0], None
                    else:
                        answer = Parsed(None, dead.reason)
                    for request in list(asked)[answer is not None :]:
                        self._running(0).ask(request)
                if answer is not None:
                    asked.popleft()
                    yield answer
        finally:
            if asked:
                self.close()

    def pixels(
        self,
        path: str | os.PathLike[str],
        header: Header,
        out: np.ndarray | None = None,
        *,
        parts: Sequence[int] | None = None,
        version: Version | None = None,
        data: Data | None = None,
    ) -> np.ndarray:
        """Stored values (k, j, i) of a file of any format, in native byte order, cut to the stored bits; mapped, where
        it has one, by its modality LUT.

        ``parts`` are the frames of a DICOM object that are wanted, in their order, or the one volume of a file of
        several; ``data`` is the file that holds them, where ``header.detached``.  ``out``, where given, is a
        C-contiguous array of ``shape_of(header, parts)`` and ``stored_dtype(header)``.

        Raises Quarantine: BOMB_DECLARED before anything is allocated, CHANGED where the file is not of ``version``,
        DECODER_CRASH, DECODER_TIMEOUT, or what the decoder came to.
        """
        if not self.limits.allow(header):
            raise Quarantine(Reason.BOMB_DECLARED)
        array = np.empty(shape_of(header, parts), stored_dtype(header)) if out is None else out
        wanted = None if parts is None else list(parts)
        self._twice(lambda: self._decode(os.fspath(path), header, wanted, array, version, data))
        return array

    def drawn(self, path: str | os.PathLike[str], header: Header, grid: Grid, version: Version | None = None) -> Drawn:
        """An annotation as label maps on a grid (``seg``, ``rtstruct``).  Raises Quarantine as ``pixels`` does."""
        annotation = header.annotation
        if annotation is None:
            raise ValueError("only a segmentation or a structure set can be drawn")
        what = {"header": header.to_json(), "grid": [grid.frame, grid.shape, grid.start], "version": version}
        # Few of them overlap much; a child that needs more ends for lack of memory.
        nbytes = declared(header) + min(len(annotation.regions), _LAYERS) * 2 * grid.size

        def ask() -> Drawn:
            process, request = self._ask(what, os.fspath(path), nbytes)
            answer = _unrefused(process.line(request["seconds"]))
            values = tuple(map(tuple, answer["values"]))
            if answer["dtype"] not in ("|u1", "<u2") or not 1 <= len(values) <= max(1, len(annotation.regions)):
                self.close()
                raise Quarantine(Reason.DECODE_FAIL)
            maps = tuple(np.empty(grid.shape, answer["dtype"]) for _ in values)
            for one in maps:
                process.fill(one.data.cast("B"), request["seconds"])
            return Drawn(maps, values)

        return self._twice(ask)

    def texts(self, path: str | os.PathLike[str], version: Version | None = None) -> dict[str, str]:
        """What an object that is derived of a DICOM file repeats of it, by keyword: see ``identifying``.

        Raises Quarantine as ``pixels`` does.
        """

        def ask() -> dict[str, str]:
            process, request = self._ask({"texts": True, "version": version}, os.fspath(path), 0)
            found: dict[str, str] = _unrefused(process.line(request["seconds"]))["texts"]
            return found

        return self._twice(ask)

    def members(self, path: str | os.PathLike[str], kind: Container, version: Version) -> list[Member]:
        """The files that a container holds: see ``containers.members``.

        Raises Quarantine as ``pixels`` does, and ARCHIVE_UNSAFE.
        """
        return [
            Member(name, size, span and Span.parse(span), reason and Reason(reason))
            for name, size, span, reason in self._list(path, kind, version)
        ]

    def named(self, path: str | os.PathLike[str], version: Version) -> list[str]:
        """The files that a DICOMDIR names, none of them followed.  Raises Quarantine."""
        return self._list(path, "dicomdir", version)

    def _list(self, path: str | os.PathLike[str], what: str, version: Version) -> list[Any]:
        def ask() -> list[Any]:
            process, request = self._ask({"list": what, "version": version}, os.fspath(path), 0)
            items: list[Any] = []
            while (answer := process.line(request["seconds"]))["more"]:
                process.asked += 1
                items += answer["items"]
            _unrefused(answer)
            return items

        return self._twice(ask)

    def digest(self, path: str | os.PathLike[str], version: Version | None = None) -> str:
        """sha256 of the bytes of a file.  Raises Quarantine as ``pixels`` does."""

        def ask() -> str:
            process, request = self._ask({"digest": True, "version": version}, os.fspath(path), 0)
            found: str = _unrefused(process.line(request["seconds"]))["digest"]
            return found

        return self._twice(ask)

    def _twice(self, ask: Callable[[], T]) -> T:
        """What ``ask`` gives.  A child that dies is replaced, once: its death may have come from outside."""
        if self._process is not None and self._process.answered < self._process.asked:
            raise RuntimeError("an iterator of headers is still open on this child")
        try:
            try:
                return ask()
            except Dead as dead:
                self.close()
                if dead.reason is not Reason.DECODER_CRASH:
                    raise
                return ask()
        except Dead as dead:
            self.close()
            raise Quarantine(dead.reason) from None

    def _ask(self, what: dict[str, Any], path: str, nbytes: int, volumes: int = 1) -> tuple[Process, dict[str, Any]]:
        if not self._has_life_for(()):
            self.close()
        process = self._running(nbytes)
        # To come to one volume of a compressed file, all of them may have to be unpacked.
        request = self._request(path, volumes * nbytes) | what
        process.ask(request)
        return process, request

    def _decode(
        self,
        path: str,
        header: Header,
        parts: list[int] | None,
        array: np.ndarray,
        version: Version | None,
        data: Data | None,
    ) -> None:
        what = {"header": header.to_json(), "parts": parts, "version": version, "data": data}
        process, request = self._ask(what, path, decoded(header), header.volumes)
        answer = _unrefused(process.line(request["seconds"]))
        if (answer["dtype"], tuple(answer["shape"])) != (array.dtype.str, array.shape):
            self.close()
            raise Quarantine(Reason.DECODE_FAIL)
        process.fill(array.data.cast("B"), request["seconds"])

    def _request(self, path: str, nbytes: int = 0) -> dict[str, Any]:
        place = Place.parse(path)
        # Where the file cannot be looked at, the child will say why.
        with suppress(OSError):
            nbytes += place.cost
        request = {"path": path, "seconds": self.limits.seconds_for(nbytes)}
        # Told on a pipe and to whom it concerns: what stands in the environment of a process, others can see.
        return request | {"environment": remote.environment()} if remote.is_url(place.path) else request

    def _answer(self, request: dict[str, Any]) -> Parsed:
        answer = self._running(0).line(request["seconds"])
        header, reason, found = answer["header"], answer["reason"], answer["container"]
        return Parsed(header and Header.from_json(header), reason and Reason(reason), found and Container(found))

    def _has_life_for(self, asked: Collection[object]) -> bool:
        return self._process is None or self._process.answered + len(asked) < self.limits.files_per_child

    def _running(self, nbytes: int) -> Process:
        memory = self.limits.memory_for(nbytes)
        if self._process is not None and self._process.memory < memory:
            self.close()
        if self._process is None:
            self._process = Process(self.limits, memory)
        return self._process


def _unrefused(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["reason"] is not None:
        raise Quarantine(Reason(answer["reason"]))
    return answer
