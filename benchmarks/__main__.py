"""All comparisons, each in a process of its own: ``python -m benchmarks [--only NAME ...] [--date DATE]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = (
    "resample",
    "labels",
    "affine",
    "fused",
    "window",
    "zscore",
    "percentiles",
    "bias",
    "augment",
    "components",
    "morphology",
    "distance",
    "quality",
    "inference",
    "archive",
)
ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes ``NAME.json`` of each; other arguments go to all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="all of them where left out")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER")
    told, rest = parser.parse_known_args(arguments)
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.only:
        print(f"# {name}", flush=True)
        written = told.out.resolve() / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(written), *rest]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, check=True)


if __name__ == "__main__":
    main()
