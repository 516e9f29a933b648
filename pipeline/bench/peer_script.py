"""One tool, one folder: ``python peer_script.py TOOL FOLDER OUT`` leaves every volume that the tool made in OUT.

Run by the interpreter of the tools' own environment, with nothing of this package in reach.  Each volume is left as
``N.npz`` of ``array`` [k, j, i] and ``affine`` (4, 4), index (k, j, i, 1) -> LPS mm, whatever the tool's own
conventions are.  What the tool says goes where it sends it: to standard output, to standard error, to the exit code.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Made = Iterator[tuple[np.ndarray, np.ndarray]]


def simpleitk(folder: Path, scratch: Path) -> Made:
    """Every series that GDCM finds, read as the documentation of SimpleITK shows it."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    for series in reader.GetGDCMSeriesIDs(str(folder)):
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series))
        image = reader.Execute()
        affine = np.eye(4)
        affine[:3, :3] = (np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing())[:, ::-1]
        affine[:3, 3] = image.GetOrigin()
        yield sitk.GetArrayFromImage(image), affine


def dcm2niix(folder: Path, scratch: Path) -> Made:
    """With no option but where to write what."""
    import dcm2niix

    done = subprocess.run([dcm2niix.bin, "-f", "%s_%r", "-o", str(scratch), str(folder)], check=False)
    yield from _niftis(scratch)
    if done.returncode:
        sys.exit(done.returncode)


def dicom2nifti(folder: Path, scratch: Path) -> Made:
    """As its README shows it."""
    import dicom2nifti as tool

    tool.convert_directory(str(folder), str(scratch))
    yield from _niftis(scratch)


TOOLS: dict[str, Callable[[Path, Path], Made]] = {
    "SimpleITK": simpleitk,
    "dcm2niix": dcm2niix,
    "dicom2nifti": dicom2nifti,
}


def _niftis(scratch: Path) -> Made:
    """NIfTI orders indices i, j, k and points right, anterior, superior: both are turned; of 4-D, every volume."""
    import nibabel

    for path in sorted(scratch.rglob("*.nii*")):
        image: Any = nibabel.load(path)
        values = np.asarray(image.dataobj)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine @ np.eye(4)[[2, 1, 0, 3]]
        for volume in np.moveaxis(values.reshape(*values.shape[:3], -1), 3, 0):
            yield volume.transpose(), affine


def main() -> None:
    """The command; ``python peer_script.py`` alone says which versions there are, as JSON."""
    if len(sys.argv) == 1:
        sys.stdout.write(json.dumps({name: importlib.metadata.version(name) for name in TOOLS}))
        return
    tool, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    scratch = out / "scratch"
    scratch.mkdir(parents=True)
    for n, (array, affine) in enumerate(TOOLS[tool](folder, scratch)):
        np.savez(out / f"{n}.npz", array=array, affine=affine)


if __name__ == "__main__":
    main()
