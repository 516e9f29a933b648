"""All comparisons, each in a process of its own: ``python -m benchmarks [NAME ...] [--date DATE]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
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
)
RESULTS = Path(__file__).parent / "results"

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def main() -> None:
    """Writes ``NAME.json`` of each; other arguments go to all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all where left out")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER")
    told, rest = parser.parse_known_args()
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.names or NAMES:
        print(f"# {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(told.out / f"{name}.json"), *rest]
        subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True)


if __name__ == "__main__":
    main()
