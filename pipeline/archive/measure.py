"""How a series lies in space, measured: positions along the normal, gaps, tilt, the affine and its error.

Sums are exactly rounded and the rest is elementwise, so the order of the files changes nothing.  The
position of voxel (row j, column i) of an image is that of DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1::

    P = ImagePositionPatient + i * (row cosines * spacing between columns) + j * (column cosines * spacing between rows)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum
from operator import attrgetter
from statistics import median
from typing import Literal

import numpy as np

from pipeline.archive.formats.header import Header
from pipeline.archive.vectors import (
    Vector,
    across,
    angle,
    cross,
    deviation,
    dot,
    length,
    mean,
    obliquity,
    scaled,
    unit,
    vector,
)

DUPLICATE_MM = 1e-3
"""Images nearer than this along the normal stand at one position; no scanner makes slices so thin."""

WHOLE_GAP = 0.1
"""How far a gap may be from a whole multiple of the median gap, in median gaps, to count as missing slices."""

FAR_MM = 1e6
"""A position must lie nearer to the origin than this, along every axis: no room is a kilometre wide."""

LENGTHS_MM = (1e-6, 1e4)
"""Smallest and largest spacing or thickness that is believed."""

COSINE = 2.0
"""Largest direction cosine that is still measured, to be refused for what it is."""

NO_NORMAL = 0.1
"""Length of row x column, meant over a series, below which its images share no normal; of one ``placed``, >= 0.25."""

FLAT = 1e-6
"""Volume of a voxel, in that of a box with its edges, below which three steps span no space."""

_coding: Callable[[Header], tuple[object, ...]] = attrgetter(
    *("bits_allocated", "bits_stored", "signed", "floating", "samples", "photometric"),
    *("modality", "kernel", "rescale_stated", "rescale_type", "lut_bits"),
)

SpacingSource = Literal["pixel", "imager", "nominal", "affine", "none"]
SliceSource = Literal["positions", "thickness", "affine", "none"]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Lengths in mm, angles in degrees; None where a value has no meaning.

    Attributes
    ----------
    order : indices of the headers in the order of k, increasing along the normal row x column
    affine : row-major 4 x 4, (k, j, i, 1) -> LPS mm: in-plane steps are means over the images, slice step and
        origin the least-squares line through their positions
    anatomical : whether the affine leads to a place in the patient, or to a frame of the image's own
    geometry_error_mm : largest distance, over the corners of all slices, from the affine to the slice's own position
    n_studies, n_frames : distinct (patient, study); frames of reference
    n_codings : distinct ways to make a pixel, to store it and to say what it means
    spacing_spread_mm, orientation_spread : largest difference of pixel spacing, of one direction cosine
    orthogonality_error : largest of abs(row . column) and abs(length - 1) of both
    tilt_deg, tilt_shift_mm : between slice step and slice normal; sideways, from the first slice to the last
    obliquity_deg : largest angle between an axis of the grid and the patient axis nearest to it
    n_missing_estimated : for every gap near a whole multiple of the median gap, the multiple less one
    """

    order: tuple[int, ...]
    n_slices: int
    n_sizes: int
    n_spacings: int
    n_orientations: int
    n_slopes: int
    n_studies: int
    n_frames: int
    n_codings: int
    affine: tuple[float, ...] | None = None
    anatomical: bool = True
    spacing_source: SpacingSource = "none"
    slice_spacing_source: SliceSource = "none"
    spacing_k_mm: float | None = None
    spacing_j_mm: float | None = None
    spacing_i_mm: float | None = None
    gap_min_mm: float | None = None
    gap_max_mm: float | None = None
    gap_sd_mm: float | None = None
    n_duplicate_positions: int | None = None
    n_missing_estimated: int | None = None
    spacing_spread_mm: float | None = None
    orientation_spread: float | None = None
    orthogonality_error: float | None = None
    tilt_deg: float | None = None
    tilt_shift_mm: float | None = None
    obliquity_deg: float | None = None
    geometry_error_mm: float | None = None


def placed(header: Header) -> bool:
    """Whether position, orientation and spacing are there and make sense."""
    position, orientation, spacing = header.position, header.orientation, header.spacing
    if position is None or orientation is None or spacing is None:
        return False
    if not _is_near(position) or not _are_lengths(spacing) or not all(abs(c) <= COSINE for c in orientation):
        return False
    row, column = vector(orientation[:3]), vector(orientation[3:])
    return length(cross(row, column)) > 0.5 * max(length(row), length(column), 1e-3)


