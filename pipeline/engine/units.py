"""Volumes bundled into tasks: enough work to be worth a task, little enough to lose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from distributed import WorkerPlugin, get_worker

from pipeline.archive.formats.child import Child
from pipeline.engine.job import Row, process
from pipeline.engine.site import Site
from pipeline.recipe import Recipe

BYTES = 64 * 2**20
"""A unit is full at this many bytes of voxels ..."""

VOLUMES = 100
"""... or at this many volumes."""

PLUGIN = "scanmill-site"


@dataclass(frozen=True)
class Unit:
    """What one task does.  It holds ids and parameters, no path and no header text (law L7)."""

    recipe: Recipe
    volume_ids: tuple[str, ...]


class SitePlugin(WorkerPlugin):
    """Tells a worker once where it works."""

    name = PLUGIN

    def __init__(self, site: Site) -> None:
        self.site = site


def bundle(recipe: Recipe, volumes: Iterable[tuple[str, int]]) -> Iterator[Unit]:
    """Units of (volume id, bytes), in order; a large volume is a unit by itself."""
    ids: list[str] = []
    total = 0
    for volume_id, nbytes in volumes:
        if ids and (total + nbytes > BYTES or len(ids) == VOLUMES):
            yield Unit(recipe, tuple(ids))
            ids, total = [], 0
        ids.append(volume_id)
        total += nbytes
    if ids:
        yield Unit(recipe, tuple(ids))


def work(unit: Unit) -> list[Row]:
    """The task: every volume of a unit on the worker's own site."""
    plugin: Any = get_worker().plugins[PLUGIN]
    with Child(plugin.site.limits) as child:
        return [process(plugin.site, unit.recipe, volume_id, child) for volume_id in unit.volume_ids]
