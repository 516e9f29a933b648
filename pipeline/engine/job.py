"""One volume: converted, worked on, measured, published.  Ends in a row, whatever happens."""

from __future__ import annotations

import shutil
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.archive.convert import convert
from pipeline.archive.formats.child import Child
from pipeline.archive.vault import Vault
from pipeline.engine import memory, records
from pipeline.engine.costs import Costs
from pipeline.engine.site import Site
from pipeline.errors import Quarantine, StoreError
from pipeline.plan import Chain, Plan, fingerprint, run_together
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.report.measure import measure_image, measure_labels
from pipeline.store import commit, omezarr
from pipeline.store.faults import store_errors
from pipeline.store.layout import Output
from pipeline.store.ledger import Record
from pipeline.volume import Facts, Volume

Reasons = tuple[Reason, ...]


@dataclass(frozen=True)
class Row:
    """How one volume ended.

    ``made`` counts what was published now; ``where`` names the place of an internal error in this
    program (file:line), never its message, which may quote a header.
    """

    volume_id: str
    made: int = 0
    reason: Reason | None = None
    where: str = ""
    stop: str = ""


def process(site: Site, recipe: Recipe, volume_id: str, edition: str, child: Child) -> Row:
    """Make what is not made yet of one edition of a volume; what must be parsed is parsed by ``child``."""
    done = Row(volume_id)
    refusal: Reasons
    where = ""
    try:
        raw = _raw(site, volume_id, edition, child)
        done = Row(volume_id, raw.made)
        if not recipe.chains:
            return done
        return replace(done, made=raw.made + _derived(site, recipe, raw))
    except StoreError as error:
        return replace(done, stop=str(error))
    except Quarantine as quarantine:
        refusal = quarantine.reasons
    except MemoryError:
        refusal = (Reason.OOM_HOST,)
    except Exception as error:  # a bug: one series ends here, the run goes on, the place is told
        refusal, where = (Reason.INTERNAL,), _place(error)
    return replace(refuse(site, recipe, volume_id, edition, refusal), made=done.made, where=where)


def refuse(site: Site, recipe: Recipe, volume_id: str, edition: str, reasons: Reasons) -> Row:
    """Record a refusal, primary reason first: by the recipe where the raw volume is there, else by the conversion."""
    raw = site.ledger.raw(volume_id)
    by_recipe = raw is not None and raw["edition"] == edition
    try:
        with store_errors():
            job = records.compiled(recipe, raw) if raw is not None and by_recipe else None
            name = recipe.name if by_recipe else None
            site.ledger.refuse(records.refused(volume_id, name, job.fingerprint if job else None, reasons))
    except StoreError as error:
        return Row(volume_id, stop=str(error))
    return Row(volume_id, reason=reasons[0])


@dataclass(frozen=True)
class _Raw:
    """A raw volume in hand or still on disk, with its record."""

    record: Record
    volume: Volume | None
    made: int = 0


def _raw(site: Site, volume_id: str, edition: str, child: Child) -> _Raw:
    record = site.ledger.raw(volume_id)
    if record is not None and record["edition"] == edition:
        return _Raw(record, None)
    costs = Costs()
    made = convert(Vault.open(site.vault), volume_id, edition, child)
    costs.add("read", made.seconds["read"], made.bytes_in)
    costs.add("decode", made.seconds["decode"], made.volume.array.nbytes)
    target = Output.raw(volume_id)
    images = {"": _image(made.volume, made.labels, made.facts, volume_id=volume_id)}
    published = _publish(site, target, images, costs)
    record = records.raw(volume_id, edition, made, target, published, costs)
    with store_errors():
        new = site.ledger.commit(record)
        site.ledger.withdraw(volume_id, None)
    return _Raw(record, made.volume, int(new))