def counts(headers: Sequence[Header]) -> Measures:
    """What needs no positions."""

    def kinds(*names: str) -> int:
        return len(set(map(attrgetter(*names), headers)))

    return Measures(
        order=tuple(range(len(headers))),
        n_slices=sum(max(1, h.shape[0]) for h in headers),
        n_sizes=kinds("shape"),
        n_spacings=kinds("spacing"),
        n_orientations=kinds("orientation"),
        n_slopes=kinds("slope", "intercept"),
        n_studies=kinds("patient", "study"),
        n_frames=kinds("frame_of_reference"),
        n_codings=len(set(map(coding, headers))),
    )


def coding(header: Header) -> tuple[object, ...]:
    """How a pixel was made and stored, and what it means: of one volume, all images agree in it."""
    return _coding(header)


def unmeasured(n_slices: int) -> Measures:
    """Of a series that could not be measured: nothing is counted."""
    return Measures(
        order=(),
        n_slices=n_slices,
        n_sizes=0,
        n_spacings=0,
        n_orientations=0,
        n_slopes=0,
        n_studies=0,
        n_frames=0,
        n_codings=0,
    )


def stack(headers: Sequence[Header]) -> Measures:
    """Single images, each ``placed``, in any order.  Without a normal that they share, no more than their spreads."""
    places = np.array([h.position for h in headers])
    cosines = np.array([h.orientation for h in headers])
    spacings = np.array([h.spacing for h in headers])
    mean_cosines = [mean(c) for c in cosines.T.tolist()]
    upright = cross(vector(mean_cosines[:3]), vector(mean_cosines[3:]))
    spreads = replace(counts(headers), spacing_spread_mm=_spread(spacings), orientation_spread=_spread(cosines))
    if length(upright) < NO_NORMAL:
        return spreads
    normal = unit(upright)
    along = _along(places, normal)
    order = sorted(range(len(headers)), key=lambda s: (along[s], headers[s].instance))
    places, cosines, spacings = places[order], cosines[order], spacings[order]

    thickness = headers[order[0]].slice_thickness
    origin, step, source = _line(places, normal, thickness)
    j_step = vector([mean(c) for c in (cosines[:, 3:] * spacings[:, :1]).T.tolist()])
    i_step = vector([mean(c) for c in (cosines[:, :3] * spacings[:, 1:]).T.tolist()])
    gaps = np.diff(along[order]).tolist()
    framed = _framed(spreads, step, j_step, i_step, origin)
    return replace(
        framed,
        order=tuple(order),
        spacing_source=headers[0].spacing_source or "none",
        slice_spacing_source=source,
        gap_min_mm=min(gaps, default=None),
        gap_max_mm=max(gaps, default=None),
        gap_sd_mm=deviation(gaps) if gaps else None,
        n_duplicate_positions=sum(gap < DUPLICATE_MM for gap in gaps),
        n_missing_estimated=_missing(gaps),
        orthogonality_error=max(_skew(vector(c[:3]), vector(c[3:])) for c in np.unique(cosines, axis=0)),
        tilt_shift_mm=across(step, normal) * (len(order) - 1),
        geometry_error_mm=_error([headers[s] for s in order], places, cosines, spacings, framed),
    )


def stated(header: Header) -> Measures | None:
    """One file that states the affine of the whole: what it says is what it is.

    None where that is no frame, or one of impossible lengths or places.
    """
    affine = header.affine or ()
    k_step, j_step, i_step, origin = (vector(affine[c:12:4]) for c in range(4))
    flat = cross(i_step, j_step)
    lengths = [length(step) for step in (k_step, j_step, i_step)]
    if not _is_near(origin) or not _are_lengths(lengths):
        return None
    if not abs(dot(k_step, flat)) > FLAT * lengths[0] * lengths[1] * lengths[2]:
        return None
    normal = unit(flat)
    n, gap = header.shape[0], abs(dot(k_step, normal))
    return replace(
        _framed(counts([header]), k_step, j_step, i_step, origin),
        order=(0,),
        n_slices=n,
        spacing_source="affine",
        slice_spacing_source="affine",
        gap_min_mm=gap if n > 1 else None,
        gap_max_mm=gap if n > 1 else None,
        gap_sd_mm=0.0 if n > 1 else None,
        n_duplicate_positions=0,
        n_missing_estimated=0,
        spacing_spread_mm=0.0,
        orientation_spread=0.0,
        orthogonality_error=_skew(unit(i_step), unit(j_step)),
        tilt_shift_mm=across(k_step, normal) * (n - 1),
        geometry_error_mm=0.0,
    )


