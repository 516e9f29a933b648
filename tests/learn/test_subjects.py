"""The split is by patient and leaks nothing; only what the ledger records, and what is current, is trained on."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecipeError, SourceError
from pipeline.grid import IDENTITY, Grid
from pipeline.learn.subjects import Subject, split, subjects, validates
from pipeline.recipe import Recipe
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger
from tests.learn.made import loaded


def subject(patient: str, volume: str) -> Subject:
    return Subject(patient, volume, "", Path(), Path(), Grid(IDENTITY, (1, 1, 1)))


PATIENTS = st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 99)), min_size=1, unique=True)


@given(PATIENTS, st.integers(0, 9), st.floats(0, 0.9))
def test_no_patient_is_on_both_sides(volumes, seed, share):
    found = [subject(patient, str(n)) for patient, n in volumes]
    if all(validates(patient, seed, share) for patient, _ in volumes):
        with pytest.raises(RecipeError, match="seed"):
            split(found, seed, share)
        return
    train, validation = split(found, seed, share)
    assert not {s.patient for s in train} & {s.patient for s in validation}
    assert sorted(map(repr, (*train, *validation))) == sorted(map(repr, found))


@given(PATIENTS, PATIENTS, st.integers(0, 9))
def test_who_comes_later_moves_nobody(volumes, later, seed):
    before = [subject(patient, str(n)) for patient, n in volumes]
    after = [*before, *(subject(patient, str(n)) for patient, n in later)]
    moved = {s.patient: validates(s.patient, seed, 0.5) for s in before}
    assert moved.items() <= {s.patient: validates(s.patient, seed, 0.5) for s in after}.items()


def test_the_share_is_about_what_was_asked_for():
    kept = sum(validates(f"patient {n}", 3, 0.2) for n in range(2000))
    assert 340 < kept < 460
    assert not any(validates(str(n), 0, 0.0) for n in range(100))


def test_subjects_are_what_the_ledger_records(balls):
    out, file = balls
    recipe, _ = loaded(file)
    found = subjects(out, recipe)
    assert len(found) == 2
    assert [s.volume_id for s in found] == sorted(s.volume_id for s in found)
    assert all(s.grid.shape == (20, 22, 24) and s.image.is_dir() and s.labels.is_dir() for s in found)


def test_what_an_earlier_recipe_made_is_not_trained_on(balls):
    out, file = balls
    recipe, _ = loaded(file)
    chains = tuple((name, chain if name == "ct" else (*chain, chain[-1])) for name, chain in recipe.chains)
    with pytest.raises(RecipeError, match="scanmill run balls"):
        subjects(out, replace(recipe, chains=chains))
    with pytest.raises(RecipeError, match="train"):
        subjects(out, Recipe("balls"))
    with pytest.raises(SourceError, match="scanned"):
        subjects(out / "elsewhere", recipe)


def test_the_patient_is_the_headers_else_the_study_else_the_series(balls, tmp_path):
    out, file = balls
    recipe, _ = loaded(file)
    ids = [s.volume_id for s in subjects(out, recipe)]
    rows = {
        "volume_id": [*ids, None],
        "patient_id": ["somebody", None, "x"],
        "study_id": ["a", "b", "c"],
        "series_id": ["d", "e", "f"],
    }
    other = Output(tmp_path)
    (other.catalog / "series").mkdir(parents=True)
    pq.write_table(pa.table(rows), other.catalog / "series" / "part-0.parquet")
    (tmp_path / "derived").symlink_to(out / "derived")
    for record in Ledger(Output(out).ledger).records():
        Ledger(other.ledger).commit(record)
    assert [s.patient for s in subjects(tmp_path, recipe)] == ["somebody", "b"]
