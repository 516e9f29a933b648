"""A scan of native CT files, and a native CT converted: ``python -m benchmarks.archive``.

``--shape`` is that of one series; the archive that is scanned holds ``SERIES`` such.  CPU seconds are those of all
processes that a case starts.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.archive.formats.child import Child
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.demo import dicom
from pipeline.engine.job import process
from pipeline.engine.site import Site
from pipeline.grid import Grid
from pipeline.recipe import load
from pipeline.store import omezarr
from pipeline.store.layout import Output
from pipeline.volume import Volume

SERIES = 20


def scanned(shape: Shape) -> Comparison:
    """Every header read and every series judged.  Voxels are holes in the files: neither tool reads them.

    pydicom reads the headers, no more.
    """
    archive, kept = _folder(), _folder()
    for series in range(SERIES):
        _write(archive / str(series), np.zeros((shape[0], 1, 1), np.int16) - 1024, shape, str(series))
    paths = sorted(path for path in archive.rglob("*") if path.is_file())
    known, places = Vault.create(kept / "vault"), count()

    def first() -> object:
        return scan([archive], Vault.create(kept / str(next(places))))

    def again() -> object:
        return scan([archive], known)

    theirs, missing = peers.ready({"pydicom, headers alone": lambda: _pydicom(paths)})
    return Comparison({"first scan": first, "scan again": again}, theirs, missing, count=len(paths))


def converted(shape: Shape) -> Comparison:
    """One series to int16 HU in one store, warm; the first peer does no more than must be done, and knows the answer.

    dcm2niix writes NIfTI, whose voxels it does not compress, or gzips.
    """
    hu, folder = images.ct(shape), _folder()
    series = folder / "series"
    _write(series, hu, shape, "one")
    vault = Vault.create(folder / "vault")
    (stack,) = scan([series], vault).stacks.to_pylist()
    volume, child, raw = Volume(hu, Grid(np.eye(4), shape)), Child(), load("raw")

    def ours() -> Path:
        out = _anew(folder / "out")
        site = Site(out, vault.path, out / "staging", 1 << 40)
        site.staging.mkdir(parents=True)
        row = process(site, raw, stack["volume_id"], stack["edition"], child)
        assert row.made == 1
        return out / Output.raw(row.volume_id)

    def least() -> Path:
        out = _anew(folder / "least")
        for path in sorted(series.iterdir()):
            path.read_bytes()
        omezarr.write_group(out, {"": omezarr.Image(volume)})
        return out

    def error(result: object) -> float | None:
        if not isinstance(result, Path):
            return None
        import zarr

        return float(np.abs(np.asarray(zarr.open_group(result, mode="r")["0"]).astype("f4") - hu).max())

    makers = {
        "reading and compressing alone": lambda: least,
        "SimpleITK and zarr-python": lambda: _simpleitk(series, folder / "sitk"),
        "dcm2niix": lambda: _dcm2niix(series, folder / "nii", "n"),
        "dcm2niix, gzipped": lambda: _dcm2niix(series, folder / "gz", "y"),
    }
    theirs, missing = peers.ready(makers)
    return Comparison({"ours": ours}, theirs, missing, error, "largest, of HU")


def _pydicom(paths: list[Path]) -> Case:
    import pydicom

    return lambda: [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]


def _simpleitk(series: Path, out: Path) -> Case:
    import SimpleITK as sitk
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    def case() -> Path:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
        image = reader.Execute()
        voxels = sitk.GetArrayViewFromImage(image).astype(np.int16, copy=False)
        array = zarr.create_group(_anew(out), zarr_format=3).create_array(
            "0",
            shape=voxels.shape,
            dtype=voxels.dtype,
            chunks=tuple(min(c, n) for c, n in zip(omezarr.CHUNK, voxels.shape, strict=True)),
            compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
        )
        array[...] = voxels
        return out

    return case


def _dcm2niix(series: Path, out: Path, gzip: str) -> Case:
    import dcm2niix

    def case() -> None:
        _anew(out).mkdir()
        subprocess.run([dcm2niix.bin, "-z", gzip, "-o", out, series], check=True, stdout=subprocess.DEVNULL)

    return case


def _write(folder: Path, hu: np.ndarray, shape: Shape, series: str) -> None:
    """A file a slice; of a single pixel, as many as the shape says, which take no room on disk."""
    folder.mkdir(parents=True)
    for k, pixels in enumerate(hu):
        position = (0.0, 0.0, k * images.SPACING[0])
        whole = pixels if pixels.size > 1 else np.broadcast_to(pixels, shape[1:])
        content = dicom.ct(whole, seed=1, series=series, number=k + 1, position=position, spacing=images.SPACING)
        with (folder / f"{k:05}.dcm").open("wb") as file:
            file.write(content[: len(content) - whole.size * 2] if pixels.size == 1 else content)
            file.truncate(len(content))


def _folder() -> Path:
    """Gone when this process ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _anew(path: Path) -> Path:
    """Where nothing is: what the last round left is removed first, in all cases alike."""
    shutil.rmtree(path, ignore_errors=True)
    return path


main = command("archive", {"scan": scanned, "conversion": converted})

if __name__ == "__main__":
    main()
