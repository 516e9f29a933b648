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
        "out": "its affine leaves the shear out",
        "out_Tilt_1": "interpolated to an upright grid",
    },
    "failing/notavolume/001": {},
    "failing/sliceincrement/001": {
        "out": "it places the fourth slice where the missing one was",
        "out_Eq_1": "interpolated to an even grid",
    },
    "failing/sliceincrement/002": {
        "out": "it places the fourth slice where the missing one was, and leaves the shear out",
        "out_Tilt_Eq_1": "interpolated to an even, upright grid",
    },
}

BESIDE = tuple(case for case in CASES if not case.references and case.volumes)
"""What is compared: all that has no reference and comes out."""


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
