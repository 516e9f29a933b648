"""The package says the truth about itself: version, dependencies, commands, what it carries."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pipeline

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIG["project"]

PLUGINS = {
    "bokeh",  # the scheduler's dashboard
    "pylibjpeg",  # the encoder that pydicom finds by itself
    "zarrs",  # the codec pipeline, which zarr loads by its name
}
"""Base dependencies that others load; all the rest is imported by name."""


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported() -> set[str]:
    """Distributions of all that pipeline/ imports, at the top or inside functions.

    One module is run by the interpreter of another environment (``scanmill bench geometry --peers``).
    """
    modules: set[str] = set()
    for path in set((ROOT / "pipeline").rglob("*.py")) - {ROOT / "pipeline" / "bench" / "peer_script.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add((node.module or "").partition(".")[0])
    known = packages_distributions()
    third = modules - set(sys.stdlib_module_names) - {"pipeline", "__future__"}
    return {canonicalize_name(known.get(module, [module])[0]) for module in third}


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    declared = names(PROJECT["dependencies"])
    optional = names(
        [line for extra in ("gpu", "models", "dicom-seg") for line in PROJECT["optional-dependencies"][extra]]
    )
    # Where they are not installed, a module's name is all that is known: cupy-cuda13x is then cupy.
    optional |= {re.sub(r"-(cuda\d+x|cu\d+)$", "", name) for name in optional}
    # llvmlite comes with numba, which pins it.
    assert imported() - declared - optional <= {"llvmlite"}
    assert declared - imported() == PLUGINS


def test_the_version_has_one_source() -> None:
    assert PROJECT["dynamic"] == ["version"]
    source = ROOT / CONFIG["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{pipeline.__version__}"' in source.read_text()


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert pipeline.__version__ in headings


def test_the_console_script_is_there() -> None:
    module, _, name = PROJECT["scripts"]["scanmill"].partition(":")
    assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("group", ["base", *PROJECT["optional-dependencies"]])
def test_every_dependency_has_its_row(group: str) -> None:
    lines = PROJECT["dependencies"] if group == "base" else PROJECT["optional-dependencies"][group]
    text = (ROOT / "docs" / "dependencies.md").read_text()
    rows = {canonicalize_name(name): rest for name, rest in re.findall(r"^\| ([\w.-]+) (\|.*)$", text, re.MULTILINE)}
    for requirement in map(Requirement, lines):
        row = rows.get(canonicalize_name(requirement.name))
        assert row is not None, f"docs/dependencies.md has no row for {requirement.name}"
        for bound in requirement.specifier:
            assert str(bound) in row, f"docs/dependencies.md has another range for {requirement.name}"


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "Copyright 2026 scanmill contributors" in text


@pytest.mark.parametrize("target", ["demo", "test", "test-system", "lint", "format", "bench", "schemas"])
def test_each_target_first_sets_up(target: str) -> None:
    """Told that pyproject.toml is new, make sets the environment up before it does anything else."""
    command = ["make", "--no-print-directory", "--dry-run", "--what-if=pyproject.toml", target]
    steps = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "-m venv .venv" in steps[0]
    assert "--editable '.[dev,models,brain,dicom-seg]'" in steps[1]
    assert len(steps) > 3


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert all(f"\n## {part}\n" in text for part in ("Context", "Decision", "Consequence")), page.name
        assert text.count("\n") <= 40, page.name
