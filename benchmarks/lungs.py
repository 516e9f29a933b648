"""The network of ``ct-lungs-train``, trained and tested on a CT that took no part: ``python -m benchmarks.lungs``.

::

    python -m benchmarks.lungs --train CT --train CT --test CT --to FOLDER     each a file or a folder of DICOM files

Labels to train on are those that the recipe makes.  What is compared on the test CT, at 1 mm: both lungs of the network
against the lungs of the packaged recipe ``ct-lungs-classical``, which hold trachea and main bronchi; and against these
without what is all air in them.  FOLDER holds whatever was made on the way; the same command goes on.
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
from pipeline.kernels import morphology
from pipeline.store import omezarr
from pipeline.volume import Volume

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
    compared.write_text(recipe.source_text("ct-lungs-classical").replace("ct-lungs-classical", "compare") + COMPARED)
    _run(str(compared), to / "tested", _gathered([test], to / "test"))
    (group,) = (to / "tested").glob("derived/compare/*/*.zarr/ct")
    made = {"seconds": round(seconds), "cpu_seconds": round(cpu), **_dice(group)}
    click.echo(json.dumps(made, indent=1))


def _dice(group: Path) -> dict[str, float]:
    ct = omezarr.read(group)
    classical, network = (omezarr.read(group / "labels" / name).array != 0 for name in ("lungs", "network"))
    tissue = classical & ~_airways(ct)
    return {
        "dice": _of(network, classical),
        "dice_without_airways": _of(network, tissue),
        "classical_ml": classical.sum() * ct.grid.voxel_mm3 / 1000,
        "airways_ml": (classical & ~tissue).sum() * ct.grid.voxel_mm3 / 1000,
        "network_ml": network.sum() * ct.grid.voxel_mm3 / 1000,
    }


def _airways(ct: Volume) -> np.ndarray:
    """What is all air over 6 mm and more, with its walls."""
    wide, wall = (morphology.ball(radius, ct.grid.spacing) for radius in (3.0, 2.0))
    lumen = morphology.opening((ct.array < -950).astype("u1"), wide)
    return morphology.dilation(lumen, wall) != 0


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