def shadow(header: Header) -> Measures:
    """An X-ray image without a place in the patient: its own frame, rows along x, columns along y, at 0."""
    spacing = header.spacing
    known = spacing is not None and _are_lengths(spacing)
    j, i = spacing if spacing is not None and known else (1.0, 1.0)
    framed = _framed(counts([header]), (0.0, 0.0, 1.0), (0.0, j, 0.0), (i, 0.0, 0.0), (0.0, 0.0, 0.0))
    source: SpacingSource = header.spacing_source or "none"
    return replace(
        framed,
        anatomical=False,
        spacing_source=source if known else "none",
        tilt_deg=None,
        obliquity_deg=None,
        geometry_error_mm=0.0,
    )


def _line(places: np.ndarray, normal: Vector, thickness: float | None) -> tuple[Vector, Vector, SliceSource]:
    """Origin and step of the least-squares line through ``places``; of one slice, its thickness along the normal."""
    n = len(places)
    if n == 1:
        known = thickness is not None and _are_lengths([thickness])
        step = scaled(normal, thickness if thickness is not None and known else 1.0)
        return vector(places[0]), step, "thickness" if known else "none"
    ks = np.arange(n) - (n - 1) / 2
    squares = fsum(ks * ks)
    step = vector([fsum(ks * (p - p[0])) / squares for p in places.T])
    middle = [float(p[0]) + fsum(p - p[0]) / n for p in places.T]
    return vector([m + float(ks[0]) * s for m, s in zip(middle, step, strict=True)]), step, "positions"


def _framed(measures: Measures, k_step: Vector, j_step: Vector, i_step: Vector, origin: Vector) -> Measures:
    """With the affine of these columns, and what follows from it alone."""
    rows = zip(k_step, j_step, i_step, origin, strict=True)
    lean = angle(k_step, cross(i_step, j_step))
    return replace(
        measures,
        affine=(*(x for row in rows for x in row), 0.0, 0.0, 0.0, 1.0),
        spacing_k_mm=length(k_step),
        spacing_j_mm=length(j_step),
        spacing_i_mm=length(i_step),
        tilt_deg=min(lean, round(180.0 - lean, 6)),
        obliquity_deg=max(map(obliquity, (k_step, j_step, i_step))),
    )


def _error(
    headers: Sequence[Header], places: np.ndarray, cosines: np.ndarray, spacings: np.ndarray, framed: Measures
) -> float:
    """Largest distance between the affine and equation C.7.6.2.1-1, over the corner voxels of every slice."""
    k_step, j_step, i_step, origin = (np.array(framed.affine)[c:12:4] for c in range(4))
    at_corner = places - (origin + np.arange(len(headers))[:, None] * k_step)
    by_row = cosines[:, 3:] * spacings[:, :1] - j_step
    by_column = cosines[:, :3] * spacings[:, 1:] - i_step
    last_j, last_i = (np.array([[h.shape[axis] - 1] for h in headers]) for axis in (1, 2))
    worst = 0.0
    for j, i in ((0, 0), (0, last_i), (last_j, 0), (last_j, last_i)):
        x, y, z = (at_corner + by_row * j + by_column * i).T
        worst = max(worst, float(np.sqrt(x * x + y * y + z * z).max()))
    return worst


def _missing(gaps: Sequence[float]) -> int:
    """Slices that would fill the gaps near whole multiples of the median gap; duplicates are left out."""
    real = [gap for gap in gaps if gap >= DUPLICATE_MM]
    usual = median(real) if real else 1.0
    folds = [gap / usual for gap in real]
    return sum(round(fold) - 1 for fold in folds if fold > 1.5 and abs(fold - round(fold)) <= WHOLE_GAP)


def _is_near(position: Sequence[float]) -> bool:
    x, y, z = position
    return abs(x) < FAR_MM and abs(y) < FAR_MM and abs(z) < FAR_MM


def _are_lengths(values: Sequence[float]) -> bool:
    low, high = LENGTHS_MM
    return all(low <= value <= high for value in values)


def _along(places: np.ndarray, normal: Vector) -> np.ndarray:
    x, y, z = places.T
    along: np.ndarray = x * normal[0] + y * normal[1] + z * normal[2]
    return along


def _spread(values: np.ndarray) -> float:
    return float((values.max(axis=0) - values.min(axis=0)).max())


def _skew(row: Vector, column: Vector) -> float:
    return max(abs(dot(row, column)), abs(length(row) - 1), abs(length(column) - 1))
