"""Where the work runs: a cluster of this machine's processes, a scheduler by address, or right here."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import dask
import dask.utils
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from pipeline.errors import ClusterError, UsageError

LOOPBACK = "127.0.0.1"

WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Keep freed memory: a page fault on a fresh volume costs more than resampling it.
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
    "MALLOC_MMAP_THRESHOLD_": str(2**31),
}

SETTINGS = {
    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
    # A worker that dies takes its tasks with it; each is tried again alone, so that the guilty is known.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.preload": ["pipeline.engine.preload"],
}

PATIENCE = "60s"
"""How long a first worker is waited for."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def connect(scheduler: str, workers: int, memory_limit: int, *, allow_plain_tcp: bool = False) -> Iterator[Client]:
    """A Dask client.

    Parameters
    ----------
    scheduler : ``local`` for processes of this machine, else the address of a running scheduler
    workers : processes of a local cluster, one thread each
    memory_limit : bytes a worker; a worker that passes 95 % of it is killed by its nanny
    allow_plain_tcp : connect to another machine without TLS all the same

    Raises
    ------
    UsageError
        For an address of another machine without TLS (law L10), TLS without certificates, or no scheduler there.
    ClusterError
        If no worker comes up.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told once, by us
    with dask.config.set(SETTINGS), ExitStack() as stack:
        client = stack.enter_context(
            _local(stack, workers, memory_limit) if scheduler == "local" else _remote(scheduler, allow_plain_tcp)
        )
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError):
            raise ClusterError(f"no worker came up within {PATIENCE}: is the memory limit too low?") from None
        yield client


def _local(stack: ExitStack, workers: int, memory_limit: int) -> Client:
    try:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host=LOOPBACK,
                dashboard_address=f"{LOOPBACK}:0",
                memory_limit=memory_limit,
                silence_logs=logging.CRITICAL,
            )
        )
    except (OSError, RuntimeError, TimeoutError):
        raise ClusterError("the workers do not come up: is the memory limit too low?") from None
    return Client(cluster)


def _remote(address: str, allow_plain_tcp: bool) -> Client:
    if address in ("cuda", "slurm") or address.startswith("slurm:"):
        raise UsageError(f"--scheduler {address.partition(':')[0]} is not there yet: name an address, or local")
    _refuse_open_network(address, allow_plain_tcp)
    try:
        return Client(address, timeout="10s")
    except TypeError:
        raise UsageError("TLS needs certificates: name them in Dask's settings, distributed.comm.tls") from None
    except (OSError, TimeoutError, ValueError):
        raise UsageError(f"no scheduler answers at {address}") from None


def _refuse_open_network(address: str, allowed: bool) -> None:
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme == "tls" or allowed:
        return
    try:
        loopback = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = parts.hostname == "localhost"
    if not loopback:
        raise UsageError(
            "the scheduler is on another machine and its address is not tls://: anyone on that network could "
            "run code on the workers; use TLS, or say --allow-plain-tcp"
        )


def memory_per_worker(workers: int) -> int:
    """A default: four fifths of what this machine (or its container) has, shared out."""
    return int(0.8 * MEMORY_LIMIT) // max(1, workers)


def parse_size(text: str) -> int:
    """``8GB`` or ``512MiB`` in bytes.  Raises UsageError for a bare number: it does not say its unit."""
    try:
        if text.strip().isdigit():
            raise ValueError
        return int(dask.utils.parse_bytes(text))
    except (ValueError, AttributeError):
        raise UsageError(f"{text!r} is not a size: write a number and a unit, as in 8GB") from None
