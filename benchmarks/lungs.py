"""The network of ``ct-lungs-train``, trained and tested on a CT that took no part: ``python -m benchmarks.lungs``.

::

    python -m benchmarks.lungs --train CT --train CT --test CT --to FOLDER     each a file or a folder of DICOM files

Labels to train on are those that the recipe makes, by classical means, and so are those that the test compares with, on
the network's grid.  FOLDER holds whatever was made on the way; the same command goes on.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from pipeline import recipe
from pipeline.cli import main as scanmill
from pipeline.store import omezarr

COMPARED = "  - {use: segment, from: ct, model: my-lungs, keep: network}\n"


@click.command()
@click.option("--train", multiple=True, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--test", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--to", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(train: Sequence[Path], test: Path, to: Path) -> None:
    """Train on some CTs, test on another; prints JSON."""
    os.environ |= {"SCANMILL_VAULT": str(to / "vault"), "SCANMILL_MODELS": str(to / "models")}
    sources = _gathered(train, to / "train")
    began, cpu = time.monotonic(), _cpu()
    _run("ct-lungs-train", to / "out", sources)
    _scanmill("train", "ct-lungs-train", "-o", to / "out", "--to", to / "models")
    seconds, cpu = time.monotonic() - began, _cpu() - cpu
    compared = to / "compare.yaml"
    labels = recipe.source_text("ct-lungs-train").partition("\ntrain:")[0].replace("ct-lungs-train", "compare")
    compared.write_text(f"{labels}{COMPARED}")
    _run(str(compared), to / "tested", _gathered([test], to / "test"))
    (group,) = (to / "tested").glob("derived/compare/*/*.zarr/ct")
    made = {"seconds": round(seconds), "cpu_seconds": round(cpu), **_dice(group)}
    click.echo(json.dumps(made, indent=1))


def _dice(group: Path) -> dict[str, float]:
    classical, network = (omezarr.read(group / "labels" / name) for name in ("lungs", "network"))
    ml = classical.grid.voxel_mm3 / 1000
    made = {"dice": _of(network.array != 0, classical.array != 0)}
    for value, side in ((1, "right"), (2, "left")):
        one, other = network.array == value, classical.array == value
        made |= {
            f"dice_{side}": _of(one, other),
            f"{side}_ml": one.sum() * ml,
            f"classical_{side}_ml": other.sum() * ml,
        }
    return made


def _of(one: np.ndarray, other: np.ndarray) -> float:
    return round(2 * float((one & other).sum()) / float(one.sum() + other.sum()), 4)


def _gathered(paths: Sequence[Path], folder: Path) -> Path:
    """Copies below one folder: a source of its own, so that what lies beside a file is not scanned."""
    for n, path in enumerate(paths):
        target = folder / str(n)
        if not target.exists():
            target.mkdir(parents=True)
            if path.is_dir():
                shutil.copytree(path, target, dirs_exist_ok=True)
            else:
                shutil.copy(path, target / f"ct{''.join(path.suffixes)}")
    return folder


def _run(name: str, out: Path, sources: Path) -> None:
    _scanmill("run", name, "-o", out, sources, "--modality", "CT")


def _scanmill(*words: object) -> None:
    code = scanmill([*map(str, words), "--no-progress"])
    if code:
        raise SystemExit(code)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


if __name__ == "__main__":
    main()
