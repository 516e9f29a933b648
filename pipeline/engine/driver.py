"""A run: what is to do goes out in units, rows come back, the report follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pipeline
from pipeline.engine.dispatch import Place, dispatch
from pipeline.engine.job import Row, refuse
from pipeline.engine.runlog import RunLog
from pipeline.engine.site import Site
from pipeline.engine.todo import Item, State, classify, counts, select
from pipeline.engine.units import Edition, bundle, networks, process_all
from pipeline.engine.watch import Watch, allowed
from pipeline.engine.workspace import Workspace, read_catalog
from pipeline.errors import PipelineError, RecipeError, StoreError
from pipeline.fits import ArchiveFit
from pipeline.models import device
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.report.accounting import Accounting
from pipeline.report.methods import methods
from pipeline.store.faults import store_errors
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger
from pipeline.store.staging import staging

EXIT_DONE, EXIT_BUG, EXIT_REFUSED, EXIT_STOPPED, EXIT_INTERRUPTED = 0, 1, 3, 6, 130

Advance = Callable[[int, int], None]
"""Told how many volumes are done, and of how many."""


@dataclass(frozen=True)
class Options(Place):
    """Which series, where, and when to stop; nothing here changes a published byte.

    ``max_failures`` is a number of volumes (``12``) or a part of them (``5%``).
    """

    where: str | None = None
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None
    max_failures: str | None = None


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
        return _exit_code(self.stopped, self.refused)


def plan(output: Output, recipe: Recipe, options: Options) -> list[Item]:
    """What a run would do; nothing is run, and no vault is needed."""
    rows = select(read_catalog(output).stacks, recipe, options.where, options.shard, options.limit)
    return classify(Ledger(output.ledger), recipe, rows)


def run(workspace: Workspace, recipe: Recipe, recipe_text: str, options: Options, advance: Advance) -> Summary:
    """Carry a recipe out over the catalog of a workspace.

    Parameters
    ----------
    recipe_text : the YAML, kept with the run

    Raises
    ------
    UsageError
        If an option cannot be.
    StoreError
        If OUT cannot be written; what was committed stays readable.
    ClusterError
        If the scheduler is lost.
    """
    for name, chain in recipe.chains:
        if any(isinstance(step, ArchiveFit) and step.open for step in chain):
            raise RecipeError(f"{name!r} rests on the whole archive: use `scanmill fit`, then what it stored")
    for step in networks(recipe):
        step.check()
    items = plan(workspace.output, recipe, options)
    todo = [item for item in items if item.state in (State.TO_DO, State.STALE)]
    limit = None if options.max_failures is None else allowed(options.max_failures, len(items))
    watch = Watch(limit, len(items), Counter(item.why for item in items if item.state is State.REFUSED))
    made, stopped, run_id = 0, None, None
    with store_errors():
        for item in items:
            if item.state is State.UP_TO_DATE and item.volume_id:
                workspace.ledger.withdraw(item.volume_id, recipe.name)  # of what the recipe was in between
    if todo:
        log = RunLog(workspace.output.runs)
        run_id = log.run_id
        facts = {
            "recipe": recipe.name,
            "version": pipeline.__version__,
            "device": device.chosen() if networks(recipe) else "cpu",
            "workers": options.workers,
            "n_selected": len(items),
            "n_current": counts(items)[State.UP_TO_DATE],
        }
        with store_errors():
            log.begin(recipe_text, methods(recipe), facts)
        code = EXIT_BUG
        try:
            with closing(_carry_out(workspace, recipe, todo, options, run_id)) as rows:
                for done, row in enumerate(rows, 1):
                    advance(done, len(todo))
                    made += row.made
                    if row.reduced:
                        with store_errors():
                            log.event("batch_reduced", volume_id=row.volume_id, batches=dict(row.reduced))
                    if row.reason is not None:
                        watch.count(row.reason)
                        with store_errors():
                            log.event("refused", volume_id=row.volume_id, reason=str(row.reason), where=row.where)
                    stopped = watch.verdict()
                    if stopped:
                        break
            code = _exit_code(stopped, watch.refused)
        except PipelineError as error:
            code = error.exit_code
            raise
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
            raise
        finally:
            with store_errors():
                log.end({**facts, "n_done": made, "n_refused": watch.new}, code)
    changed, accounting = workspace.publish()
    return Summary(recipe.name, run_id, counts(items), made, dict(watch.refused), accounting, changed, stopped)


def _exit_code(stopped: str | None, refused: Mapping[str, int]) -> int:
    if stopped:
        return EXIT_STOPPED
    return EXIT_REFUSED if refused else EXIT_DONE


def _carry_out(
    workspace: Workspace, recipe: Recipe, todo: Sequence[Item], options: Options, run_id: str
) -> Generator[Row, None, None]:
    """Rows of all volumes.  Raises StoreError at the first row that could not be written."""
    with staging(workspace.output.staging, run_id) as folder:
        site = Site(workspace.output.root, workspace.vault.path, folder, options.memory_limit)
        for row in _rows(site, recipe, todo, options, run_id):
            if row.stop:
                raise StoreError(row.stop)
            yield row


def _rows(site: Site, recipe: Recipe, todo: Sequence[Item], options: Options, run_id: str) -> Iterator[Row]:
    """What memory does not hold is refused before it is tried; the largest of the others go first."""
    volumes: list[tuple[Edition, int]] = []
    for item in sorted(todo, key=lambda item: (-item.nbytes, item.volume_id or "")):
        volume = item.volume_id or "", item.edition or ""
        if (item.peak_bytes or 0) > site.memory_bytes:
            yield refuse(site, recipe, *volume, (Reason.TOO_LARGE,))
        else:
            volumes.append((volume, item.nbytes))
    for unit, rows in dispatch(process_all, bundle(run_id, recipe, volumes), site, options, run_id):
        yield from rows if rows is not None else [refuse(site, recipe, *unit.volumes[0], (Reason.POISON,))]
