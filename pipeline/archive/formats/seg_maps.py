"""The frames of a DICOM segmentation as label maps on a grid.  Runs in the child process.

Nothing is resampled: a frame whose voxels are not those of the grid belongs to another image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import BinaryIO

import numpy as np

from pipeline.archive.formats.header import Header
from pipeline.archive.formats.layers import Drawn, Layers, Patch
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.placement import frame_start, own_planes
from pipeline.archive.formats.seg import Content, content_of
from pipeline.errors import Quarantine
from pipeline.grid import Grid, Triple
from pipeline.reasons import Reason


def drawn(file: BinaryIO, header: Header, grid: Grid, limits: Limits) -> Drawn:
    """Its segments as label maps on ``grid``, voxel for voxel; label values are segment numbers.

    A voxel of a FRACTIONAL segmentation belongs to a segment from half of its Maximum Fractional Value (0062,000E) on.
    Frames that are left out are empty; frames on slices that the grid has not are left out.

    Raises Quarantine: what the decoder came to; ORPHAN_LABELS where a frame is not on the voxels of the grid.
    """
    content = content_of(file, header, limits)
    own = own_planes(grid, sorted({frame.position for frame in content.frames}))
    starts = {plane: frame_start(grid, header, plane) for plane in own}
    if None in starts.values():
        raise Quarantine(Reason.ORPHAN_LABELS)
    stored = _stored(file, header, content)
    frames: dict[int | None, list[tuple[int, Triple]]] = defaultdict(list)
    for n, frame in enumerate(content.frames):
        if (start := starts.get(frame.position)) is not None:
            frames[frame.segment].append((n, start))
    named = _named(frames[None], stored, header)
    if not named.keys() <= {region.number for region in content.regions}:
        raise Quarantine(Reason.DECODE_FAIL)
    layers = Layers(grid.shape, content.regions[-1].number)
    for region in content.regions:
        patches = [Patch(start, _mask(stored(n), content)) for n, start in frames[region.number]]
        layers.add(region.number, patches + named.pop(region.number, []))
    return layers.drawn()


def _mask(stored: np.ndarray, content: Content) -> np.ndarray:
    """Of a frame of one segment: uint8 of 0 and 1."""
    if content.kind == "BINARY":
        return stored
    return (2 * stored.astype(np.int32) >= content.most).view(np.uint8)


def _named(
    frames: Sequence[tuple[int, Triple]], stored: Callable[[int], np.ndarray], header: Header
) -> dict[int, list[Patch]]:
    """What the frames of a label map hold, each segment in a box that is no larger than it."""
    found: dict[int, list[Patch]] = defaultdict(list)
    for n, (k, j, i) in frames:
        voxels = stored(n)
        for number in np.unique(voxels).tolist():
            if number in (0, header.padding):
                continue
            mask = voxels == number
            (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis))[[0, -1]].tolist() for axis in (1, 0))
            cut = np.ascontiguousarray(mask[top : bottom + 1, left : right + 1]).view(np.uint8)
            found[number].append(Patch((k, j + top, i + left), cut))
    return found


def _stored(file: BinaryIO, header: Header, content: Content) -> Callable[[int], np.ndarray]:
    """Stored values [j, i] of the n-th frame.  Frames of one bit a voxel are not padded to whole bytes: PS3.5 8.1.1."""
    _, rows, columns = header.shape
    if content.pixels is None:
        from pipeline.archive.formats import decode  # its libraries take their time to import

        whole = decode.voxels(file, header)
        return lambda n: whole[n]
    source, begin = content.pixels
    bits = rows * columns * header.bits_allocated

    def frame(n: int) -> np.ndarray:
        first, last = n * bits // 8, -(-(n + 1) * bits // 8)
        source.seek(begin + first)
        raw = source.read(last - first)
        if len(raw) != last - first:
            raise Quarantine(Reason.TRUNCATED)
        if header.bits_allocated == 1:
            voxels = np.unpackbits(np.frombuffer(raw, "u1"), bitorder="little")[n * bits % 8 :][:bits]
        else:
            voxels = np.frombuffer(raw, f"<u{header.bits_allocated // 8}")
        return voxels.reshape(rows, columns)

    return frame
