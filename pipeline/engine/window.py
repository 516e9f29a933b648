"""Many units through a cluster with only a few in flight: scheduler memory does not grow with the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from distributed import Client, Future, KilledWorker, as_completed

from pipeline.errors import ClusterError

Unit = TypeVar("Unit")


def bounded(
    client: Client, function: Callable[[Unit], Any], units: Iterable[Unit], in_flight: int
) -> Iterator[tuple[Unit, Any | None]]:
    """(unit, result) as they end, in any order; the result is None where the worker died on the unit.

    At most ``in_flight`` units are known to the scheduler at any time.  ``function`` must stand in a
    module and return its failures as values.

    Raises ClusterError when the scheduler is lost.
    """
    waiting = iter(units)
    running: dict[Future, Unit] = {}

    def submit(unit: Unit) -> Future:
        future = client.submit(function, unit, pure=False, retries=0)
        running[future] = unit
        return future

    done = as_completed([submit(unit) for unit in islice(waiting, in_flight)])
    for future in done:
        unit = running.pop(future)
        if future.status == "finished":
            result = future.result()
        elif isinstance(future.exception(), KilledWorker):
            result = None
        else:
            raise ClusterError("the cluster was lost; run the same command again to go on")
        future.release()
        for following in islice(waiting, 1):
            done.add(submit(following))
        yield unit, result
