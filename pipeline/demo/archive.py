"""The demo archive: where each file lies, and what must become of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom.data

from pipeline.demo import dicom, nifti, phantom
from pipeline.demo.expected import Ending, Expected
from pipeline.errors import UsageError
from pipeline.reasons import Outcome, Reason

CHEST_SHAPE, CHEST_SPACING = (60, 512, 512), (2.5, 0.7, 0.7)
SMALL_SHAPE, SMALL_SPACING = (8, 64, 64), (2.5, 5.6, 5.6)
HEAD_SHAPE, HEAD_SPACING = (48, 64, 64), (4.0, 4.0, 4.0)
X_RAY_SHAPE, X_RAY_SPACING = (160, 64, 256), (2.0, 5.6, 1.4)

CONVERTED, QUARANTINED, SKIPPED, DUPLICATE = Outcome


@dataclass(frozen=True)
class Part:
    """Some files, by their path in the archive, and how they must end."""

    files: dict[str, bytes]
    endings: tuple[Ending, ...]


def write(folder: Path, *, seed: int = 7) -> Expected:
    """Write the archive (about 65 MB) into ``folder`` and say how every file of it must end.

    The bytes are a pure function of ``seed``.  Nothing is fetched: the real images are those that the pydicom
    package carries.

    Raises
    ------
    UsageError
        If ``folder`` exists and holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the demo archive needs a folder that is new or empty")
    endings: list[Ending] = []
    for part in _parts(seed):
        for name, data in part.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        endings.extend(part.endings)
    return Expected(tuple(endings))


def _parts(seed: int) -> Iterator[Part]:
    yield _bundled()
    yield from _chest(seed)
    yield _head(seed)
    yield _x_ray(seed)
    hu, labels = phantom.chest(SMALL_SHAPE, SMALL_SPACING, seed=seed + 1)
    yield _missing_slice(hu, seed)
    yield _duplicate(hu, seed)
    yield _localizer(hu, seed)
    yield _truncated(hu, seed)
    yield _strays(labels)


