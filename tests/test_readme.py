"""What the README shows is true: its recipe, its stage, its commands."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from benchmarks import summary
from pipeline.cli import scanmill
from pipeline.grid import Grid
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume

README = (Path(__file__).parent.parent / "README.md").read_text()


def shown(language: str, holding: str) -> str:
    (block,) = (b for b in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if holding in b)
    return str(block)


def test_the_recipe_is_the_packaged_one() -> None:
    packaged = (files("pipeline") / "recipes" / "ct-body.yaml").read_text()
    assert yaml.safe_load(shown("yaml", "name: ct-body")) == yaml.safe_load(packaged)


def test_every_command_is_there_and_shown() -> None:
    assert set(re.findall(r"^scanmill (\w+)", shown("console", "scanmill run"), re.MULTILINE)) == set(scanmill.commands)


def test_the_stage_works_and_any_cut_gives_the_whole() -> None:
    values = {"Volume": Volume, "Grid": Grid, "Spec": Spec, "Kind": Kind, "Stage": Stage}
    names: dict[str, Any] = {**values, "dataclass": dataclass, "ClassVar": ClassVar, "np": np}
    exec(shown("python", "class Invert"), names)  # noqa: S102
    invert = names["Invert"](sum=100)
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), Grid(np.eye(4), (3, 4, 5)))
    whole = invert(volume, volume.grid, volume.spec)
    np.testing.assert_array_equal(whole.array, 100 - volume.array)
    assert whole.spec == invert.spec(volume.spec)
    for piece in volume.grid.blocks((2, 3, 2)):
        part = invert(volume.crop_to(invert.reach(piece, volume.spec)), piece, volume.spec)
        np.testing.assert_array_equal(part.array, whole.array[volume.grid.slices(piece)])


def test_links_lead_somewhere() -> None:
    for page in (Path("README.md"), Path("CONTRIBUTING.md"), Path("docs/architecture.md")):
        path = Path(__file__).parent.parent / page
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{page}: {target}"


def test_the_figures_are_those_of_the_measured_files() -> None:
    assert summary.table() in README
