"""What nnU-Net plans for random spacings and patches: writes ``tests/golden/planning.json``.

``python -m benchmarks.golden_planning`` in the environment of the peers (``make peers``).
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks import peers

PATH = Path(__file__).parent.parent / "tests" / "golden" / "planning.json"

CASES = 120


def asked() -> list[tuple[list[float], list[int]]]:
    """Spacings (mm) and patches (voxels) along k, j, i, or j, i: every third is in two dimensions."""
    rng = random.Random(4)
    found = []
    for n in range(CASES):
        axes = 2 if n % 3 == 2 else 3
        spacing = [rng.choice([0.5, 0.7, 0.75, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 7.5]) for _ in range(axes)]
        found.append((spacing, [rng.randint(2, 320) for _ in range(axes)]))
    return found


def main() -> None:
    """Asks nnU-Net; a case a line."""
    from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props

    told = []
    for spacing, patch in asked():
        _, strides, kernels, padded, _ = get_pool_and_conv_props(spacing, patch, 4, 999999)
        case = {"spacing": spacing, "patch": patch, "strides": strides, "kernels": kernels}
        told.append({**case, "padded": [int(n) for n in padded]})
    tool = json.dumps(f"nnunetv2 {peers.versions()['nnunetv2']}")
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in told)
    PATH.write_text(f'{{"tool": {tool}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
