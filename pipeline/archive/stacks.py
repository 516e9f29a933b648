"""The images of a series as stacks: each lies on one grid, shows one thing, and becomes one volume or is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from pipeline.archive.content import by_content
from pipeline.archive.formats.header import ALONE, Facets
from pipeline.archive.formats.refusal import flavour
from pipeline.archive.gate import (
    ORIENTATION_SPREAD,
    SPACING_SPREAD_MM,
    Gate,
    gate,
    is_shadow,
    lies_in_patient,
)
from pipeline.archive.identity import slice_id
from pipeline.archive.index import File
from pipeline.archive.lattice import levels, places
from pipeline.archive.measure import coding
from pipeline.archive.runs import FEWEST, runs
from pipeline.archive.slices import Slice
from pipeline.reasons import Reason

Irregular = Literal["split", "refuse"]
"""What becomes of a stack with gaps: its regular runs, or nothing."""

MOST_KINDS = 256
"""Sizes, codings, spacings and orientations of one series; more of them make no stacks, and would take long to sort.
A tolerance of eight numbers cuts one kind into as many."""

_CUT = frozenset({Reason.MISSING_SLICE, Reason.IRREGULAR_SPACING})
"""What a regular run is free of."""


@dataclass(frozen=True)
class Stack:
    """Images that make one volume, if ``judged`` has no reason against it.

    Attributes
    ----------
    slices : in the order of k where that could be measured
    judged : by the gate
    partial : why this is known to be a part only of what was acquired; None where nothing says so
    """

    slices: tuple[Slice, ...]
    judged: Gate
    partial: Reason | None = None

    @classmethod
    def of(cls, slices: Sequence[Slice], *reasons: Reason, partial: Reason | None = None) -> Stack:
        """Judged, and refused for these reasons, should there be any, before all others."""
        judged = gate([s.header for s in slices])
        order = judged.measures.order
        found = tuple(dict.fromkeys((*reasons, *judged.reasons)))
        return cls(tuple(slices[n] for n in order), replace(judged, reasons=found), partial)

    @cached_property
    def contents(self) -> list[str]:
        """The content ids of its images, in their order."""
        return list(map(slice_id, self.slices))

    @cached_property
    def files(self) -> list[File]:
        """The files that its images are, or are a part of."""
        return list({s.file.file_id: s.file for s in self.slices}.values())

    @property
    def first(self) -> tuple[bool, int, int]:
        """What stacks of one series are put in order by: the least Instance Number, then the place in a file."""
        numbers = ((s.header.facets.number, s.part) for s in self.slices)
        return min((number is None, number or 0, part) for number, part in numbers)

    @cached_property
    def facets(self) -> Facets:
        """What all its images agree in."""
        return _shared(self.slices)


def stacks(slices: Sequence[Slice], irregular: Irregular = "split") -> list[Stack]:
    """Every image in exactly one stack.

    Apart go: frames of reference, codings, sizes, pixel spacings, orientations; and of parallel images on one lattice
    what ``by_content`` tells apart.  What is too little to be a stack beside others is refused for what split it off.
    An irregular stack gives its regular runs, and what is left of it is refused.  Two patients or studies in one
    series are a mistake that nobody here can mend: all of it is refused.
    """
    slices = sorted(slices, key=lambda s: (s.header.instance, s.part, s.header.position or ()))
    headers = [s.header for s in slices]
    if len({(h.patient, h.study) for h in headers}) > 1:
        return [Stack.of(slices, Reason.MIXED_FRAME)]
    aside: dict[Reason, list[Slice]] = defaultdict(list)
    alone: list[Slice] = []
    images: list[Slice] = []
    lost: list[Slice] = []
    for one in slices:
        if one.header.affine or is_shadow(one.header):
            alone.append(one)
            continue
        reason = flavour(one.header)
        (aside[reason] if reason else images if lies_in_patient(one.header) else lost).append(one)
    found = [Stack.of([one]) for one in alone]
    found += [Stack.of(part, reason) for reason, part in aside.items()]
    if lost:
        found.append(Stack.of(lost))
    if images:
        placed = _by_geometry(images)
        found += [replace(s, partial=s.partial or Reason.MISSING_GEOMETRY) for s in placed] if lost else placed
    return [run for one in found for run in (_runs(one) if irregular == "split" else [one])]


def _by_geometry(slices: Sequence[Slice]) -> list[Stack]:
    if _kinds(slices) > MOST_KINDS:
        return [Stack.of(slices)]
    parallel = _parallel(slices)
    found = []
    for group in parallel:
        others = sorted((other for other in parallel if other is not group), key=len, reverse=True)
        if others and len(group) < FEWEST:
            found.append(Stack.of(group, _difference(group[0], others[0][0])))
        else:
            beside = next((other for other in others if _continues(group, other)), None)
            found.extend(_by_content(group, _difference(group[0], beside[0]) if beside else None))
    return found


def _by_content(group: Sequence[Slice], partial: Reason | None) -> Iterable[Stack]:
    parts = by_content(group)
    enough = min(FEWEST, max(map(len, parts)))
    known = [_of_acquisition(part) for part in parts]
    most: dict[Hashable, int] = defaultdict(int)
    for part, (acquisition, _) in zip(parts, known, strict=True):
        most[acquisition] = max(most[acquisition], len(part))
    whole = {key for part, key in zip(parts, known, strict=True) if len(part) == most[key[0]]}
    for part, key in zip(parts, known, strict=True):
        reasons = () if len(part) >= enough else (Reason.DUPLICATE_POSITION,)
        lacks = len(part) < most[key[0]] and key not in whole and not reasons
        yield Stack.of(part, *reasons, partial=partial or (Reason.MISSING_SLICE if lacks else None))


def _of_acquisition(part: Sequence[Slice]) -> tuple[Hashable, Hashable]:
    """What its images share with other echoes and components of one acquisition, and which of these they are.

    All of them have as many images, or lack some; while another scan may be shorter.
    """
    shared = _shared(part)
    rest = shared._replace(echo=None, echo_ms=None, component="", acquired_s=None, number=None)
    return (rest, part[0].header.image_type[:1] == ("DERIVED",)), (shared.echo, shared.echo_ms, shared.component)


def _shared(slices: Sequence[Slice]) -> Facets:
    """What all images agree in."""
    stated = zip(*(s.header.facets for s in slices), strict=True)
    return Facets._make(a[0] if len(set(a)) == 1 else none for a, none in zip(stated, ALONE, strict=True))


def _parallel(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Images of one frame, coding, size, spacing and orientation, within the gate's tolerances.

    A frame of reference of its own for every image says nothing: see ``gate``.
    """
    exact: dict[Hashable, list[Slice]] = defaultdict(list)
    for one, key in zip(slices, _exact(slices), strict=True):
        exact[key].append(one)
    found = []
    for key in sorted(exact, key=repr):
        for alike in _clusters(exact[key], [s.header.spacing or () for s in exact[key]], SPACING_SPREAD_MM):
            found += _clusters(alike, [s.header.orientation or () for s in alike], ORIENTATION_SPREAD)
    return found