def _bundled() -> Part:
    """Real files of the pydicom package, by the names that it gives them."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    endings = {
        "CT_small.dcm": Ending("a real CT image", 1, CONVERTED, None, "CT", volumes=1),
        "693_J2KI.dcm": Ending("a real CT image, JPEG 2000", 1, CONVERTED, None, "CT", volumes=1),
        "MR_small.dcm": Ending("a real MR image", 1, CONVERTED, None, "MR", volumes=1),
        "MR_small_RLE.dcm": Ending("the same MR image, run-length coded", 1, DUPLICATE, Reason.DUPLICATE_SOP, "MR"),
        "reportsi.dcm": Ending("a structured report", 1, SKIPPED, Reason.NO_PIXELS),
        "SC_rgb_jpeg_dcmtk.dcm": Ending("a secondary capture", 1, SKIPPED, Reason.SECONDARY_CAPTURE),
    }
    return Part({f"pydicom/{name}": (folder / name).read_bytes() for name in endings}, tuple(endings.values()))


def _chest(seed: int) -> Iterator[Part]:
    hu, labels = phantom.chest(CHEST_SHAPE, CHEST_SPACING, seed=seed)
    files = _series(hu, CHEST_SPACING, seed, "chest")
    yield Part(_under(f"patient-{dicom.MARK}/ct", files), (_volume("the chest, DICOM", len(files)),))
    affine = _affine(CHEST_SHAPE, CHEST_SPACING)
    pair = {
        "sub-01_ct.nii": nifti.file(hu, affine),
        "sub-01_ct_mask.nii.gz": nifti.file(labels, affine, packed=True),
    }
    yield Part(
        _under("bids/sub-01", pair),
        (
            _volume("the same chest, NIfTI", 1),
            Ending("its lungs and spine, as labels", 1, CONVERTED, None, "CT", labels=1),
        ),
    )


def _head(seed: int) -> Part:
    affine = _affine(HEAD_SHAPE, HEAD_SPACING)
    # 16 degrees about the left-right axis: the angle of the 7-24-25 triangle, whose sine and cosine are short.
    turn = np.array([[1, 0, 0, 0], [0, 0.96, -0.28, 0], [0, 0.28, 0.96, 0], [0, 0, 0, 1]])
    image = nifti.file(phantom.head(HEAD_SHAPE, HEAD_SPACING, seed=seed), turn @ affine, packed=True)
    ending = Ending("an oblique head, NIfTI", 1, CONVERTED, None, "MR", volumes=1)
    return Part({"bids/sub-02/sub-02_T1w.nii.gz": image}, (ending,))


def _x_ray(seed: int) -> Part:
    hu, _ = phantom.chest(X_RAY_SHAPE, X_RAY_SPACING, seed=seed + 2)
    image = phantom.radiograph(hu, X_RAY_SPACING)
    data = dicom.dx(image, seed=seed, series="x-ray", spacing=(X_RAY_SPACING[0], X_RAY_SPACING[2]))
    ending = Ending("an X-ray of the chest", 1, CONVERTED, None, "DX", volumes=1)
    return Part({f"patient-{dicom.MARK}/dx/IM0001": data}, (ending,))


def _missing_slice(hu: np.ndarray, seed: int) -> Part:
    files = _series(hu, SMALL_SPACING, seed, "missing", leave_out=4)
    ending = Ending("a series that lacks a slice, in two parts", len(files), CONVERTED, None, "CT", volumes=2)
    return Part(_under("faults/missing-slice", files), (ending,))


def _duplicate(hu: np.ndarray, seed: int) -> Part:
    files = _series(hu, SMALL_SPACING, seed, "duplicate")
    ending = Ending("one image of it again", 1, DUPLICATE, Reason.DUPLICATE_SOP, "CT")
    files["copy-of-IM0003"] = files["IM0003"]
    return Part(_under("faults/duplicate", files), (_volume("a series sent twice in part", len(files) - 1), ending))


def _localizer(hu: np.ndarray, seed: int) -> Part:
    files = _series(hu, SMALL_SPACING, seed, "localizer")
    n = len(files)
    files["IM0000"] = dicom.ct(
        hu[:, hu.shape[1] // 2],
        seed=seed,
        series="localizer",
        number=0,
        position=(-180.0, 0.0, 180.0),
        spacing=(5.6, 2.5, 5.6),
        orientation=dicom.CORONAL,
        kind="LOCALIZER",
    )
    ending = Ending("its localizer", 1, SKIPPED, Reason.LOCALIZER, "CT")
    return Part(_under("faults/localizer", files), (_volume("a series with its localizer", n), ending))


def _truncated(hu: np.ndarray, seed: int) -> Part:
    files = _series(hu, SMALL_SPACING, seed, "truncated")
    files["IM0005"] = files["IM0005"][:-1000]
    ending = Ending("a series with a file cut short", len(files), QUARANTINED, Reason.TRUNCATED, "CT")
    return Part(_under("faults/truncated", files), (ending,))


def _strays(labels: np.ndarray) -> Part:
    files = {
        "notes.dcm": f"Not an image, whatever its name says. {dicom.MARK}\n".encode(),
        "empty.dcm": b"",
        "lungs_seg.nii.gz": nifti.file(labels, _affine(SMALL_SHAPE, SMALL_SPACING), packed=True),
    }
    endings = (
        Ending("a text file named .dcm", 1, SKIPPED, Reason.NOT_AN_IMAGE),
        Ending("an empty file", 1, SKIPPED, Reason.EMPTY_FILE),
        Ending("labels without their image", 1, SKIPPED, Reason.ORPHAN_LABELS),
    )
    return Part(_under("faults/strays", files), endings)


def _volume(what: str, files: int) -> Ending:
    return Ending(what, files, CONVERTED, None, "CT", volumes=1)


def _under(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def _affine(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> np.ndarray:
    """(4, 4): [k, j, i] -> LPS mm, axial slices from the feet up, the middle voxel at 0."""
    (n, rows, columns), (sk, sj, si) = shape, spacing
    affine = np.zeros((4, 4))
    affine[0, 2], affine[1, 1], affine[2, 0], affine[3, 3] = si, sj, sk, 1.0
    affine[:3, 3] = -si * (columns - 1) / 2, -sj * (rows - 1) / 2, -sk * (n - 1) / 2
    return affine


def _series(
    hu: np.ndarray, spacing: tuple[float, float, float], seed: int, name: str, *, leave_out: int | None = None
) -> dict[str, bytes]:
    """The slices of ``hu`` as CT images; names and instance numbers say nothing of their order, as in real archives."""
    x, y, z = _affine(hu.shape, spacing)[:3, 3].tolist()
    n = len(hu)
    numbers = [1 + (5 + 7 * k) % n for k in range(n)]  # a shuffle, as n is no multiple of 7
    return {
        f"IM{numbers[k]:04}": dicom.ct(
            hu[k], seed=seed, series=name, number=numbers[k], position=(x, y, z + spacing[0] * k), spacing=spacing
        )
        for k in range(n)
        if k != leave_out
    }
