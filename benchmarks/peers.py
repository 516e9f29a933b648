"""The other tools, where they are installed: which of them are there, and their own forms of an image.

Each is kept to one thread.  None of them is ever imported by ``pipeline``; what is not installed is left out of a
comparison and named there (``make peers`` installs all of them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.paired import Case
from pipeline.volume import Kind

MODULES = {
    "SimpleITK": "simpleitk",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "monai": "monai",
    "torchio": "torchio",
    "torch": "torch",
    "nnunetv2": "nnunetv2",
    "batchgeneratorsv2": "batchgeneratorsv2",
    "torchmetrics": "torchmetrics",
    "dask_image": "dask-image",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "cc3d": "connected-components-3d",
    "pydicom": "pydicom",
    "dcm2niix": "dcm2niix",
}
"""What may be missing, as it is imported and as it is installed."""


def versions() -> dict[str, str]:
    """Of NumPy, numba and every peer that is installed, by distribution."""
    found = {}
    for name in ("numpy", "numba", *MODULES.values()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def ready(makers: Mapping[str, Callable[[], Case]]) -> tuple[dict[str, Case], tuple[str, ...]]:
    """The cases of what is installed, made and kept to one thread, and the names of what is not."""
    one_thread()
    cases, missing = {}, []
    for name, make in makers.items():
        try:
            cases[name] = make()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in MODULES:
                raise
            missing.append(name)
    return cases, tuple(missing)


def one_thread() -> None:
    """Every peer that is installed computes in the thread that calls it."""
    if find_spec("SimpleITK"):
        import SimpleITK as sitk

        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)


def simpleitk(x: np.ndarray, spacing: Sequence[float]) -> Any:
    """``[k, j, i]`` as a SimpleITK image whose axes are those of the patient."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(x)
    image.SetSpacing(tuple(spacing)[::-1])
    return image


def monai(x: np.ndarray, spacing: Sequence[float]) -> Any:
    """``[k, j, i]`` as MONAI's tensor with one channel, float32 as its LoadImage gives; its first axis is k."""
    from monai.data import MetaTensor

    return MetaTensor(x.astype(np.float32)[None], affine=np.diag([*spacing, 1.0]))


def torchio(x: np.ndarray, spacing: Sequence[float], kind: Kind = "image") -> Any:
    """``[k, j, i]`` as TorchIO's image with one channel; its first axis is k."""
    import torch
    from torchio import LabelMap, ScalarImage

    made = LabelMap if kind == "labels" else ScalarImage
    return made(tensor=torch.as_tensor(x.copy())[None], affine=np.diag([*spacing, 1.0]))


def array(result: Any) -> np.ndarray:
    """What a case gave as ``[k, j, i]``."""
    if isinstance(result, np.ndarray):
        return result.reshape(result.shape[-3:])
    if hasattr(result, "GetPixelIDValue"):
        import SimpleITK as sitk

        return sitk.GetArrayFromImage(result)
    data = getattr(result, "data", result)
    return np.asarray(data.detach().numpy()).reshape(data.shape[-3:])
