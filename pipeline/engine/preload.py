"""What a worker of a local cluster does before anything else: leave Ctrl-C to the driver."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(_worker: Any) -> None:
    """Called by Dask as the worker starts.  A terminal sends Ctrl-C to every process of the group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
