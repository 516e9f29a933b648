"""Series without a reference, beside what an installed dcm2niix makes of them."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.system.comparison import Difference, Resampled, compare, volumes_of
from tests.system.ground_truth import Found, below, values_cell
from tests.system.ground_truth_cases import CASES

HEAD = "| series | dcm2niix writes | corners, mm | voxels | remark |\n|---|---|---|---|---|\n"

_REMARKS = {
    "failing/gantrytilting/001": {
        "out": "its slice step is what lies between the planes, 4.85 mm; the table moved by 5 mm",
        "out_Tilt_1": "its correction of the tilt",
    },
    "failing/sliceincrement/001": {
        "out": "four slices at even distances: the fourth lies 5 mm from where it was acquired",
        "out_Eq_1": "its even spacing, across the missing slice as well",
    },
    "failing/sliceincrement/002": {
        "out": "four slices at even distances, upright: neither the gap nor the tilt is in its affine",
        "out_Tilt_Eq_1": "its correction of both",
    },
    "pet-wholebody-seg/rsna_2/PET": {
        "out": "in float32: its slice step is 3.375015 mm where that of the positions is 3.375",
    },
}
"""Of the end of a source, by the stem of a file: what dcm2niix did."""

BESIDE = tuple(c for c in CASES if c.volumes and (not c.references or "/failing/sliceincrement/" in c.source))
"""What is compared: what has no reference, or one that is interpolated."""


@dataclass(frozen=True)
class Written:
    """One file of dcm2niix against what we publish of the same series."""

    name: str
    shape: tuple[int, ...]
    difference: Difference | Resampled | None
    remark: str


def written(executable: str, source: Path, found: Found, folder: Path) -> tuple[Written, ...]:
    """Run dcm2niix over a source into ``folder``."""
    command = [executable, "-b", "n", "-z", "n", "-f", "out", "-o", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    remarks = next((texts for end, texts in _REMARKS.items() if found.case.source.endswith(end)), {})
    files = [(path.stem, volumes_of(path)) for path in sorted(folder.glob("*.nii"))]
    return tuple(
        Written(
            name,
            (len(volumes), *volumes[0].array.shape),
            compare(volumes, found.volumes),
            remarks.get(name, ""),
        )
        for name, volumes in files
    )


def table(rows: Iterable[tuple[Found, tuple[Written, ...]]]) -> str:
    """Markdown, one row a file."""
    return HEAD + "".join(
        f"| `{found.case.source}` | {_shape(file.shape)} | {_corners(file.difference)} |"
        f" {values_cell(file.difference)} | {file.remark} |\n"
        for found, files in rows
        for file in files
    )


def _shape(shape: tuple[int, ...]) -> str:
    n, *rest = shape
    each = "×".join(map(str, rest))
    return f"{n} × {each}" if n > 1 else each


def _corners(difference: Difference | Resampled | None) -> str:
    return below(difference.corner_mm) if isinstance(difference, Difference) else "–"
