"""Conversion of one series: its files to a volume on its true grid, its label maps beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from pipeline.archive.catalog import published
from pipeline.archive.derived_labels import is_annotation
from pipeline.archive.draw import LabelMap, draw
from pipeline.archive.entry import Entry
from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.detached import Data
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.pixels import stored_dtype
from pipeline.archive.formats.rescale import rescaled
from pipeline.archive.index import File
from pipeline.archive.vault import Vault
from pipeline.archive.vendor import completed
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.structure import Structure
from pipeline.volume import Facts, Volume

_UNITS = frozenset({"HU", "BQML", "GML"})
_LABEL_TYPES = tuple(map(np.dtype, ("u1", "u2", "u4")))


@dataclass(frozen=True)
class Converted:
    """A raw volume.

    Attributes
    ----------
    series_id : pseudonym of the series it comes from
    volume : int16 or uint16 wherever that is exact, else float32; on the grid that the gate accepted
    labels : published name -> label map on the same grid, in the smallest unsigned type that holds it
    geometry_error_mm : as the gate measured it
    bytes_in : length of all files that were read
    structures : published name -> what the values of that label map mean, where it says so
    seconds : by step: ``read`` (stored values from storage), ``decode`` (to their units)
    """

    series_id: str
    volume: Volume
    facts: Facts
    labels: dict[str, Volume]
    geometry_error_mm: float
    bytes_in: int
    structures: dict[str, tuple[Structure, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)


def convert(vault: Vault, volume_id: str, edition: str, child: Child) -> Converted:
    """Read the voxels of a volume that a scan put together.  The vault is opened read-only.

    A volume comes with all its label maps or not at all: one that cannot be read refuses the image as well,
    since a volume id names both.

    Parameters
    ----------
    edition : which files the volume is read from, as the catalog says
    child : decodes what does not lie in the file as it is; it is left open

    Raises
    ------
    UsageError
        If the vault knows no such volume or edition.
    Quarantine
        CHANGED where a file is not what it was at the scan; DECODE_FAIL where the voxels are not what the
        header says, or a label map holds anything but whole numbers from 0; or what the decoder came to.
    """
    with vault.index() as index:
        entry = Entry.of(index, volume_id, edition)
        grid = entry.grid
        clock = _Clock()
        known = {name: part.file(index) for name, part in {part.file_id: part for part in entry.parts}.items()}
        files = [known[part.file_id] for part in entry.parts]
        headers = [_header(f).part(n) for part, f in zip(entry.parts, files, strict=True) for n in part.parts]
        array = _image(entry, files, headers, child, clock)
        labels = dict(_labels([(word, part.file(index)) for word, part in entry.labels], grid, vault, child, clock))
    facts = _facts(entry, headers, array)
    parts = (*entry.parts, *(part for _, part in entry.labels))
    read = sum(part.bytes for part in parts)
    return Converted(
        series_id=entry.series_id,
        volume=Volume(array, grid),
        facts=facts,
        labels={name: one.volume for name, one in labels.items()},
        structures={name: one.structures for name, one in labels.items() if one.structures},
        geometry_error_mm=entry.geometry_error_mm,
        bytes_in=read,
        seconds=clock.seconds,
    )


def stored(file: File, child: Child, out: np.ndarray | None = None, parts: Sequence[int] | None = None) -> np.ndarray:
    """Stored values (k, j, i) of one file, or of these parts of it: of a file that is what it was at the scan.

    Raises Quarantine.
    """
    data = None if file.data is None else Data(file.data.place, file.data.size, file.data.mtime_ns)
    known = {"size": file.size, "mtime_ns": file.mtime_ns}
    return voxels.stored(file.place, _header(file), child, out, parts=parts, data=data, **known)


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"read": 0.0, "decode": 0.0}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begin = perf_counter()
        yield
        self.seconds[name] += perf_counter() - begin


def _header(file: File) -> Header:
    assert file.header is not None
    return file.header


def _image(entry: Entry, files: Sequence[File], headers: Sequence[Header], child: Child, clock: _Clock) -> np.ndarray:
    """The gate saw to it that all slices have one size and one coding: they go into one array as they come."""
    with clock.step("read"):
        if len(files) == 1:
            values = stored(files[0], child, parts=entry.parts[0].parts)
        else:
            values = np.empty(entry.grid.shape, stored_dtype(headers[0]))
            for file, ks, parts in _by_file(entry, files):
                if ks[-1] - ks[0] + 1 == len(ks):
                    stored(file, child, values[ks[0] : ks[-1] + 1], parts)
                else:
                    values[ks] = stored(file, child, parts=parts)
    with clock.step("decode"):
        if len(headers) == 1:
            return rescaled(values, headers[0].slope, headers[0].intercept, in_place=True)
        slopes, intercepts = np.array([h.slope for h in headers]), np.array([h.intercept for h in headers])
        return rescaled(values, slopes, intercepts, in_place=True)


def _by_file(entry: Entry, files: Sequence[File]) -> Iterable[tuple[File, list[int], list[int]]]:
    """Each file with the slices that it gives and the parts of it that they are: none is opened twice."""
    found: dict[str, tuple[File, list[int], list[int]]] = {}
    k = 0
    for part, file in zip(entry.parts, files, strict=True):
        _, ks, parts = found.setdefault(part.file_id, (file, [], []))
        ks += range(k, k + len(part.parts))
        parts += part.parts
        k += len(part.parts)
    return found.values()


def _labels(
    files: Sequence[tuple[str, File]], grid: Grid, vault: Vault, child: Child, clock: _Clock
) -> Iterator[tuple[str, LabelMap]]:
    """Label maps by published name; a file of several maps counts on from its word: ``seg``, ``seg-2``."""
    seen: Counter[str] = Counter()
    for word, file in files:
        if is_annotation(file):
            with clock.step("decode"):
                maps = list(draw(file, grid, vault, child))
        else:
            maps = [LabelMap(Volume(_label(file, child, clock), grid, "labels"))]
        for one in maps:
            seen[word] += 1
            yield word if seen[word] == 1 else f"{word}-{seen[word]}", one


def _label(file: File, child: Child, clock: _Clock) -> np.ndarray:
    header = _header(file)
    with clock.step("read"):
        values = stored(file, child)
    with clock.step("decode"):
        if (header.slope, header.intercept) != (1.0, 0.0):
            values = values.astype("f8") * header.slope + header.intercept
        whole = values.dtype.kind != "f" or (np.isfinite(values).all() and (np.trunc(values) == values).all())
        low, high = (int(values.min()), int(values.max())) if whole and values.size else (0, 0)
        fitting = next((dtype for dtype in _LABEL_TYPES if high <= np.iinfo(dtype).max), None)
        if not whole or low < 0 or fitting is None:
            raise Quarantine(Reason.DECODE_FAIL)
        return values.astype(fitting, copy=False)


def _facts(entry: Entry, headers: Sequence[Header], array: np.ndarray) -> Facts:
    middle = headers[len(headers) // 2]
    finite = array if array.dtype.kind != "f" else array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    stated = Facts(
        modality=entry.modality,
        units=_units(entry.modality, middle),
        padding=_padding(headers, array.dtype),
        window=middle.window,
        voi=middle.voi,
        inverted=middle.photometric == "MONOCHROME1",
        low=low,
        high=high,
        lossy=any(h.lossy for h in headers),
        anatomical=entry.anatomical,
        spacing_source=entry.spacing_source,
        suv_factor=entry.suv.factor,
        suv_refusal=entry.suv.reason,
        partial=entry.partial,
        private_scale=_private_scale(headers),
        **published(entry.facets),
    )
    return completed(stated, headers)


def _units(modality: str | None, header: Header) -> str:
    """As Rescale Type says (DICOM PS3.3 C.11.1.1.2); of a CT that says nothing HU, which C.8.2.1.1.2 asks for.
    Of a PET, as Units says (C.8.9.1.1.3), where it does.

    A DICOM image without a rescale holds numbers of its detector; a CT of another format holds HU by convention.
    """
    if header.format == "dicom" and not header.rescale_stated:
        return "1"
    unit = ((header.pet and header.pet.units) or header.rescale_type).upper() or ("HU" if modality == "CT" else "")
    return unit if unit in _UNITS and (unit == "HU") == (modality == "CT") else "1"


def _private_scale(headers: Sequence[Header]) -> float | None:
    """FP = DV / (RS * SS), see ``formats.philips``."""
    scales = {None if h.private_scale is None else h.slope * h.private_scale[0] for h in headers}
    return scales.pop() if len(scales) == 1 else None


def _padding(headers: Sequence[Header], dtype: np.dtype) -> float | None:
    """The padding value after rescaling, as the volume holds it; None where slices differ or declare none."""
    values = {None if h.padding is None else h.padding * h.slope + h.intercept for h in headers}
    value = values.pop()
    if values or value is None:
        return None
    return float(dtype.type(value)) if dtype.kind == "f" else value
