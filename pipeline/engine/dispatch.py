"""Units to where they are worked on: this process, or the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline.archive.formats.child import Child
from pipeline.engine.cluster import connect
from pipeline.engine.site import Site
from pipeline.engine.units import Task, Unit, on_worker, sited
from pipeline.engine.window import bounded


@dataclass(frozen=True)
class Place:
    """Where work is done; nothing here changes a published byte.  ``workers`` 0 is this process."""

    scheduler: str = "local"
    workers: int = 1
    memory_limit: int = 4 * 2**30
    allow_plain_tcp: bool = False


def dispatch(task: Task, units: Iterable[Unit], site: Site, place: Place, run_id: str) -> Iterator[tuple[Unit, Any]]:
    """(unit, what the task made of it) as they end, in any order.

    None stands for what a unit of one volume would have been, where that volume killed two workers.
    Raises ClusterError when the scheduler is lost.
    """
    if place.workers == 0:
        with Child(site.limits) as child:
            for unit in units:
                yield unit, task(unit, site, child)
        return
    with (
        connect(place.scheduler, place.workers, place.memory_limit, allow_plain_tcp=place.allow_plain_tcp) as client,
        sited(client, run_id, site),
    ):
        in_flight = 2 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        suspects: list[Unit] = []
        for unit, made in bounded(client, partial(on_worker, task), units, in_flight):
            if made is None:
                suspects.extend(replace(unit, volumes=(volume,)) for volume in unit.volumes)
            else:
                yield unit, made
        # A worker died; what it held is tried again, one volume at a time, so that no innocent is blamed.
        yield from bounded(client, partial(on_worker, task), suspects, 1)
