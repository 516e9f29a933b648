"""Label maps that lie beside their image: which files they are, whose they are, what they are called."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import product

from pipeline.archive.formats.header import Header
from pipeline.archive.index import File

DEFAULT_LABELS = ("*_mask.*", "*_seg.*", "*_dseg.*", "*label*")
"""File names of label maps: shell patterns, whatever the case."""

SAME_GRID_MM = 0.01
"""How far the corner voxels of a label map may lie from those of its image (law L5)."""

_LETTERS = re.compile("[a-z]+")


def name(file: File) -> str:
    """The last part of the path."""
    return os.fsdecode(os.path.basename(file.path))


def word(file: File, globs: Sequence[str]) -> str | None:
    """The published name of a label map: the word of the first glob that it matches; None for no label map.

    The file's own name stays in the hospital.
    """
    own = name(file).lower()
    for pattern in map(str.lower, globs):
        if fnmatchcase(own, pattern):
            letters = _LETTERS.search(pattern)
            return letters.group() if letters else "labels"
    return None


def link(images: Sequence[File], labels: Iterable[tuple[str, File]]) -> dict[str, list[tuple[str, File]]]:
    """Label maps of one folder, given to its images: image file_id -> (published name, file).

    A label map belongs to the image of the same shape whose corners are the same; of several, to the one
    whose name begins most like its own.  One that fits none is left out, and so is a file of several volumes.
    Several of one word are numbered in the order of their names: ``mask``, ``mask-2``.
    """
    linked: dict[str, list[tuple[str, File]]] = {}
    for kind, label in sorted(labels, key=lambda pair: pair[1].path):
        fitting = [image for image in images if _same_grid(image.header, label.header)]
        if fitting:
            best = min(fitting, key=lambda image: (-_alike(image.path, label.path), image.path))
            linked.setdefault(best.file_id, []).append((kind, label))
    return {image: _numbered(pairs) for image, pairs in linked.items()}


def _alike(a: bytes, b: bytes) -> int:
    """How many characters two names share at their beginning."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _numbered(pairs: Sequence[tuple[str, File]]) -> list[tuple[str, File]]:
    seen: Counter[str] = Counter()
    numbered = []
    for kind, file in pairs:
        seen[kind] += 1
        numbered.append((kind if seen[kind] == 1 else f"{kind}-{seen[kind]}", file))
    return numbered


def _same_grid(image: Header | None, label: Header | None) -> bool:
    if image is None or label is None or image.affine is None or label.affine is None:
        return False
    if image.shape != label.shape or label.volumes != 1:
        return False
    off = [b - a for a, b in zip(image.affine, label.affine, strict=True)]
    for k, j, i in product(*((0, n - 1) for n in image.shape)):
        x, y, z = (off[r] * k + off[r + 1] * j + off[r + 2] * i + off[r + 3] for r in (0, 4, 8))
        if not x * x + y * y + z * z < SAME_GRID_MM**2:
            return False
    return True
