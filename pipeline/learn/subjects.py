"""What a network can be trained on: pairs of an image and its label map, as the ledger records them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.errors import PipelineError, RecipeError, SourceError
from pipeline.grid import Grid
from pipeline.plan import fingerprint
from pipeline.recipe import Recipe
from pipeline.store import omezarr
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger, Record


@dataclass(frozen=True)
class Subject:
    """One volume that was made for training.

    Attributes
    ----------
    patient : key of the patient, or of the study or the series where that is not known
    volume_id : of the volume
    sha256 : of what the recipe published of it
    image, labels : folders of the two arrays, which lie on ``grid``
    """

    patient: str
    volume_id: str
    sha256: str
    image: Path
    labels: Path
    grid: Grid


def subjects(out: Path, recipe: Recipe) -> list[Subject]:
    """Everything that a recipe has made in OUT by now, in the order of volume ids.

    What was made by an earlier form of the recipe, or of files that have changed, is not there: it would be made anew.

    Raises
    ------
    RecipeError
        If the recipe trains nothing, or nothing was made by it.
    SourceError
        If nothing was scanned into OUT.
    Quarantine
        If what is recorded cannot be read.
    """
    if recipe.train is None:
        raise RecipeError(f"the recipe {recipe.name!r} says nothing under 'train'")
    output = Output(out)
    ledger, patients = Ledger(output.ledger), _patients(output)
    found = []
    for record in ledger.records():
        if record["type"] == "derived" and record["recipe"] == recipe.name and record["volume_id"] in patients:
            raw = ledger.raw(record["volume_id"])
            if raw is not None and _current(recipe, raw, record):
                names = recipe.train.settings.image, recipe.train.settings.labels
                found.append(_subject(out / record["path"], patients[record["volume_id"]], record, *names))
    if not found:
        raise RecipeError(f"nothing was made by this recipe yet: run `scanmill run {recipe.name} -o OUT SRC` first")
    return sorted(found, key=lambda subject: subject.volume_id)


def validates(patient: str, seed: int, share: float) -> bool:
    """Whether a patient is kept from training: all of a patient's volumes, whoever else is there.

    By a hash of the key, so that a patient who comes later moves no other one.
    """
    digest = sha256(f"{seed}/split/{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def split(found: list[Subject], seed: int, share: float) -> tuple[tuple[Subject, ...], tuple[Subject, ...]]:
    """(to train on, to validate on); no patient is in both.  Raises RecipeError where none is left to train on."""
    apart = [validates(subject.patient, seed, share) for subject in found]
    train = tuple(subject for subject, other in zip(found, apart, strict=True) if not other)
    if not train:
        raise RecipeError("the split leaves no patient to train on: say another 'seed', or 'validation: 0'")
    return train, tuple(subject for subject, other in zip(found, apart, strict=True) if other)


def _patients(output: Output) -> dict[str, str]:
    """{volume id: key of its patient} of every volume in the catalog."""
    columns = ["volume_id", "patient_id", "study_id", "series_id"]
    try:
        rows = pq.read_table(output.catalog / "series" / "part-0.parquet", columns=columns).to_pylist()
    except FileNotFoundError:
        raise SourceError("nothing was scanned into this output yet: run `scanmill run RECIPE -o OUT SRC`") from None
    return {
        row["volume_id"]: row["patient_id"] or row["study_id"] or row["series_id"] for row in rows if row["volume_id"]
    }


def _current(recipe: Recipe, raw: Record, record: Record) -> bool:
    try:
        plans = recipe.compile(omezarr.spec(raw), omezarr.facts(raw), raw["volume_id"])
        return bool(fingerprint(plans, raw["sha256"]) == record["fingerprint"])
    except (PipelineError, ValueError, TypeError, ArithmeticError):
        return False


def _subject(group: Path, patient: str, record: Mapping[str, Any], image: str, labels: str) -> Subject:
    """A label map lies below the first image that it is arranged under, or by itself."""
    homes = [group / other / "labels" / labels for other in sorted(record["outputs"])]
    below = next((home for home in homes if home.is_dir()), group / labels)
    grid = omezarr.stored(group / image).grid
    return Subject(patient, record["volume_id"], record["sha256"], group / image, below, grid)
