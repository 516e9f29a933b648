"""What other tools make of small inputs: ``python -m benchmarks.golden`` writes ``tests/golden/`` anew.

Needs every peer (``make peers``).  The tests compare the presets of ``resample`` with what is written, so that they
need none of them.  Inputs are integers made by integer arithmetic; each tool is called as its own users call it, and
what it says of its grid is written beside its voxels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks import peers
from pipeline.volume import Kind

FOLDER = Path(__file__).parent.parent / "tests" / "golden"

Spacing = tuple[float, float, float]
Made = tuple[np.ndarray, np.ndarray]
"""Voxels [k, j, i], and the (4, 4) affine from their index to mm; the source's is ``diag(spacing)``."""


@dataclass(frozen=True)
class Golden:
    """One call of one tool.

    order : of the spline; labels of order 1 are interpolated one by one, and the strongest wins
    source, target : mm along k, j, i
    """

    name: str
    preset: Literal["itk", "nnunet", "monai", "torchio", "totalsegmentator"]
    kind: Kind
    order: int
    source: Spacing
    target: Spacing


FINER: tuple[Spacing, Spacing] = (1.5, 0.9, 0.8), (1.0, 0.7, 0.7)
COARSER: tuple[Spacing, Spacing] = (1.0, 0.7, 0.7), (1.3, 1.0, 1.1)
THICK: tuple[Spacing, Spacing] = (5.0, 0.8, 0.8), (4.0, 1.0, 1.0)

GOLDEN = (
    Golden("itk-linear-finer", "itk", "image", 1, *FINER),
    Golden("itk-linear-coarser", "itk", "image", 1, *COARSER),
    Golden("itk-cubic-finer", "itk", "image", 3, *FINER),
    Golden("itk-cubic-coarser", "itk", "image", 3, *COARSER),
    Golden("itk-nearest-finer", "itk", "labels", 0, *FINER),
    Golden("nnunet-linear-finer", "nnunet", "image", 1, *FINER),
    Golden("nnunet-cubic-finer", "nnunet", "image", 3, *FINER),
    Golden("nnunet-cubic-coarser", "nnunet", "image", 3, *COARSER),
    Golden("nnunet-cubic-thick", "nnunet", "image", 3, *THICK),
    Golden("nnunet-labels-finer", "nnunet", "labels", 1, *FINER),
    Golden("nnunet-labels-coarser", "nnunet", "labels", 1, *COARSER),
    Golden("nnunet-labels-thick", "nnunet", "labels", 1, *THICK),
    Golden("monai-linear-finer", "monai", "image", 1, *FINER),
    Golden("monai-linear-coarser", "monai", "image", 1, *COARSER),
    Golden("monai-nearest-finer", "monai", "labels", 0, *FINER),
    Golden("torchio-linear-finer", "torchio", "image", 1, *FINER),
    Golden("torchio-linear-coarser", "torchio", "image", 1, *COARSER),
    Golden("torchio-nearest-finer", "torchio", "labels", 0, *FINER),
    Golden("totalsegmentator-cubic-finer", "totalsegmentator", "image", 3, *FINER),
    Golden("totalsegmentator-cubic-coarser", "totalsegmentator", "image", 3, *COARSER),
    Golden("totalsegmentator-nearest-coarser", "totalsegmentator", "labels", 0, *COARSER),
)


def image() -> np.ndarray:
    """int16 [k, j, i]: a bright ball over a slope, under a grain that no interpolation can smooth away."""
    k, j, i = np.ogrid[:6, :12, :10]
    ball = (3 * (k - 3)) ** 2 + (j - 5) ** 2 + (i - 5) ** 2 < 20
    grain = (k * k * 37 + j * 53 + i * i * 29 + k * j * i * 7) % 101
    return (np.where(ball, 900, -400) + 20 * j - 15 * i + grain).astype(np.int16)


def labels() -> np.ndarray:
    """uint8 [k, j, i] of 0, 1, 2 and 7: regions that touch, and single voxels."""
    k, j, i = np.ogrid[:6, :12, :10]
    ball = (3 * (k - 3)) ** 2 + (j - 5) ** 2 + (i - 5) ** 2 < 25
    made = np.where(ball, np.where(i < 5, 1, 2), 0)
    made[(k * 5 + j * 3 + i) % 41 == 0] = 7
    return made.astype(np.uint8)


def source(golden: Golden) -> np.ndarray:
    """The voxels that the tool was given."""
    return labels() if golden.kind == "labels" else image()


