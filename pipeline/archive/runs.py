"""The regular runs of an irregular stack: what of it can be converted without moving a slice."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.archive.formats.header import Header
from pipeline.archive.gate import gate

FEWEST = 3
"""Slices of the shortest run: any two slices are regular, and say nothing."""


def runs(headers: Sequence[Header]) -> list[tuple[int, int]]:
    """[first, last + 1) of every regular run, of images in the order of their positions.

    ::

        positions   0   2.5   5   7.5      12.5   15   17.5        20.1
        runs       [0 ............ 4)      [4 ............ 7)      left over

    From the first slice on, each run is as long as it can be without any reason of the gate against it.
    """
    found = []
    first = 0
    while first + FEWEST <= len(headers):
        last = _end(headers, first)
        if last is None:
            first += 1
        else:
            found.append((first, last))
            first = last
    return found


def _end(headers: Sequence[Header], first: int) -> int | None:
    """Where the longest regular run from here ends: lengths are doubled, then the last doubling is halved."""
    good, bad = first, len(headers) + 1
    reach = first + FEWEST
    while good < len(headers) and bad > len(headers):
        if _is_regular(headers[first:reach]):
            good, reach = reach, min(2 * reach - first, len(headers))
        else:
            bad = reach
    while good > first and bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _is_regular(headers[first:middle]) else (good, middle)
    return good if good > first else None


def _is_regular(headers: Sequence[Header]) -> bool:
    return not gate(headers).reasons
