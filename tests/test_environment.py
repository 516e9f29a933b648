"""environment.yml asks for what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())


def requirements(lines: list[str]) -> dict[str, str]:
    """Canonical name -> range; CUDA's suffixes on PyPI (cupy-cuda13x, rmm-cu13) are conda's bare names."""
    found = [Requirement(line) for line in lines]
    return {re.sub(r"-(cuda\d+x|cu\d+)$", "", canonicalize_name(r.name)): str(r.specifier) for r in found}


def conda() -> dict[str, str]:
    lines = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict)]
    return requirements(lines + [line for line in pip if not line.startswith("-")])


def test_every_base_dependency_has_the_same_range() -> None:
    asked, given = requirements(PROJECT["dependencies"]), conda()
    assert {name: given.get(name) for name in asked} == asked


def test_the_gpu_extra_has_the_same_range() -> None:
    asked, given = requirements(PROJECT["optional-dependencies"]["gpu"]), conda()
    assert {name: given.get(name) for name in asked} == asked


def test_nothing_else_is_asked_for() -> None:
    known = requirements(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["gpu"])
    assert set(conda()) - set(known) == {"python", "pip", "cuda-version"}


def test_the_gpu_parts_come_by_conda_alone() -> None:
    """``--editable .[gpu]`` would lay a second CuPy over conda's."""
    (pip,) = [entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict)]
    assert [line for line in pip if line.startswith("-")] == ["--editable ."]


def test_the_channels_are_rapids_then_conda_forge() -> None:
    assert CONDA["channels"] == ["rapidsai", "conda-forge", "nodefaults"]
