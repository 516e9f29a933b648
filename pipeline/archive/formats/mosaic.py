"""A stack of slices in one image, tile by tile: Siemens mosaics, grids of United Imaging.

Tiles lie row by row, from the top left; where there are more of them than slices, the last are blank.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np

from pipeline.archive.formats import csa, tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Frame, Header

_PARALLEL = 1e-4
"""Largest departure of Siemens' slice normal, printed with 8 digits, from row x column or its opposite."""

_MOST = 4096

_COUNT, _NORMAL, _NUMBER = "NumberOfImagesInMosaic", "SliceNormalVector", "ProtocolSliceNumber"

Vector = tuple[float, float, float]


def is_tiled(header: Header) -> bool:
    """Whether Image Type says so: MOSAIC of Siemens, VFRAME of United Imaging."""
    return header.shape[0] == 1 and not {"MOSAIC", "VFRAME"}.isdisjoint(header.image_type[2:])


def unfolded(header: Header, facts: Elements) -> Header | None:
    """The header with the tiles as its frames; None where the image does not say how many there are, and where."""
    siemens = "MOSAIC" in header.image_type
    places = _siemens(header, facts) if siemens else _united(header, facts)
    if not places or header.orientation is None or header.spacing is None:
        return None
    columns = math.ceil(math.sqrt(len(places)))
    rows = columns if siemens else math.ceil(len(places) / columns)
    if header.shape[1] % rows or header.shape[2] % columns:
        return None
    alike = {name: getattr(header, name) for name in Frame._fields}
    return replace(
        header,
        shape=(len(places), header.shape[1] // rows, header.shape[2] // columns),
        frames=tuple(Frame(**alike | {"position": place}) for place in places),
        mosaic=columns,
        # Rows of a tile do not lie one behind another: none is read by offset.
        pixel_offset=None,
        pixel_length=None,
        pixel_element="",
    )


def tiles(image: np.ndarray, shape: tuple[int, int, int], columns: int) -> np.ndarray:
    """(k, j, i) of the first ``shape[0]`` tiles of an image (1, rows, columns) of ``columns`` tiles side by side."""
    n, rows, _ = shape
    grid = image.reshape(-1, rows, columns, shape[2])
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3).reshape(-1, *shape[1:])[:n])


def _siemens(header: Header, facts: Elements) -> list[Vector]:
    """The positions of the slices of a mosaic.

    Image Position (Patient) is where the corner would be if an image as large as the mosaic were centred on the
    first slice, so that the true corner lies half of the difference in size further, along rows and columns
    (nibabel's documentation, "DICOM Mosaic").  The slices follow along the slice normal, which is row x column or
    its opposite, at Spacing Between Slices.
    """
    stated: dict[str, tuple[str, ...]] = {}
    with suppress(ValueError):
        stated = csa.texts(facts.value(tags.SIEMENS_CSA), (_COUNT, _NORMAL, _NUMBER))
    if "".join(stated.get(_NUMBER, ())) not in ("", "0", "1"):
        # Slices numbered from the other end: what that means for the tiles is not known.
        return []
    count, spacing = facts.count(tags.SIEMENS_IMAGES) or _count(stated), facts.decimal(tags.SPACING_BETWEEN)
    position, orientation, pixel = header.position, header.orientation, header.spacing
    if position is None or orientation is None or pixel is None or spacing is None or not spacing > 0:
        return []
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = _normal(row, column, stated.get(_NORMAL, ()))
    if normal is None or count is None or not 0 < count <= _MOST:
        return []
    side = math.ceil(math.sqrt(count))
    _, rows, columns = header.shape
    across, down = (columns - columns // side) / 2 * pixel[1], (rows - rows // side) / 2 * pixel[0]
    first = np.array(position) + across * row + down * column
    return [(x, y, z) for x, y, z in (first + np.arange(count)[:, None] * (spacing * normal)).tolist()]


def _count(stated: dict[str, tuple[str, ...]]) -> int | None:
    text = "".join(stated.get(_COUNT, ()))
    return int(text) if text.isascii() and text.isdigit() else None


def _normal(row: np.ndarray, column: np.ndarray, stated: tuple[str, ...]) -> np.ndarray | None:
    """Row x column, turned to the side to which the slices go; None where that is not stated or is neither."""
    with suppress(ValueError):
        towards = np.array([float(text) for text in stated])
        upright = np.cross(row, column)
        for normal in (upright, -upright) if towards.shape == (3,) else ():
            if np.abs(normal - towards).max() <= _PARALLEL:
                return normal
    return None


def _united(header: Header, facts: Elements) -> list[Vector]:
    """The positions of the slices of a grid: (0065,1051) says of each where it lies.

    United Imaging's table of private elements, in the UIH notes of dcm2niix: ceil(sqrt(n)) tiles side by side.
    """
    places = [item.decimals(tags.POSITION, 3) for item in facts.items(tags.UIH_FRAMES)]
    known = [(place[0], place[1], place[2]) for place in places if place is not None]
    return known if len(known) == len(places) == facts.number(tags.UIH_IMAGES) else []
