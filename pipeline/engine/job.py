"""One volume: converted, worked on, measured, published.  Ends in a row, whatever happens."""

from __future__ import annotations

import shutil
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.archive.convert import convert
from pipeline.archive.formats.child import Child
from pipeline.archive.vault import Vault
from pipeline.engine import derive, memory, records
from pipeline.engine.costs import Costs
from pipeline.engine.derive import Source
from pipeline.engine.site import Site
from pipeline.errors import ModelError, Quarantine, RecipeError, StoreError
from pipeline.models import device
from pipeline.models.turns import holding
from pipeline.plan import Plan, fingerprint
from pipeline.reasons import Reason
from pipeline.recipe import Recipe, batches
from pipeline.store import commit, omezarr
from pipeline.store.faults import store_errors
from pipeline.store.layout import Output
from pipeline.store.ledger import Record
from pipeline.structure import Structure
from pipeline.volume import Volume

Reasons = tuple[Reason, ...]


@dataclass(frozen=True)
class Row:
    """How one volume ended.

    ``made`` counts what was published now; ``where`` names the place of an internal error in this
    program (file:line), never its message, which may quote a header.  ``reduced`` are batches that memory made
    smaller in this process, by the model's name: results may differ in their last bits from then on.
    """

    volume_id: str
    made: int = 0
    reason: Reason | None = None
    where: str = ""
    stop: str = ""
    reduced: Mapping[str, int] = field(default_factory=dict)


def process(site: Site, recipe: Recipe, volume_id: str, edition: str, child: Child) -> Row:
    """Make what is not made yet of one edition of a volume; what must be parsed is parsed by ``child``."""
    done = Row(volume_id)
    try:
        raw = _raw(site, volume_id, edition, child)
        done = Row(volume_id, raw.made)
        if not recipe.chains:
            return done
        made = raw.made + _derived(site, recipe, raw)
        return replace(done, made=made, reduced=dict(device.reduced))
    except StoreError as error:
        return replace(done, stop=str(error))
    except Exception as error:  # one series ends here, the run goes on; of a bug the place is told
        refusal = reasons_of(error)
        where = _place(error) if Reason.INTERNAL in refusal else ""
    return replace(refuse(site, recipe, volume_id, edition, refusal), made=done.made, where=where)


def reasons_of(error: Exception) -> Reasons:
    """Why a volume is refused that ended in this error, primary reason first."""
    match error:
        case Quarantine():
            return error.reasons
        case RecipeError():
            return (Reason.RECIPE_UNFIT,)
        case ModelError():
            return (Reason.MODEL_MISSING,)
        case MemoryError():
            return (Reason.OOM_HOST,)
    return (Reason.INTERNAL,)


def refuse(site: Site, recipe: Recipe, volume_id: str, edition: str, reasons: Reasons) -> Row:
    """Record a refusal, primary reason first: by the recipe where the raw volume is there, else by the conversion."""
    raw = site.ledger.raw(volume_id)
    by_recipe = raw is not None and raw["edition"] == edition
    try:
        with store_errors():
            job = records.compiled(recipe, raw) if raw is not None and by_recipe else None
            name = recipe.name if by_recipe else None
            site.ledger.refuse(records.refused(volume_id, name, job, reasons))
    except StoreError as error:
        return Row(volume_id, stop=str(error))
    return Row(volume_id, reason=reasons[0])


@dataclass(frozen=True)
class _Raw:
    """A raw volume with its label maps, in hand or still on disk, and its record."""

    record: Record
    volume: Volume | None
    labels: Mapping[str, Volume] = field(default_factory=dict)
    structures: Mapping[str, tuple[Structure, ...]] = field(default_factory=dict)
    made: int = 0

    def source(self, site: Site, costs: Costs) -> Source:
        """What a recipe starts from."""
        volume, labels, structures = self.volume, self.labels, self.structures
        if volume is None:
            with costs.step("read_raw") as nbytes, store_errors():
                path = site.out / self.record["path"]
                volume = omezarr.read(path)
                labels = {name: omezarr.read(path / "labels" / name) for name in self.record["labels"]}
                structures = {name: omezarr.structures(path / "labels" / name) for name in labels}
                nbytes.append(volume.array.nbytes)
        return Source(volume, labels, records.facts(self.record), self.record["geometry_error_mm"], structures)


