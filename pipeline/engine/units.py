"""Volumes bundled into tasks: enough work to be worth a task, little enough to lose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client, WorkerPlugin, get_worker

from pipeline.archive.formats.child import Child
from pipeline.engine.job import Row, process
from pipeline.engine.site import Site
from pipeline.models.turns import Turns
from pipeline.recipe import Recipe
from pipeline.stages.segment import Segment

BYTES = 64 * 2**20
"""A unit is full at this many bytes of voxels ..."""

VOLUMES = 100
"""... or at this many volumes."""


Edition = tuple[str, str]
"""(volume id, edition): a volume, and the files that it was put together from."""


@dataclass(frozen=True)
class Unit:
    """What one task does.  It holds ids and parameters, no path and no header text (law L7)."""

    run_id: str
    recipe: Recipe
    volumes: tuple[Edition, ...]


Task = Callable[[Unit, Site, Child], Any]
"""What is done with a unit where a site is.  It stands in a module, and its failures are values."""


class SitePlugin(WorkerPlugin):
    """Tells a worker once where it works for a run; several runs may share a cluster."""

    def __init__(self, run_id: str, site: Site) -> None:
        self.name = plugin_name(run_id)
        self.site = site


@contextmanager
def sited(client: Client, run_id: str, site: Site) -> Iterator[None]:
    """Every worker of the cluster knows the site of a run, those too that join while it lasts."""
    client.register_plugin(SitePlugin(run_id, site))
    try:
        yield
    finally:
        client.unregister_worker_plugin(plugin_name(run_id))


def plugin_name(run_id: str) -> str:
    """Under which a worker finds the site of a run."""
    return f"scanmill-{run_id}"


def bundle(run_id: str, recipe: Recipe, volumes: Iterable[tuple[Edition, int]]) -> Iterator[Unit]:
    """Units of volumes and their bytes, in order; a large volume is a unit by itself."""
    ids: list[Edition] = []
    total = 0
    for volume, nbytes in volumes:
        if ids and (total + nbytes > BYTES or len(ids) == VOLUMES):
            yield Unit(run_id, recipe, tuple(ids))
            ids, total = [], 0
        ids.append(volume)
        total += nbytes
    if ids:
        yield Unit(run_id, recipe, tuple(ids))


AT_ONCE = 4
"""Volumes of a unit that take turns, so that their patches share batches; of a recipe without a network, one."""


def process_all(unit: Unit, site: Site, child: Child) -> list[Row]:
    """The task of a run: every volume of a unit, each ending in a row."""
    at_once = AT_ONCE if networks(unit.recipe) else 1

    def one(volume: Edition) -> Row:
        return process(site, unit.recipe, *volume, child)

    return Turns(site.memory_bytes).map(one, unit.volumes, at_once)


def networks(recipe: Recipe) -> list[Segment]:
    """The steps of a recipe that need a network."""
    chains = [chain for _, chain in (*recipe.chains, *recipe.masks)]
    return [step for chain in chains for step in chain if isinstance(step, Segment)]


def on_worker(task: Task, unit: Unit) -> Any:
    """A task on the worker's own site, with a child of its own for what must be parsed."""
    plugin: Any = get_worker().plugins[plugin_name(unit.run_id)]
    with Child(plugin.site.limits) as child:
        return task(unit, plugin.site, child)
