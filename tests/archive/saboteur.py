"""A child process that does what hostile files make decoders do, when a file begins with the word for it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from pipeline.archive import reading
from pipeline.archive.limits import Limits

_parsed = reading.parsed


def parsed(path: str, limits: Limits) -> reading.Parsed:
    """As the real one, but for files that begin with CRASH, STALL, CHATTER or GREED."""
    match Path(path).read_bytes()[:16].split(b" ")[0]:
        case b"CRASH":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"STALL":
            time.sleep(60)
        case b"CHATTER":
            sys.stdout.buffer.write(b"a decoder that prints\n")
        case b"GREED":
            bytearray(limits.memory_bytes)
    return _parsed(path, limits)


def greedy(path: str, limits: Limits) -> reading.Parsed:
    """What was refused memory becomes a reason, as in the real one."""
    try:
        return parsed(path, limits)
    except MemoryError:
        return reading.Parsed(None, reading._reason(MemoryError(), reading.Reason.UNREADABLE))


if __name__ == "__main__":
    reading.parsed = greedy
    reading.main(sys.argv[1:])