def _itk(x: np.ndarray, golden: Golden) -> Made:
    """The script that everybody writes: first centre kept, as many voxels as fit."""
    import SimpleITK as sitk

    given = peers.simpleitk(x if golden.kind == "labels" else x.astype("f4"), golden.source)
    size = [round(n * a / b) for n, a, b in zip(x.shape, golden.source, golden.target, strict=True)]
    how = {0: sitk.sitkNearestNeighbor, 1: sitk.sitkLinear, 3: sitk.sitkBSpline}[golden.order]
    spacing = golden.target[::-1]
    made = sitk.Resample(given, size[::-1], sitk.Transform(), how, (0.0, 0.0, 0.0), spacing, np.eye(3).ravel(), -1024)
    return sitk.GetArrayFromImage(made), np.diag([*golden.target, 1.0])


def _nnunet(x: np.ndarray, golden: Golden) -> Made:
    """As its plans call it; the grid is what its rule means: both outer faces stay put."""
    from nnunetv2.preprocessing.resampling.default_resampling import (
        compute_new_shape,
        resample_data_or_seg_to_shape,
    )

    shape = compute_new_shape(x.shape, golden.source, golden.target)
    made = resample_data_or_seg_to_shape(
        x[None] if golden.kind == "labels" else x[None].astype("f4"),
        shape,
        golden.source,
        golden.target,
        is_seg=golden.kind == "labels",
        order=golden.order,
        order_z=0,
        force_separate_z=None,
    )[0]
    steps = [a * n / m for a, n, m in zip(golden.source, x.shape, made.shape, strict=True)]
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = [(new - old) / 2 for new, old in zip(steps, golden.source, strict=True)]
    return made, affine


def _monai(x: np.ndarray, golden: Golden) -> Made:
    from monai.transforms import Spacing

    made = Spacing(golden.target, mode={0: "nearest", 1: "bilinear"}[golden.order])(peers.monai(x, golden.source))
    return peers.array(made), np.asarray(made.affine)


def _torchio(x: np.ndarray, golden: Golden) -> Made:
    from torchio import Resample

    given = peers.torchio(x if golden.kind == "labels" else x.astype("f4"), golden.source, golden.kind)
    made = Resample(golden.target)(given)
    return peers.array(made), np.asarray(made.affine)


def _totalsegmentator(x: np.ndarray, golden: Golden) -> Made:
    """Its ``change_spacing``: SciPy's zoom, which keeps the first and the last centre; its affine says the target."""
    from scipy.ndimage import zoom

    factors = [a / b for a, b in zip(golden.source, golden.target, strict=True)]
    made = zoom(x if golden.kind == "labels" else x.astype("f4"), factors, order=golden.order)
    return made, np.diag([*golden.target, 1.0])


TOOLS: Mapping[str, tuple[Callable[[np.ndarray, Golden], Made], str]] = {
    "itk": (_itk, "SimpleITK"),
    "nnunet": (_nnunet, "nnunetv2"),
    "monai": (_monai, "monai"),
    "torchio": (_torchio, "torchio"),
    "totalsegmentator": (_totalsegmentator, "scipy"),
}


def make(golden: Golden) -> Made:
    """What the tool makes of it today.  Raises ModuleNotFoundError where it is not installed."""
    peers.one_thread()
    run, _ = TOOLS[golden.preset]
    made, affine = run(source(golden), golden)
    return np.asarray(made, "u1" if golden.kind == "labels" else "f4"), affine


def stored() -> dict[str, tuple[Golden, *Made]]:
    """What was written, by name."""
    calls = json.loads((FOLDER / "calls.json").read_text())
    voxels = {preset: np.load(FOLDER / f"{preset}.npz") for preset in TOOLS}
    goldens = {golden.name: golden for golden in GOLDEN}
    return {
        call["name"]: (goldens[call["name"]], voxels[call["preset"]][call["name"]], np.array(call["affine"]))
        for call in calls
    }


def main() -> None:
    """Runs every tool; writes the voxels, a file a preset, and ``calls.json``: calls, grids, versions."""
    versions, told = peers.versions(), []
    voxels: dict[str, dict[str, np.ndarray]] = {preset: {} for preset in TOOLS}
    for golden in GOLDEN:
        voxels[golden.preset][golden.name], affine = make(golden)
        package = peers.MODULES[TOOLS[golden.preset][1]]
        told.append({**asdict(golden), "tool": f"{package} {versions[package]}", "affine": affine.tolist()})
    FOLDER.mkdir(exist_ok=True)
    for preset, arrays in voxels.items():
        np.savez_compressed(FOLDER / f"{preset}.npz", **arrays)
    (FOLDER / "calls.json").write_text("[\n" + ",\n".join(json.dumps(call) for call in told) + "\n]\n")


if __name__ == "__main__":
    main()
