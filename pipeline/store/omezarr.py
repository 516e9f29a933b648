"""Volumes as OME-Zarr 0.5: one shard an array, and an affine that nothing can lose.

Viewers get ``scale`` and ``translation`` (and RFC-4 orientations where the axes lie along the patient's);
the attribute ``scanmill.affine`` (4 x 4, index (k, j, i, 1) -> LPS mm) is the authority: it keeps oblique
and sheared frames, which OME-Zarr 0.5 cannot say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from pipeline.errors import GeometryError, Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.structure import Structure
from pipeline.volume import Facts, Spec, Volume

CHUNK = (64, 128, 128)
"""Voxels of an inner chunk: 2 MiB of int16, near the patches of a 3-D network."""

SHARD_BYTES = 2**31
"""An array is one object unless it is larger than this."""

# Written by zarrs, 2 to 5 times as fast as zarr-python, in one thread: with more it writes the chunks of a
# shard in the order in which they happen to be ready, and the same volume gives other bytes at every run
# (law L4).  Read by zarr-python: zarrs does not check the checksum of a chunk that the array's border cuts.
WRITER = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "threading.max_workers": 1}
READER = {"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}


# NGFF RFC-4, by LPS component: words for an index that increases along + and -.
_ORIENTATIONS = {
    0: ("right-to-left", "left-to-right"),
    1: ("anterior-to-posterior", "posterior-to-anterior"),
    2: ("inferior-to-superior", "superior-to-inferior"),
}


@dataclass(frozen=True)
class Image:
    """What is written under one name: a volume, the label maps that lie on its grid, and public facts.

    Where it is not ``anatomical``, viewers are told no orientation; where it has no ``millimetres``, no unit.
    ``structures`` says what the values of a label map mean.
    """

    volume: Volume
    labels: Mapping[str, Image] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    structures: tuple[Structure, ...] = ()
    anatomical: bool = True
    millimetres: bool = True


def write_group(path: Path, images: Mapping[str, Image]) -> None:
    """Write images below ``path``; the name ``""`` is the group itself.

    ::

        path/0               images[""]              path/ct/0                  images["ct"]
        path/labels/mask/0   its label map           path/ct/labels/body/0      its label map
                                                     path/image/s000/0          images["image/s000"]
                                                     path/OME                   the list of images
    """
    write_images(path, images)
    list_images(path, images)


def write_images(path: Path, images: Mapping[str, Image]) -> None:
    """Some images of a group, with their label maps; ``list_images`` ends the group when all are there."""
    with zarr.config.set(WRITER):
        for name, image in images.items():
            here = path / name if name else path
            _write_image(here, image)
            if image.labels:
                listed = {"ome": {"version": "0.5", "labels": sorted(image.labels)}}
                zarr.create_group(here / "labels", attributes=listed)
            for label in sorted(image.labels):
                _write_image(here / "labels" / label, image.labels[label], source="../../")


def list_images(path: Path, names: Iterable[str]) -> None:
    """What makes one group of images: the group, those between it and them, and their list."""
    listed = sorted(names)
    if "" in listed:
        return
    several = {"ome": {"version": "0.5", "bioformats2raw.layout": 3}}
    zarr.create_group(path, zarr_format=3, attributes=several)
    zarr.create_group(path / "OME", attributes={"ome": {"version": "0.5", "series": listed}})
    for above in sorted({name.rpartition("/")[0] for name in listed} - {""}):
        zarr.create_group(path / above)


def read(path: Path) -> Volume:
    """The volume of a group that ``write_group`` wrote, whole.

    Raises Quarantine (DAMAGED) where there is none, or where a checksum does not match.
    """
    return _read(path, None)


def piece(path: Path, grid: Grid) -> Volume:
    """The part of such a volume that lies on ``grid``; only the chunks that it touches are read.

    Raises Quarantine as ``read``, GeometryError where the grid is not a part of the volume's.
    """
    return _read(path, grid)


def stored(path: Path) -> Spec:
    """What such a group says of its volume; no voxel is read.  Raises Quarantine as ``read``."""
    with _opened():
        return _spec(*_open(path))


@contextmanager
def _opened() -> Iterator[None]:
    try:
        with zarr.config.set(READER):
            yield
    except GeometryError:
        raise
    except (FileNotFoundError, KeyError, ValueError, RuntimeError):
        raise Quarantine(Reason.DAMAGED) from None


def _open(path: Path) -> tuple[Any, Any]:
    """(facts, array)"""
    group = zarr.open_group(path, mode="r")
    return group.attrs["scanmill"], group["0"]


def _spec(facts: Any, array: Any) -> Spec:
    return Spec(Grid(facts["affine"], array.shape), facts["kind"], array.dtype)


def _read(path: Path, piece: Grid | None) -> Volume:
    with _opened():
        facts, array = _open(path)
        whole = _spec(facts, array)
        grid = whole.grid if piece is None else piece
        voxels: np.ndarray = array[whole.grid.slices(grid)]
    return Volume(voxels, grid, whole.kind)


def attributes(path: Path) -> dict[str, Any]:
    """What such a group says of itself: ``scanmill`` of its attributes.  Raises Quarantine as ``read``."""
    with _opened():
        return dict(_open(path)[0])


def structures(path: Path) -> tuple[Structure, ...]:
    """What the values of such a label map mean, as far as it says.  Raises Quarantine as ``read``."""
    return tuple(Structure(**fields) for fields in attributes(path).get("structures", ()))


def spec(record: Mapping[str, Any]) -> Spec:
    """What a raw record says of its volume: grid, kind and type, without opening it."""
    k, j, i = record["shape"]
    return Spec(Grid(np.reshape(record["affine"], (4, 4)).tolist(), (k, j, i)), "image", np.dtype(record["dtype"]))


def facts(record: Mapping[str, Any]) -> Facts:
    """The facts that a raw record holds; what an older version did not know stays unknown."""
    found = {name: record[name] for name in Facts.__dataclass_fields__ if name in record}
    return Facts(**found | {"window": tuple(found["window"]) if found["window"] else None})


def _write_image(path: Path, image: Image, source: str | None = None) -> None:
    """``source`` is where the image of a label map lies, from there."""
    volume, grid = image.volume, image.volume.grid
    ome: dict[str, Any] = {"version": "0.5", "multiscales": [_multiscale(grid, image)]}
    own = {**image.facts, "kind": volume.kind, "affine": grid.affine.tolist()}
    if source is not None:
        ome["image-label"] = {"source": {"image": source}}
    if image.structures:
        own["structures"] = [asdict(structure) for structure in image.structures]
        properties = [{"label-value": s.value, "name": s.name} for s in image.structures]
        ome["image-label"] = {**ome.get("image-label", {}), "properties": properties}
    group = zarr.create_group(path, zarr_format=3, attributes={"ome": ome, "scanmill": own})
    chunks = tuple(min(c, n) for c, n in zip(CHUNK, grid.shape, strict=True))
    array = group.create_array(
        "0",
        shape=grid.shape,
        dtype=volume.array.dtype,
        chunks=chunks,
        shards=_shard(grid.shape, chunks, volume.array.dtype.itemsize),
        compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
        fill_value=0,
        dimension_names=["z", "y", "x"],
    )
    array[...] = np.ascontiguousarray(volume.array)


def _shard(shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The whole array, in whole chunks; cut along k where that is more than ``SHARD_BYTES``."""
    k, j, i = (-(-n // c) * c for n, c in zip(shape, chunks, strict=True))
    slabs = max(1, SHARD_BYTES // (chunks[0] * j * i * itemsize))
    return min(k, slabs * chunks[0]), j, i


def _multiscale(grid: Grid, image: Image) -> dict[str, Any]:
    """Axes, scale and translation (mm along each axis) of NGFF 0.5, one resolution."""
    columns = grid.affine[:3, :3] / np.array(grid.spacing)
    unit = {"unit": "millimeter"} if image.millimetres else {}
    axes: list[dict[str, Any]] = [{"name": name, "type": "space", **unit} for name in "zyx"]
    along = [int(np.argmax(np.abs(column))) for column in columns.T]
    straight = sorted(along) == [0, 1, 2] and all(abs(columns[p, n]) > 1 - 1e-6 for n, p in enumerate(along))
    if image.anatomical and straight:
        for n, p in enumerate(along):
            value = _ORIENTATIONS[p][0 if columns[p, n] > 0 else 1]
            axes[n]["orientation"] = {"type": "anatomical", "value": value}
    origin = grid.affine[:3, 3]
    translation = [float(sum(columns[r, n] * origin[r] for r in range(3))) for n in range(3)]
    steps = [{"type": "scale", "scale": list(grid.spacing)}, {"type": "translation", "translation": translation}]
    return {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}
