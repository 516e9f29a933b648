"""Parallel images that are several volumes: told apart by what they say they are, else by their order at each place.

::

    place     0      2.5    5         by echo         by number
    images   a  A   b  B   c  C       a b c           of 1 2 | 3 4 | 5 6 : the first, the second at each place
    echo     1  2   1  2   1  2       A B C

A key is taken only where it makes the stacks more regular, and into no more stacks than there are images at one
place: what differs from slice to slice tells nothing apart.  A stack that merely lacks some images stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate, pairwise

from pipeline.archive.formats.header import Header
from pipeline.archive.lattice import crowd, defects, lacks_few, levels, places
from pipeline.archive.slices import Slice

Key = Callable[[Header], Hashable]
Group = list[Slice]

FEWEST = 3
"""Images of a stack that a key may split off where no two images lie at one place."""


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _diffusion(header: Header) -> Hashable:
    gradient = header.facets.gradient
    return _b_value(header), gradient and tuple(round(g, 4) + 0.0 for g in gradient)


def _b_value(header: Header) -> Hashable:
    return _rounded(header.facets.b_value, 1)


def _echo(header: Header) -> Hashable:
    return header.facets.echo, _rounded(header.facets.echo_ms, 3)


def _acquisition(header: Header) -> Hashable:
    return header.facets.acquisition


def _time(header: Header) -> Hashable:
    return _rounded(header.facets.acquired_s, 3)


_STRICT: tuple[Key, ...] = (
    lambda h: h.facets.stack,
    lambda h: h.facets.temporal_position,
    _echo,
    _b_value,
    lambda h: h.facets.component,
    lambda h: _rounded(h.facets.energy_kev, 1),
)
"""What never differs within one volume."""

_LOOSE: tuple[Key, ...] = (
    _diffusion,
    lambda h: _rounded(h.facets.inversion_ms, 2),
    lambda h: h.image_type,
    _acquisition,
    lambda h: _rounded(h.facets.trigger_ms, 3),
    _time,
    lambda h: h.instance,
)
"""What may differ from slice to slice of one volume as well; last the object, since one of many frames may be one."""

_ORDERS: tuple[Callable[[Header], float | None], ...] = (
    lambda h: h.facets.trigger_ms,
    lambda h: h.facets.acquired_s,
    lambda h: None if h.facets.number is None else float(h.facets.number),
)


def by_content(slices: Sequence[Slice]) -> list[Group]:
    """The volumes that parallel images make, each of which states its place; one group where nothing tells them apart.

    Two regular stacks that lie one between the other make a regular one as well, so keys that never differ within a
    volume are asked first; Acquisition Number is such a key for CT alone (an interleaved MR may count its packages).
    """
    strict = _STRICT + ((_acquisition,) if slices[0].header.modality == "CT" else ())
    return [pure for group in _apart([list(slices)], strict) for part in _mended(group) for pure in _pure(part, strict)]


def _pure(group: Group, keys: Sequence[Key]) -> list[Group]:
    """Apart what a key that never differs within a volume says is another, where it lies among the rest.

    One image of another phase in the place of a lost one makes a regular stack, and a wrong one.
    """
    for key in keys:
        parts = _by(key, group)
        if 1 < len(parts) < len(group) and _cross(parts):
            return [pure for part in parts for one in _mended(part) for pure in _pure(one, keys)]
    return [group]


def _apart(groups: list[Group], keys: Sequence[Key]) -> list[Group]:
    """Split by every key whose values make stacks that share space: slabs one behind the other stay one."""
    for key in keys:
        parted = []
        for group in groups:
            parts = _by(key, group)
            parted.extend(parts if len(parts) > 1 and _overlap(parts) else [group])
        groups = parted
    return groups


def _spans(parts: Sequence[Group]) -> list[tuple[float, float]]:
    lines = (_places(part, parts[0][0]) for part in parts)
    return sorted((min(line), max(line)) for line in lines)


def _overlap(parts: Sequence[Group]) -> bool:
    enough = min(FEWEST, max(map(len, parts)))
    return min(map(len, parts)) >= enough and all(b[0] <= a[1] for a, b in pairwise(_spans(parts)))


def _cross(parts: Sequence[Group]) -> bool:
    """Whether any two of them do not lie one behind the other."""
    spans = _spans(parts)
    ends = accumulate((end for _, end in spans), max)
    return any(first <= end for end, (first, _) in zip(ends, spans[1:], strict=False))


def _mended(group: Group) -> list[Group]:
    """By the first key that lessens the defects, then by the next; it must part images of one place, if there are any.

    Else packages that are regular each for itself would hide the image that is missing between them.
    """
    at = places([s.header for s in group])
    wrong = defects(at)
    if not wrong:
        return [group]
    deepest, shared = max(map(len, levels(at))), crowd(at)
    for key in _STRICT if lacks_few(at) else _STRICT + _LOOSE:
        parts = _by(key, group)
        fits = 1 < len(parts) <= deepest if deepest > 1 else len(parts) > 1 and min(map(len, parts)) >= FEWEST
        if not fits:
            continue
        lines = [_places(part, group[0]) for part in parts]
        left = sum(map(crowd, lines))
        # A clock that ticks within a volume parts some images of one place, and the wrong ones.
        enough = left < shared and (key is not _time or left == 0) if shared else True
        if enough and sum(map(defects, lines)) < wrong:
            return [one for part in parts for one in _mended(part)]
    return _ranked(group)


def _ranked(group: Group) -> list[Group]:
    """The first image at each place, the second, ...: by trigger, time or number, where that is sure.

    Sure is an order in which either every volume ends before the next begins, all going one way, or every place.
    """
    at = places([s.header for s in group])
    here = levels(at)
    sizes = sorted({len(level) for level in here})
    for order in _ORDERS:
        stated = [order(s.header) for s in group]
        values = [v for v in stated if v is not None]
        if len(values) < len(group) or any(len({values[n] for n in level}) < len(level) for level in here):
            continue
        ordered = [sorted(level, key=lambda n: values[n]) for level in here]
        ranks: list[list[int]] = [[] for _ in range(sizes[-1])]
        for level in ordered:
            for rank, n in zip(ranks, level, strict=False):
                rank.append(n)
        by_volume = _follow(ranks, values) and _one_way(ranks, here, values)
        if by_volume or (len(sizes) == 1 and _follow(ordered, values)):
            return [[group[n] for n in rank] for rank in ranks]
    return [group]


def _one_way(ranks: Sequence[Sequence[int]], here: Sequence[Sequence[int]], values: Sequence[float]) -> bool:
    """Whether all go from place to place in one direction, and only the last may end before the last place.

    That is a scan that was stopped: three volumes or more.  In any other way an image that a volume lacks may be
    filled by one of the next.
    """
    *full, last = ranks
    if len(last) < len(here) and (len(full) < 2 or len(full[-1]) < len(here) or len(last) < FEWEST):
        return False
    for way in (slice(None), slice(None, None, -1)):
        goes = all(values[a] <= values[b] for rank in ranks for a, b in pairwise(rank[way]))
        if goes and all(n in level for n, level in zip(last[way], here[way], strict=False)):
            return True
    return False


def _follow(sets: Sequence[Sequence[int]], values: Sequence[float]) -> bool:
    spans = sorted((min(values[n] for n in one), max(values[n] for n in one)) for one in sets)
    return all(a[1] < b[0] for a, b in pairwise(spans))


def _by(key: Key, group: Group) -> list[Group]:
    """Parts of one value each, in the order of the values as text."""
    found: dict[Hashable, Group] = {}
    for one in group:
        found.setdefault(key(one.header), []).append(one)
    return [found[value] for value in sorted(found, key=repr)]


def _places(part: Group, first: Slice) -> tuple[float, ...]:
    # Along one normal for all parts: that of the same image.
    return places([first.header, *(s.header for s in part)])[1:]
