"""Room for what is not yet published: one folder a run, held by a lock that dies with the run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.store.faults import store_errors


@contextmanager
def staging(root: Path, run_id: str) -> Iterator[Path]:
    """``root/run_id``, locked while the run lives; folders of runs that died are removed first."""
    folder = root / run_id
    with ExitStack() as held:
        with store_errors(), ExitStack() as entrance:  # one run at a time sweeps and enters
            root.mkdir(parents=True, exist_ok=True)
            _lock(root, entrance, wait=True)
            for other in root.iterdir():
                with ExitStack() as sweep:
                    if _lock(other, sweep):
                        shutil.rmtree(other, ignore_errors=True)
            folder.mkdir()
            _lock(folder, held)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path, until: ExitStack, *, wait: bool = False) -> bool:
    """Lock a folder until the stack is left or the process dies; False if another process holds it."""
    handle = os.open(folder, os.O_RDONLY)
    until.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
