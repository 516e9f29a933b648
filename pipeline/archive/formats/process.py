"""The pipes to one child process: requests out, answers and bytes in, deadlines kept."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pipeline
from pipeline.archive.formats.limits import Limits
from pipeline.errors import PipelineError
from pipeline.reasons import Reason

_LONGEST_LINE = 1 << 26
"""A multi-frame object says of every frame where it lies: some 300 bytes each."""

_SECONDS_TO_START = 120.0

_MODULE = "pipeline.archive.formats.reading"


class Dead(Exception):
    """The process ended, or had to be ended, before it answered."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


class Process:
    """One child, started and ready.  Writing to it never waits, so that two full pipes cannot lock each other.

    Attributes
    ----------
    memory : its address space in bytes
    asked, answered : requests sent, answers received

    Raises PipelineError where the child does not come up: that is the environment's fault, not a file's.
    """

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
        try:
            self.line(_SECONDS_TO_START)
        except Dead:
            self.end()
            raise PipelineError(
                "the process that reads files does not start here: is the environment complete?"
            ) from None
        self.answered = 0

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
        """The next answer; raises Dead."""
        deadline = time.monotonic() + seconds
        searched = 0
        while (at := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            self._await_output(deadline)
            part = os.read(self._from, 1 << 16)
            if not part or searched > _LONGEST_LINE:
                raise Dead(Reason.DECODER_CRASH)
            self._unread += part
        line = bytes(self._unread[:at])
        del self._unread[: at + 1]
        self.answered += 1
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            # A decoder printed into the answer: nothing that follows can be trusted.
            raise Dead(Reason.DECODER_CRASH) from None
        return answer

    def fill(self, view: memoryview, seconds: float) -> None:
        """Exactly the bytes of ``view``; raises Dead."""
        deadline = time.monotonic() + seconds
        had = min(len(self._unread), len(view))
        view[:had] = self._unread[:had]
        del self._unread[:had]
        view = view[had:]
        while view.nbytes:
            self._await_output(deadline)
            count = os.readv(self._from, [view])
            if not count:
                raise Dead(Reason.DECODER_CRASH)
            view = view[count:]

    def _await_output(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Dead(Reason.DECODER_TIMEOUT)
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
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {"PYTHONPATH": str(root), "PATH": os.defpath, "LC_ALL": "C.UTF-8", **threads}
