"""A run: what is to do goes out in units, rows come back, the report follows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pipeline
from pipeline.archive.formats.child import Child
from pipeline.engine.cluster import connect
from pipeline.engine.job import Row, process, refuse
from pipeline.engine.runlog import RunLog
from pipeline.engine.site import Site
from pipeline.engine.todo import Item, State, classify, counts, select
from pipeline.engine.units import SitePlugin, Unit, bundle, work
from pipeline.engine.window import bounded
from pipeline.engine.workspace import Workspace, account, read_catalog
from pipeline.errors import StoreError, UsageError
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.report.accounting import Accounting
from pipeline.report.methods import methods
from pipeline.store.faults import store_errors
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger
from pipeline.store.staging import staging

ABNORMAL_AFTER = 500
"""A run that has seen this many volumes ..."""

ABNORMAL_FRACTION = 0.2
"""... stops by itself when one reason took more than this part of them."""

EXIT_DONE, EXIT_REFUSED, EXIT_STOPPED = 0, 3, 6

Advance = Callable[[int, int], None]
"""Told how many volumes are done, and of how many."""


@dataclass(frozen=True)
class Options:
    """How a run is carried out; nothing here changes a published byte.

    ``workers`` 0 works in this process, without a cluster.  ``max_failures`` is a number of volumes
    (``12``) or a part of them (``5%``).
    """

    where: str | None = None
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None
    scheduler: str = "local"
    workers: int = 1
    memory_limit: int = 4 * 2**30
    max_failures: str | None = None
    allow_plain_tcp: bool = False


@dataclass(frozen=True)
class Summary:
    """How a run ended; the numbers are of this selection."""

    recipe: str
    run_id: str | None
    before: dict[str, int]
    made: int
    refused: dict[str, int]
    accounting: Accounting
    changed: list[str] = field(default_factory=list)
    stopped: str | None = None

    @property
    def exit_code(self) -> int:
        """Of OUT for this selection: 0 done, 3 with refusals, 6 stopped."""
        if self.stopped:
            return EXIT_STOPPED
        return EXIT_REFUSED if self.refused else EXIT_DONE


def plan(output: Output, recipe: Recipe, options: Options) -> list[Item]:
    """What a run would do; nothing is run, and no vault is needed."""
    rows = select(read_catalog(output).series, recipe, options.where, options.shard, options.limit)
    return classify(Ledger(output.ledger), recipe, rows)


def run(workspace: Workspace, recipe: Recipe, recipe_text: str, options: Options, advance: Advance) -> Summary:
    """Carry a recipe out over the catalog of a workspace.

    Parameters
    ----------
    recipe_text : the YAML, kept with the run

    Raises
    ------
    StoreError
        If OUT cannot be written; what was committed stays readable.
    ClusterError
        If the scheduler is lost.
    """
    items = plan(workspace.output, recipe, options)
    todo = [item for item in items if item.state in (State.TO_DO, State.STALE)]
    refused = Counter(item.why for item in items if item.state is State.REFUSED)
    made, stopped, run_id = 0, None, None
    if todo:
        log = RunLog(workspace.output.runs)
        run_id = log.run_id
        facts = {
            "recipe": recipe.name,
            "version": pipeline.__version__,
            "device": "cpu",
            "workers": options.workers,
            "n_selected": len(items),
            "n_current": counts(items)[State.UP_TO_DATE],
        }
        with store_errors():
            log.begin(recipe_text, methods(recipe), facts)
        watch = _Watch(options.max_failures, len(items), refused)
        try:
            for done, row in enumerate(_carry_out(workspace, recipe, todo, options, run_id), 1):
                advance(done, len(todo))
                made += row.made
                if row.reason is not None:
                    watch.count(row.reason)
                    with store_errors():
                        log.event("refused", volume_id=row.volume_id, reason=str(row.reason), where=row.where)
                stopped = watch.verdict()
                if stopped:
                    break
        finally:
            code = EXIT_STOPPED if stopped else EXIT_REFUSED if refused else EXIT_DONE
            with store_errors():
                log.end({**facts, "n_done": made, "n_refused": sum(refused.values())}, code)
    changed = workspace.publish()
    return Summary(recipe.name, run_id, counts(items), made, dict(refused), account(workspace.output), changed, stopped)


def _carry_out(
    workspace: Workspace, recipe: Recipe, todo: Sequence[Item], options: Options, run_id: str
) -> Iterator[Row]:
    """Rows of all volumes.  Raises StoreError at the first row that could not be written."""
    volumes = sorted(((item.volume_id or "", item.nbytes) for item in todo), key=lambda v: (-v[1], v[0]))
    with staging(workspace.output.staging, run_id) as folder:
        site = Site(workspace.output.root, workspace.vault.path, folder, options.memory_limit)
        for row in _rows(site, recipe, volumes, options):
            if row.stop:
                raise StoreError(row.stop)
            yield row


def _rows(site: Site, recipe: Recipe, volumes: Sequence[tuple[str, int]], options: Options) -> Iterator[Row]:
    if options.workers == 0:
        with Child(site.limits) as child:
            for volume_id, _ in volumes:
                yield process(site, recipe, volume_id, child)
        return
    with connect(
        options.scheduler, options.workers, options.memory_limit, allow_plain_tcp=options.allow_plain_tcp
    ) as client:
        client.register_plugin(SitePlugin(site))
        in_flight = 2 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        suspects: list[Unit] = []
        for unit, rows in bounded(client, work, bundle(recipe, volumes), in_flight):
            if rows is None:
                suspects.extend(Unit(recipe, (volume_id,)) for volume_id in unit.volume_ids)
            else:
                yield from rows
        # A worker died; what it held is tried again, one volume at a time, so that no innocent is blamed.
        for unit, rows in bounded(client, work, suspects, 1):
            yield from rows if rows is not None else [poisoned(site, recipe, unit.volume_ids[0])]


def poisoned(site: Site, recipe: Recipe, volume_id: str) -> Row:
    """Refuse a volume that killed its worker, alone."""
    stage = None if site.ledger.raw(volume_id) is None else recipe.name
    return refuse(site, volume_id, stage, Reason.POISON)


class _Watch:
    """Counts refusals and says when a run must stop."""

    def __init__(self, limit: str | None, selected: int, refused: Counter[str]) -> None:
        self.limit = None if limit is None else allowed(limit, selected)
        self.selected, self.refused, self.new = selected, refused, 0

    def count(self, reason: Reason) -> None:
        self.refused[str(reason)] += 1
        self.new += 1

    def verdict(self) -> str | None:
        if self.limit is not None and self.new > self.limit:
            return f"more than {self.limit} volumes failed (--max-failures)"
        if self.selected >= ABNORMAL_AFTER and self.refused:
            reason, most = self.refused.most_common(1)[0]
            if self.new and most > ABNORMAL_FRACTION * self.selected:
                return f"{reason} took {most} of {self.selected} volumes: that is the archive or a setting, not chance"
        return None


def allowed(limit: str, selected: int) -> int:
    """``12`` or ``5%`` of the selected volumes, as a number.  Raises UsageError for anything else.

    >>> allowed("5%", 1000)
    50
    """
    match = re.fullmatch(r"(\d+)(%?)", limit)
    if match is None:
        raise UsageError("--max-failures is a number (12) or a part of the selection (5%)")
    number = int(match[1])
    return number * selected // 100 if match[2] else number
