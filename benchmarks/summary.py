"""The table of the README, from the measured files: ``python -m benchmarks.summary``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.__main__ import RESULTS

ROWS = (
    ("linear resampling to 1 mm, int16", "resample", "linear", "reused buffer"),
    ("the same into a fresh buffer", "resample", "linear", "fresh buffer"),
    ("the same with window and float16 in one pass", "resample", "linear", "window, float16"),
    ("cubic resampling to 1 mm, int16", "resample", "cubic", "reused buffer"),
    ("onto a turned grid, linear, int16", "affine", "linear", "reused buffer"),
    ("labels to 1 mm, nearest", "labels", "nearest", "nearest"),
    ("labels to 1 mm, as masks", "labels", "linear", "linear"),
    ("window to float32", "window", "window", "float32"),
    ("z-score", "zscore", "z-score", "fresh buffer"),
    ("window between exact percentiles", "percentiles", "percentile window", "fresh buffer"),
    ("SSIM of every window, its minimum, PSNR", "quality", "SSIM and PSNR", "every window"),
    ("the same of every fourth window, as QA has it", "quality", "SSIM and PSNR", "every 4th window"),
    ("connected components", "components", "labels", "label"),
    ("the largest component", "components", "largest", "largest"),
    ("one patch through a lean U-Net", "inference", "network", "ours"),
    ("labels of a volume by it, windows overlapping by half", "inference", "labels", "ours"),
    ("64 small volumes by it, in shared batches", "inference", "small volumes", "ours, shared batches of 4"),
    ("distance in mm", "distance", "outside", "distance"),
)
"""(what, file, job in it, the case of ours)."""


def table(results: Path = RESULTS) -> str:
    """Markdown: times as fast as each peer by CPU seconds, median (min, max) over the rounds."""
    lines = ["| | times as fast: median (min, max) of CPU seconds |", "|---|---|"]
    for what, name, job, ours in ROWS:
        path = results / f"{name}.json"
        if path.exists():
            ratios = json.loads(path.read_text())["jobs"][job]["ratios"]
            told = "; ".join(_told(ratio) for ratio in ratios if ratio["ours"] == ours)
            lines.append(f"| {what} | {told} |")
    return "\n".join(lines)


def _told(ratio: dict[str, Any]) -> str:
    low, middle, high = (f"{r:.0f}" if r >= 9.95 else f"{r:.1f}" for r in ratio["cpu"])
    return f"{ratio['peer']} {middle} ({low}, {high})"


if __name__ == "__main__":
    print(table())