def _raw(site: Site, volume_id: str, edition: str, child: Child) -> _Raw:
    record = site.ledger.raw(volume_id)
    if record is not None and record["edition"] == edition:
        return _Raw(record, None)
    costs = Costs()
    made = convert(Vault.open(site.vault), volume_id, edition, child)
    costs.add("read", made.seconds["read"], made.bytes_in)
    costs.add("decode", made.seconds["decode"], made.volume.array.nbytes)
    target = Output.raw(volume_id)
    own = {"volume_id": volume_id}
    labels = {
        name: replace(derive.image(volume, made.facts, own), structures=made.structures.get(name, ()))
        for name, volume in made.labels.items()
    }
    image = derive.image(made.volume, made.facts, own, labels)
    with _staged(site.staging) as staged, store_errors(), costs.step("write") as nbytes:
        omezarr.write_group(staged, {"": image})
        published = commit.publish(staged, site.out / target)
        nbytes.append(published.nbytes)
    record = records.raw(volume_id, edition, made, target, published, costs)
    with store_errors():
        new = site.ledger.commit(record)
        site.ledger.withdraw(volume_id, None)
    return _Raw(record, made.volume, made.labels, made.structures, int(new))


def _derived(site: Site, recipe: Recipe, raw: _Raw) -> int:
    """Publish a recipe's outputs; how many groups that made: 1, or 0 where they were there already."""
    record = raw.record
    volume_id = record["volume_id"]
    plans = recipe.compile(omezarr.spec(record), records.facts(record), volume_id)
    made_from = fingerprint(plans, record["sha256"])
    known = site.ledger.derived(volume_id, recipe.name)
    if known is not None and known["fingerprint"] == made_from:
        return 0
    peak = memory.processing(plans, len(record["labels"]))
    if peak > site.memory_bytes:
        raise Quarantine(Reason.TOO_LARGE)
    with holding(peak):
        return _publish(site, recipe, raw, plans, made_from)


def _publish(site: Site, recipe: Recipe, raw: _Raw, plans: Mapping[str, Plan], made_from: str) -> int:
    record = raw.record
    volume_id = record["volume_id"]
    costs = Costs()
    source = raw.source(site, costs)
    own = {"volume_id": volume_id, "recipe": recipe.name, "fingerprint": made_from}
    outputs: dict[str, Any] = {}
    names: list[str] = []
    target = Output.derived(recipe.name, volume_id, made_from)
    with _staged(site.staging) as staged:
        for batch in batches(plans):
            made = derive.make(batch, source, own, costs)
            with store_errors(), costs.step("write") as nbytes:
                omezarr.write_images(staged, made.images)
            outputs |= made.outputs
            names += made.images
            del made  # before the next sample is made
        with store_errors(), costs.step("write") as nbytes:
            omezarr.list_images(staged, names)
            published = commit.publish(staged, site.out / target)
            nbytes.append(published.nbytes)
    with store_errors():
        profile = records.profile(plans)
        new = site.ledger.commit(
            records.derived(record, recipe.name, made_from, target, published, outputs, costs, profile)
        )
        site.ledger.withdraw(volume_id, recipe.name)
    return int(new)


@contextmanager
def _staged(root: Path) -> Iterator[Path]:
    """A path for one attempt; whatever is left there when it fails is removed."""
    path = root / uuid.uuid4().hex
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _place(error: Exception) -> str:
    """``ValueError at plan.py:120 < job.py:77``: type and places, no message."""
    frames = traceback.extract_tb(error.__traceback__)[::-1][:4]
    return f"{type(error).__name__} at " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
