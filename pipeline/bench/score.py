"""What a tool made of a trap, judged: every slice of its volumes is known by its pixels, and then measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import product
from typing import NamedTuple

import numpy as np

from pipeline.bench.truth import Place, Slice

RIGHT_MM = 0.01
"""Law L5: a slice of which every corner voxel lies nearer than this to its true place is at its place."""


class Said(StrEnum):
    """How loudly a tool spoke: what a pipeline that calls it would have to look at."""

    NOTHING = "nothing"
    TEXT = "text"
    EXIT_CODE = "exit code"
    REASON = "reason code"


class Verdict(StrEnum):
    """How a trap ended.  The last two are what must not be."""

    RIGHT = "right"
    REFUSED = "refused"
    PARTIAL = "partial"
    LOST = "lost"
    WRONG = "wrong"

    @property
    def good(self) -> bool:
        """Whether nobody is deceived."""
        return self not in (Verdict.LOST, Verdict.WRONG)


class Made(NamedTuple):
    """A volume that a tool made: ``array`` [k, j, i] in rescaled units; ``affine`` (4, 4), (k, j, i, 1) -> LPS mm."""

    array: np.ndarray
    affine: np.ndarray


@dataclass(frozen=True)
class Answer:
    """All that a tool made of one folder, and what it said: a word for how, and its own words."""

    volumes: tuple[Made, ...] = ()
    said: Said = Said.NOTHING
    words: str = ""


@dataclass(frozen=True)
class Score:
    """The verdict.

    Attributes
    ----------
    error_mm : largest distance of a corner voxel from its true place, over all slices that were known; or None
    placed, wanted : slices at their place; slices that a volume of the series should have
    volumes, wrong : volumes that were made; those of them with a slice off its place
    unknown : planes of the volumes whose pixels are those of no slice: interpolated or damaged ones
    """

    verdict: Verdict
    error_mm: float | None
    placed: int
    wanted: int
    volumes: int
    wrong: int
    unknown: int
    said: Said
    words: str


def score(answer: Answer, slices: Sequence[Slice]) -> Score:
    """Judge what a tool made of ``slices``.

    WRONG where a slice that is known by its pixels lies ``RIGHT_MM`` or more off its place, or where none is known;
    else RIGHT where every wanted slice has a place; else, of what is missing the tool having said something, REFUSED
    where nothing was made and PARTIAL where something was; else LOST.
    """
    faces = _faces(slices)
    worst: list[float] = []
    found: set[int] = set()
    unknown = 0
    for volume in answer.volumes:
        known, others = _known(volume, faces)
        unknown += others
        errors = []
        for candidates in known:
            off = [(_error(volume, plane, slices[plane.slice].place), plane.slice) for plane in candidates]
            errors.append(min(error for error, _ in off))
            found |= {n for error, n in off if error < RIGHT_MM}
        if errors:
            worst.append(max(errors))
    wanted = {n for n, s in enumerate(slices) if s.wanted}
    wrong = sum(error >= RIGHT_MM for error in worst)
    return Score(
        _verdict(wrong > 0 or (not worst and bool(answer.volumes)), wanted <= found, answer),
        max(worst, default=None),
        len(wanted & found),
        len(wanted),
        len(answer.volumes),
        wrong,
        unknown,
        answer.said,
        answer.words,
    )


def _verdict(wrong: bool, whole: bool, answer: Answer) -> Verdict:
    if wrong:
        return Verdict.WRONG
    if whole:
        return Verdict.RIGHT
    if answer.said is Said.NOTHING:
        return Verdict.LOST
    return Verdict.PARTIAL if answer.volumes else Verdict.REFUSED


class _Face(NamedTuple):
    """One of the eight ways in which the pixels of a slice can lie in a plane of an array."""

    slice: int
    transposed: bool
    flipped: tuple[bool, bool]

    def of(self, pixels: np.ndarray) -> np.ndarray:
        plane = pixels.T if self.transposed else pixels
        return plane[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]


class _Plane(NamedTuple):
    """A face as it was met: plane ``at`` along ``axis`` of an array of ``shape``."""

    slice: int
    corners: np.ndarray
    """(4, 4): homogeneous indices into the array."""
    pixels: np.ndarray
    """(4, 2): row and column in the slice, of the same corners."""


_Faces = dict[str, list[_Face]]


def _faces(slices: Sequence[Slice]) -> _Faces:
    """By digest; what is not whole can be met nowhere."""
    faces: _Faces = defaultdict(list)
    for n, one in enumerate(slices):
        for transposed, down, across in product((False, True), repeat=3) if one.whole else ():
            face = _Face(n, transposed, (down, across))
            faces[_digest(face.of(one.pixels))].append(face)
    return faces


def _digest(plane: np.ndarray) -> str:
    return sha256(repr(plane.shape).encode() + np.ascontiguousarray(plane, "<i4").tobytes()).hexdigest()


def _known(volume: Made, faces: _Faces) -> tuple[list[list[_Plane]], int]:
    """What each plane may be, along the axis with the most planes that are known, and how many are unknown there."""
    array = np.rint(np.nan_to_num(volume.array, nan=-1e9)).astype(np.int32)
    best: list[list[_Plane]] = []
    depth = array.shape[0]
    for axis in range(3):
        planes = np.moveaxis(array, axis, 0)
        if planes[0].size == 0:
            continue
        met = [(at, faces.get(_digest(plane), [])) for at, plane in enumerate(planes)]
        known = [[_plane(face, at, axis, planes.shape[1:]) for face in some] for at, some in met if some]
        if len(known) > len(best):
            best, depth = known, len(planes)
    return best, depth - len(best)


def _plane(face: _Face, at: int, axis: int, shape: tuple[int, ...]) -> _Plane:
    ends = np.array(list(product(*((0, n - 1) for n in shape))))
    corners = np.insert(np.insert(ends, axis, at, axis=1), 3, 1, axis=1)
    back = np.where(face.flipped, np.array(shape) - 1 - ends, ends)
    return _Plane(face.slice, corners, back[:, ::-1] if face.transposed else back)


def _error(volume: Made, plane: _Plane, place: Place) -> float:
    there = (plane.corners @ volume.affine.T)[:, :3]
    return float(np.linalg.norm(there - place.at(plane.pixels), axis=1).max())