def _derived(site: Site, recipe: Recipe, raw: _Raw) -> int:
    """Publish a recipe's outputs; how many groups that made: 1, or 0 where they were there already."""
    record, facts = raw.record, records.facts(raw.record)
    volume_id = record["volume_id"]
    plans = recipe.compile(omezarr.spec(record), facts)
    made_from = fingerprint(plans, record["sha256"])
    known = site.ledger.derived(volume_id, recipe.name)
    if known is not None and known["fingerprint"] == made_from:
        return 0
    if memory.processing(plans) > site.memory_bytes:
        raise Quarantine(Reason.TOO_LARGE)
    costs = Costs()
    source = raw.volume
    if source is None:
        with costs.step("read_raw") as nbytes, store_errors():
            source = omezarr.read(site.out / record["path"])
            nbytes.append(source.array.nbytes)
    with costs.step("compute") as nbytes:
        targets = {name: plan.target.grid for name, plan in plans.items()}
        made = run_together(plans, source.crop_to, targets)
        nbytes.extend(v.array.nbytes for v in made.values())
    with costs.step("qa"):
        outputs = {
            name: _output(plan, made[name], source, facts, record["geometry_error_mm"]) for name, plan in plans.items()
        }
    target = Output.derived(recipe.name, volume_id, made_from)
    own = {"volume_id": volume_id, "recipe": recipe.name, "fingerprint": made_from}
    images = {
        name: _image(made[name], {below: made[below] for below in labels}, facts, **own)
        for name, labels in arranged(plans, made).items()
    }
    published = _publish(site, target, images, costs)
    with store_errors():
        new = site.ledger.commit(records.derived(record, recipe.name, made_from, target, published, outputs, costs))
        site.ledger.withdraw(volume_id, recipe.name)
    return int(new)


def arranged(plans: Mapping[str, Plan], made: Mapping[str, Volume]) -> dict[str, list[str]]:
    """{what is written: the label maps below it}: each below the kept image that it is cut from.

    Else below the first image on its grid; a label map without an image on its grid is written by itself.
    """
    home: dict[str, list[str]] = {name: [] for name, volume in made.items() if volume.kind == "image"}
    images = list(home)
    for name, volume in made.items():
        if volume.kind == "labels":
            near = [n for n in images if made[n].grid == volume.grid]
            near.sort(key=lambda n: -_shared(plans[n].stages, plans[name].stages))
            if near:
                home[near[0]].append(name)
            else:
                home[name] = []
    return home


def _shared(image: Chain, labels: Chain) -> int:
    """Stages of an image that a label map rests on: all of them or, as the two are no branch of one, none."""
    return len(image) if labels[: len(image)] == image else 0


def _output(plan: Plan, volume: Volume, raw: Volume, facts: Facts, geometry_error_mm: float) -> dict[str, Any]:
    """What the report will say of one kept output."""
    grid = volume.grid
    row: dict[str, Any] = {
        "kind": volume.kind,
        "shape": list(grid.shape),
        "dtype": str(volume.array.dtype),
        "spacing_mm": list(grid.spacing),
        "qa": None,
        "structures": [],
    }
    if volume.kind == "image":
        row["qa"] = {
            **measure_image(plan, volume, raw, facts),
            "geometry_error_mm": geometry_error_mm,
            "lossy_source": facts.lossy,
        }
    else:
        row["structures"] = measure_labels(volume)
    return row


def _publish(site: Site, target: str, images: Mapping[str, omezarr.Image], costs: Costs) -> commit.Content:
    with store_errors(), costs.step("write") as nbytes, _staged(site.staging) as staged:
        omezarr.write_group(staged, images)
        published = commit.publish(staged, site.out / target)
        nbytes.append(published.nbytes)
    return published


@contextmanager
def _staged(root: Path) -> Iterator[Path]:
    """A path for one attempt; whatever is left there when it fails is removed."""
    path = root / uuid.uuid4().hex
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _image(volume: Volume, labels: Mapping[str, Volume], facts: Facts, **own: str) -> omezarr.Image:
    """With the facts that may stand in a published attribute: ids, closed vocabularies and numbers."""
    public = {
        **own,
        "modality": facts.modality,
        "units": facts.units,
        "padding": facts.padding,
        "lossy": facts.lossy,
        "spacing_source": facts.spacing_source,
    }
    return omezarr.Image(volume, labels, public, facts.anatomical, facts.spacing_source != "none")


def _place(error: Exception) -> str:
    """``ValueError at plan.py:120 < job.py:77``: type and places, no message."""
    frames = traceback.extract_tb(error.__traceback__)[::-1][:4]
    return f"{type(error).__name__} at " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
