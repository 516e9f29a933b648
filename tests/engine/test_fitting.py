"""Fits over an archive: the same file whatever the workers and the order, and a recipe that uses it by name."""

import json

import numpy as np
import pytest

from pipeline import recipe as recipes
from pipeline.engine import fitting
from pipeline.engine.driver import Options
from pipeline.engine.workspace import Workspace
from pipeline.errors import RecipeError, SourceError
from pipeline.store import omezarr
from pipeline.yaml_text import parse
from tests.engine.jobs import archive, recipe, run, workspace

RAW = "name: raw\n"
SOFT = """\
name: soft
where: "modality = 'CT'"
stages:
  - {use: threshold, lower: -200, as: body}
  - {use: fingerprint, from: raw, within: body, keep: ct}
  - {use: nyul, from: raw, keep: scale}
"""


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> Workspace:
    root = tmp_path_factory.mktemp("fits")
    opened = workspace(root, archive(root / "archive"))
    run(opened, RAW)
    return opened


def fit(held, text=SOFT, **options):
    return fitting.fit(held, recipe(text), Options(**{"workers": 0} | options), lambda done, total: None)


def test_a_fit_is_that_of_all_voxels_of_all_volumes(held):
    fitted = fit(held)
    assert fitted.volumes == 4
    content = json.loads(fitted.paths["ct"].read_bytes())
    raws = [omezarr.read(held.output.root / r["path"]) for r in held.ledger.records() if r["type"] == "raw"]
    voxels = np.concatenate([raw.array[raw.array >= -200] for raw in raws]).astype("f8")
    entry, numbers = content["entry"], content["numbers"]
    np.testing.assert_allclose(entry["base"], voxels.mean(), rtol=1e-6)
    np.testing.assert_allclose(1 / entry["scale"], voxels.std(), rtol=1e-6)
    np.testing.assert_allclose((entry["low"], entry["high"]), np.percentile(voxels, [0.5, 99.5]), rtol=1e-6)
    assert numbers["n_voxels"] == voxels.size
    assert numbers["median_spacing_mm"] == np.median([raw.grid.spacing for raw in raws], axis=0).tolist()


def test_the_same_volumes_give_the_same_file_whatever_the_workers(held):
    alone = fit(held).paths
    content = alone["ct"].read_bytes()
    alone["ct"].unlink()
    assert fit(held, workers=2).paths == alone
    assert alone["ct"].read_bytes() == content
    assert fit(held, limit=2).paths["ct"] != alone["ct"]


def test_a_recipe_uses_it_by_name_and_its_numbers_stay(held):
    paths = fit(held).paths
    ct, scale = paths["ct"].stem, paths["scale"].stem
    text = f"name: used\nstages:\n  - {{fit: {ct}, keep: a}}\n  - {{fit: {scale}, from: raw, keep: b}}\n"
    loaded = recipes.build(parse(text, "used"), recipes._stored(held.output.fits))
    (linear,), (nyul,) = (chain for _, chain in loaded.chains)
    entry = json.loads(paths["ct"].read_bytes())["entry"]
    assert (linear.base, linear.scale) == (entry["base"], entry["scale"])
    assert nyul.standard is not None
    with pytest.raises(RecipeError, match="no stored fit 'ct-00000000'"):
        recipes.build(parse(text.replace(ct, "ct-00000000"), "used"), recipes._stored(held.output.fits))


def test_a_fit_that_was_changed_is_not_there(held):
    path = fit(held).paths["ct"]
    path.with_name("ct-0123abcd.json").write_bytes(path.read_bytes())
    assert set(recipes._stored(held.output.fits)) >= {path.stem}
    assert "ct-0123abcd" not in recipes._stored(held.output.fits)


def test_refuses(held, tmp_path):
    with pytest.raises(RecipeError, match="nothing to fit"):
        fit(held, "name: x\nstages:\n  - {use: clip, lower: 0, keep: a}\n")
    with pytest.raises(RecipeError, match="scanmill fit"):
        run(held, SOFT)
    with pytest.raises(RecipeError, match="no volume"):
        fit(held, SOFT.replace("'CT'", "'MR'"))
    with pytest.raises(SourceError):
        fit(workspace(tmp_path))
