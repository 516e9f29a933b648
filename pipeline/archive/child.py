"""A disposable process between an archive's bytes and everybody else (laws L6, L8, L9).

::

    worker  -- path -->  child: sniff, parse, decode, under RLIMIT_AS and a time limit
            <-- facts, voxels --

A child answers in the order it was asked.  So when it dies, the first file without an answer is the one
that killed it; a fresh child goes on with the rest, and no innocent file is blamed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import pipeline
from pipeline.archive.header import Header
from pipeline.archive.limits import Limits, declared
from pipeline.archive.pixels import cut_to_stored, stored_dtype
from pipeline.archive.reading import Parsed
from pipeline.archive.syntax import DEFLATED, RLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_AHEAD = 64
"""Files asked for before the first is answered: enough that neither side waits for the other."""

_LONGEST_LINE = 1 << 20

_MODULE = "pipeline.archive.reading"


class Child:
    """Reads files through one child process at a time, started when first needed.

    >>> with Child() as child:
    ...     [one.reason for one in child.headers(["/nowhere"])]
    [<Reason.UNREADABLE_IO: 'UNREADABLE_IO'>]
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: _Process | None = None

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

        A file on which the child dies or stalls is DECODER_CRASH or DECODER_TIMEOUT; the files after it
        are asked for again.  Exhaust or close the iterator before the child is put to other use.
        """
        todo = (os.fspath(path) for path in paths)
        asked: deque[str] = deque()
        try:
            while True:
                while len(asked) < _AHEAD and self._has_life_for(asked) and (path := next(todo, None)) is not None:
                    asked.append(path)
                    self._running(0).ask(self._request(path))
                if not asked:
                    if self._process is None or self._has_life_for(asked):
                        return
                    self.close()
                    continue
                answer = self._first_of(asked)
                asked.popleft()
                yield answer
        finally:
            if asked:
                self.close()

    def pixels(self, path: str | os.PathLike[str], header: Header, out: np.ndarray | None = None) -> np.ndarray:
        """Stored values (k, j, i) of a file of any format, in native byte order, cut to the stored bits.

        ``out``, where given, is a C-contiguous array of ``header.shape`` and ``stored_dtype(header)``.

        Raises Quarantine: BOMB_DECLARED before anything is allocated, DECODER_CRASH, DECODER_TIMEOUT, or
        what the decoder came to.
        """
        if self._process is not None and self._process.answered < self._process.asked:
            raise RuntimeError("an iterator of headers is still open on this child")
        nbytes = declared(header)
        if nbytes > self.limits.declared_bytes:
            raise Quarantine(Reason.BOMB_DECLARED)
        array = np.empty(header.shape, stored_dtype(header)) if out is None else out
        if not self._has_life_for(()):
            self.close()
        process = self._running(nbytes)
        request = self._request(os.fspath(path), nbytes) | {"header": header.to_json()}
        process.ask(request)
        try:
            answer = process.line(request["seconds"])
            if answer["reason"] is None:
                if (answer["dtype"], tuple(answer["shape"])) != (array.dtype.str, array.shape):
                    self.close()
                    raise Quarantine(Reason.DECODE_FAIL)
                process.fill(array.data.cast("B"), request["seconds"])
        except _Dead as dead:
            self.close()
            raise Quarantine(dead.reason) from None
        if answer["reason"] is not None:
            raise Quarantine(Reason(answer["reason"]))
        as_bits = header.format == "dicom" and header.transfer_syntax in (RLE, DEFLATED)
        return cut_to_stored(array, header) if as_bits else array

    def _request(self, path: str, nbytes: int = 0) -> dict[str, Any]:
        # Where the file cannot be looked at, the child will say why.
        with suppress(OSError):
            nbytes += os.lstat(path).st_size
        return {"path": path, "seconds": self.limits.seconds_for(nbytes)}

    def _first_of(self, asked: deque[str]) -> Parsed:
        request = self._request(asked[0])
        try:
            answer = self._running(0).line(request["seconds"])
        except _Dead as dead:
            self.close()
            for path in list(asked)[1:]:
                self._running(0).ask(self._request(path))
            return Parsed(None, dead.reason)
        header, reason = answer["header"], answer["reason"]
        return Parsed(header and Header.from_json(header), reason and Reason(reason))

    def _has_life_for(self, asked: Collection[str]) -> bool:
        return self._process is None or self._process.answered + len(asked) < self.limits.files_per_child

    def _running(self, nbytes: int) -> _Process:
        memory = self.limits.memory_for(nbytes)
        if self._process is not None and self._process.memory < memory:
            self.close()
        if self._process is None:
            self._process = _Process(self.limits, memory)
        return self._process


class _Dead(Exception):
    """The process ended, or had to be ended, before it answered."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


class _Process:
    """The pipes to one child.  Writing never waits, so that two full pipes cannot lock each other."""

    def __init__(self, limits: Limits, memory: int) -> None:
        facts = asdict(limits) | {"address_space": memory}
        self.memory = memory
        self.asked = 0
        self.answered = 0
        self._unsent = bytearray()
        self._unread = bytearray()
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, json.dumps(facts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Decoders in C++ print what they find in headers.
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._to, self._from = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        os.set_blocking(self._to, False)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def end(self) -> None:
        self._popen.kill()
        self._popen.communicate()

    def ask(self, request: dict[str, Any]) -> None:
        self.asked += 1
        self._unsent += json.dumps(request).encode() + b"\n"
        self._send()

    def line(self, seconds: float) -> dict[str, Any]:
        """The next answer; raises _Dead."""
        deadline = time.monotonic() + seconds
        searched = 0
        while (at := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            self._await_output(deadline)
            part = os.read(self._from, 1 << 16)
            if not part or searched > _LONGEST_LINE:
                raise _Dead(Reason.DECODER_CRASH)
            self._unread += part
        line = bytes(self._unread[:at])
        del self._unread[: at + 1]
        self.answered += 1
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            # A decoder printed into the answer: nothing that follows can be trusted.
            raise _Dead(Reason.DECODER_CRASH) from None
        return answer

    def fill(self, view: memoryview, seconds: float) -> None:
        """Exactly the bytes of ``view``; raises _Dead."""
        deadline = time.monotonic() + seconds
        had = min(len(self._unread), len(view))
        view[:had] = self._unread[:had]
        del self._unread[:had]
        view = view[had:]
        while view.nbytes:
            self._await_output(deadline)
            count = os.readv(self._from, [view])
            if not count:
                raise _Dead(Reason.DECODER_CRASH)
            view = view[count:]

    def _await_output(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _Dead(Reason.DECODER_TIMEOUT)
            reading, writing, _ = select.select([self._from], [self._to] if self._unsent else [], [], left)
            if writing:
                self._send()
            if reading:
                return

    def _send(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: os.write(self._to, self._unsent)]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # The child is gone; reading its answers up to the last one tells which file did it.
            self._unsent.clear()


def _environment() -> dict[str, str]:
    """No more than a child needs: where this package lies, one thread for every library."""
    root = Path(pipeline.__file__).parent.parent
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    return {"PYTHONPATH": str(root), "PATH": os.defpath, "LC_ALL": "C.UTF-8", **threads}
