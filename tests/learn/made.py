"""A small OUT to train on: bright balls in noise, converted by the program itself."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np

from pipeline import recipe
from pipeline.cli import main
from pipeline.recipe import Recipe
from pipeline.training import Settings, Training

RECIPE = """\
name: balls
stages:
  - {use: reorient, to: LPS, keep: ct}
  - {use: threshold, from: ct, lower: 100}
  - {use: components, largest: 2, numbered: true, order: right-to-left, keep: balls}
train:
  image: ct
  labels: balls
  steps: 6
  every: 2
  learning_rate: 0.05
  momentum: 0.9
  validation: 0
  swap: [[1, 2]]
  draws:
    - {use: warp, degrees: [20, 10, 10], scale: [0.8, 1.2], mirror_chance: [0, 0, 0.5], labels: linear}
    - {use: random_noise, sd: [0, 30]}
  model:
    name: balls
    summary: Two balls.
    modalities: [CT]
    units: HU
    structures: [{value: 1, name: right ball}, {value: 2, name: left ball}]
    licence: CC0-1.0
    training_data: Synthetic.
    limits: Balls only.
    intensity: {rule: fixed, lower: -500, upper: 500, mean: 0, sd: 250}
    patch: [16, 16, 16]
    network:
      classes: 3
      widths: [4, 8]
      kernels: [[3, 3, 3], [3, 3, 3]]
      strides: [[1, 1, 1], [2, 2, 2]]
      encoder: [1, 1]
      decoder: [1]
"""


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> np.ndarray:
    at = np.indices(shape)
    return sum((a - c) ** 2 for a, c in zip(at, centre, strict=True)) <= radius**2


def archive(folder: Path) -> Path:
    """Two NIfTI volumes of 20 x 22 x 24 voxels (k, j, i), each with a ball on either side."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    for n in range(2):
        array = rng.normal(-100, 20, (20, 22, 24))
        array[ball(array.shape, (9 + n, 11, 6), 4)] += 400
        array[ball(array.shape, (11, 10, 17 - n), 4)] += 700  # brighter: a small network tells them apart
        affine = np.diag([-2.0, -2.0, 2.0, 1.0])  # i and j rise to L and P
        nibabel.save(nibabel.Nifti1Image(array.astype("i2").T, affine), folder / f"{n}.nii.gz")
    return folder


def out(folder: Path) -> tuple[Path, Path]:
    """(OUT, recipe file), everything converted."""
    file = folder / "balls.yaml"
    file.write_text(RECIPE)
    given = ["run", str(file), "-o", str(folder / "out"), str(archive(folder / "src"))]
    assert main([*given, "--modality", "CT", "--workers", "0", "--no-progress"]) == 0
    return folder / "out", file


def loaded(file: Path, **settings: object) -> tuple[Recipe, Training]:
    """The recipe with other settings."""
    found = recipe.load(file)
    assert found.train is not None
    train = replace(found.train, settings=Settings(**{**vars(found.train.settings), **settings}))
    return replace(found, train=train), train


MODEL = """\
name: balls
summary: Two balls.
modalities: [CT]
units: HU
structures: [{value: 1, name: right ball}, {value: 2, name: left ball}]
weights: {format: exported, files: {w: "%s"}}
licence: CC0-1.0
training_data: Synthetic.
limits: Balls only.
intensity: {rule: fixed, lower: -500, upper: 500, mean: 0, sd: 250}
patch: [16, 16, 16]
""" % ("0" * 64)
