"""What is fitted over a whole archive: one pass of tallies, one entry for recipes, named by its hash."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pipeline
from pipeline.archive.formats.child import Child
from pipeline.engine import memory, records
from pipeline.engine.dispatch import dispatch
from pipeline.engine.driver import Advance, Options
from pipeline.engine.job import reasons_of
from pipeline.engine.runlog import new_run_id
from pipeline.engine.site import Site
from pipeline.engine.todo import select
from pipeline.engine.units import Edition, Unit, bundle
from pipeline.engine.workspace import Workspace, read_catalog
from pipeline.errors import Quarantine, RecipeError, StoreError
from pipeline.fits import ArchiveFit
from pipeline.plan import described
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.settle import digest
from pipeline.store import omezarr
from pipeline.store.faults import store_errors
from pipeline.store.files import replace
from pipeline.store.ledger import Record


@dataclass(frozen=True)
class Seen:
    """What some volumes add up to.

    Attributes
    ----------
    totals : the digests of each kept name, added up
    volumes : hashes of the raw volumes that were seen
    refused : how many were not, by reason
    stop : why the store cannot be read
    """

    totals: Mapping[str, Any] = field(default_factory=dict)
    volumes: frozenset[str] = frozenset()
    refused: Mapping[str, int] = field(default_factory=dict)
    stop: str = ""

    def __add__(self, other: Seen) -> Seen:
        names = sorted({*self.totals, *other.totals})
        both = {n: reduce(add, [seen.totals[n] for seen in (self, other) if n in seen.totals]) for n in names}
        refused = dict(Counter(self.refused) + Counter(other.refused))
        return Seen(both, self.volumes | other.volumes, refused, self.stop or other.stop)


@dataclass(frozen=True)
class Fitted:
    """What was written: a file for every kept name, by its name; of how many volumes."""

    paths: Mapping[str, Path]
    volumes: int
    refused: Mapping[str, int]


def fit(workspace: Workspace, recipe: Recipe, options: Options, advance: Advance) -> Fitted:
    """Fit every kept name of a recipe over the converted volumes that it selects.

    The same volumes give the same file, whatever the workers and the order.

    Raises
    ------
    RecipeError
        If a kept name does not end in a fit over the archive, or no volume can be seen.
    StoreError
        If OUT cannot be read or written.
    """
    for name, chain in recipe.chains:
        if not isinstance(chain[-1], ArchiveFit):
            raise RecipeError(f"{name!r} does not end in a fit over the archive: nothing to fit")
    raws = _converted(workspace, recipe, options)
    seen = Seen()
    run_id = new_run_id()
    site = Site(workspace.output.root, workspace.vault.path, workspace.output.staging, options.memory_limit)
    volumes = [((raw["volume_id"], raw["edition"]), raw["bytes_out"]) for raw in raws]
    done = 0
    for unit, made in dispatch(see_all, bundle(run_id, recipe, volumes), site, options, run_id):
        seen += Seen(refused={str(Reason.POISON): 1}) if made is None else made
        if seen.stop:
            raise StoreError(seen.stop)
        done += len(unit.volumes)
        advance(done, len(volumes))
    if not seen.volumes:
        raise RecipeError("no volume that was converted can be seen by this recipe: run `scanmill run raw` first")
    written = {name: _write(workspace, recipe, name, chain[-1], seen) for name, chain in recipe.chains}
    return Fitted(written, len(seen.volumes), seen.refused)


def see_all(unit: Unit, site: Site, _child: Child) -> Seen:
    """The task: what the volumes of a unit add up to."""
    return reduce(add, [_see(site, unit.recipe, volume) for volume in unit.volumes])


def _converted(workspace: Workspace, recipe: Recipe, options: Options) -> list[Record]:
    rows = select(read_catalog(workspace.output).stacks, recipe, options.where, options.shard, options.limit)
    ledger = workspace.ledger
    found = [ledger.raw(row["volume_id"]) for row in rows if row["volume_id"] is not None]
    return [raw for raw in found if raw is not None]


def _see(site: Site, recipe: Recipe, volume: Edition) -> Seen:
    try:
        with store_errors():
            raw = site.ledger.raw(volume[0])
        if raw is None:
            raise Quarantine(Reason.CHANGED)
        plans = recipe.compile(omezarr.spec(raw), records.facts(raw), raw["volume_id"])
        if memory.processing(plans) > site.memory_bytes:
            raise Quarantine(Reason.TOO_LARGE)
        with store_errors():
            source = omezarr.read(site.out / raw["path"])
        return Seen(digest(plans, source.crop_to), frozenset({raw["sha256"]}))
    except StoreError as error:
        return Seen(stop=str(error))
    except Exception as error:  # one volume ends here, the others go on
        return Seen(refused={str(reasons_of(error)[0]): 1})


def _write(workspace: Workspace, recipe: Recipe, name: str, fitted: ArchiveFit, seen: Seen) -> Path:
    volumes = hashlib.sha256("".join(sorted(seen.volumes)).encode()).hexdigest()
    content = {
        "entry": fitted.entry(seen.totals[name]),
        "fit": described(fitted),
        "numbers": fitted.numbers(seen.totals[name]),
        "recipe": recipe.name,
        "n_volumes": len(seen.volumes),
        "volumes_sha256": volumes,
        "version": pipeline.__version__,
    }
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
    path = workspace.output.fits / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    with store_errors():
        replace(path, text.encode())
    return path
