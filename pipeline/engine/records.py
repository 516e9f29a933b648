"""Commit records as the ledger keeps them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pipeline
from pipeline.archive.convert import Converted
from pipeline.engine.costs import Costs
from pipeline.errors import PipelineError
from pipeline.plan import Plan, fingerprint
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.store import omezarr
from pipeline.store.commit import Content
from pipeline.store.ledger import Record
from pipeline.store.omezarr import facts


@dataclass(frozen=True)
class Compiled:
    """A recipe for one volume: its plans, and what names the bytes that they will make."""

    plans: dict[str, Plan]
    fingerprint: str


def profile(plans: Mapping[str, Plan]) -> str | None:
    """The vendor profile that parameters of some plan are from; there is at most one for a volume."""
    return next((plan.profile for plan in plans.values() if plan.profile), None)


def compiled(recipe: Recipe, raw: Record) -> Compiled | None:
    """A recipe for the volume of a raw record; None where it cannot be: the worker that tries will say why."""
    try:
        plans = recipe.compile(omezarr.spec(raw), facts(raw), raw["volume_id"])
        return Compiled(plans, fingerprint(plans, raw["sha256"]))
    except (PipelineError, ValueError, TypeError, ArithmeticError):
        return None


def raw(volume_id: str, edition: str, made: Converted, path: str, published: Content, costs: Costs) -> Record:
    """Of a volume as acquired."""
    grid, facts = made.volume.grid, made.facts
    return {
        "type": "raw",
        "volume_id": volume_id,
        "edition": edition,
        "series_id": made.series_id,
        **_published(path, published, costs),
        "shape": list(grid.shape),
        "dtype": str(made.volume.array.dtype),
        "spacing_mm": list(grid.spacing),
        "affine": grid.affine.ravel().tolist(),
        **asdict(facts),
        "geometry_error_mm": made.geometry_error_mm,
        "bytes_in": made.bytes_in,
        "labels": sorted(made.labels),
    }


def derived(
    source: Record,
    recipe: str,
    fingerprint: str,
    path: str,
    published: Content,
    outputs: Mapping[str, Any],
    costs: Costs,
    profile: str | None = None,
) -> Record:
    """Of a recipe's outputs, made of the volume that the raw record ``source`` speaks of.

    ``profile`` is the vendor profile that parameters were taken from.
    """
    return {
        "type": "derived",
        "volume_id": source["volume_id"],
        "series_id": source["series_id"],
        "recipe": recipe,
        "fingerprint": fingerprint,
        "profile": profile,
        "raw_sha256": source["sha256"],
        **_published(path, published, costs),
        "outputs": dict(outputs),
    }


def refused(volume_id: str, recipe: str | None, job: Compiled | None, reasons: tuple[Reason, ...]) -> Record:
    """Of a volume that the conversion (``recipe`` None) or a recipe refused; primary reason first.

    ``job`` is what could not be made; the refusal holds for nothing else.
    """
    return {
        "type": "refused",
        "volume_id": volume_id,
        "recipe": recipe,
        "fingerprint": job.fingerprint if job else None,
        "profile": profile(job.plans) if job else None,
        "reason": str(reasons[0]),
        "reasons": [str(reason) for reason in reasons],
        "version": pipeline.__version__,
    }


def _published(path: str, published: Content, costs: Costs) -> Record:
    return {
        "path": path,
        "sha256": published.sha256,
        "bytes_out": published.nbytes,
        "version": pipeline.__version__,
        "costs": costs.steps,
        "peak_rss_bytes": costs.peak_rss_bytes(),
    }