def _exact(slices: Sequence[Slice]) -> list[Hashable]:
    """Of each image what those of one stack share without tolerance."""
    headers = [s.header for s in slices]
    telling = not len({h.frame_of_reference for h in headers}) == len(headers) > 2
    return [(h.frame_of_reference if telling else "", h.shape, coding(h)) for h in headers]


def _kinds(slices: Sequence[Slice]) -> int:
    """About how many groups of parallel images there are, in time that does not grow with their number."""

    def cells(values: Sequence[float] | None, tolerance: float) -> tuple[int, ...]:
        return tuple(round(value / tolerance) for value in values or ())

    headers = [s.header for s in slices]
    spacings = (cells(h.spacing, SPACING_SPREAD_MM) for h in headers)
    orientations = (cells(h.orientation, ORIENTATION_SPREAD) for h in headers)
    return len(set(zip(_exact(slices), spacings, orientations, strict=True)))


def _clusters(slices: Sequence[Slice], values: Sequence[tuple[float, ...]], tolerance: float) -> list[list[Slice]]:
    """Of equal values, but for the tolerance; the least value of each is its measure."""
    found: list[tuple[tuple[float, ...], list[Slice]]] = []
    for n in sorted(range(len(slices)), key=lambda n: values[n]):
        for measure, members in found:
            if max(abs(a - b) for a, b in zip(measure, values[n], strict=True)) <= tolerance:
                members.append(slices[n])
                break
        else:
            found.append((values[n], [slices[n]]))
    return [members for _, members in found]


def _difference(a: Slice, b: Slice) -> Reason:
    """What keeps two images out of one stack, the most basic first."""
    x, y = a.header, b.header
    if x.shape != y.shape:
        return Reason.MIXED_SIZE
    if _differ(x.spacing, y.spacing, SPACING_SPREAD_MM):
        return Reason.MIXED_SPACING
    if coding(x) != coding(y):
        return Reason.MIXED_FRAME
    return Reason.MIXED_ORIENTATION if _differ(x.orientation, y.orientation, ORIENTATION_SPREAD) else Reason.MIXED_FRAME


def _differ(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    return max(abs(x - y) for x, y in zip(a or (), b or (), strict=True)) > tolerance


def _continues(group: Sequence[Slice], other: Sequence[Slice]) -> bool:
    """Whether parallel images of one frame share no place: then each may be what the other lacks."""
    x, y = group[0].header, other[0].header
    # Of two groups: one, two, or one an image, which says nothing.
    frames = {s.header.frame_of_reference for s in (*group, *other)}
    if len(frames) == 2 or _differ(x.orientation, y.orientation, ORIENTATION_SPREAD):
        return False
    at = places([s.header for s in (*group, *other)])
    own = set(range(len(group)))
    return not any(own & set(level) and set(level) - own for level in levels(at))


def _runs(one: Stack) -> list[Stack]:
    reasons = one.judged.reasons
    if not reasons or not _CUT.issuperset(reasons):
        return [one]
    found = runs([s.header for s in one.slices])
    if not found:
        return [one]
    kept = {n for first, last in found for n in range(first, last)}
    left = [s for n, s in enumerate(one.slices) if n not in kept]
    cut = [Stack.of(one.slices[first:last], partial=reasons[0]) for first, last in found]
    return [*cut, Stack.of(left, *reasons)] if left else cut
