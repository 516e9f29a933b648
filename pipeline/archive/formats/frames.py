"""The affines of other conventions, turned to index (k, j, i, 1) -> LPS mm at the door."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

Rows = tuple[float, ...]


def from_ras(affine: np.ndarray, mm: float = 1.0) -> Rows:
    """Row-major 16 numbers from (4, 4): index (i, j, k, 1) -> RAS, in units of ``mm`` millimetres."""
    turned = affine.astype("f8")[:, [2, 1, 0, 3]]
    turned[:3] *= mm
    turned[:2] *= -1.0
    return _checked(turned)


def from_steps(steps: Sequence[Rows], origin: Rows) -> Rows:
    """Row-major 16 numbers from the steps along i, j (and k) and the place of the first voxel, in LPS mm.

    The third axis of a flat image is perpendicular to it, 1 mm a step.
    """
    n = len(origin)
    frame = np.zeros((4, 4))
    frame[3, 3] = 1.0
    for axis, step in enumerate(steps):
        frame[:n, 2 - axis] = step
    if n == 2:
        frame[:3, 0] = (0.0, 0.0, 1.0)
    frame[:n, 3] = origin
    return _checked(frame)


def _checked(frame: np.ndarray) -> Rows:
    """Raises Quarantine(MISSING_GEOMETRY) for a frame that is not finite or flat."""
    (a, b, c), (d, e, f), (g, h, i) = frame[:3, :3].tolist()
    volume = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if not np.isfinite(frame).all() or not math.isfinite(volume) or volume == 0:
        raise Quarantine(Reason.MISSING_GEOMETRY)
    # + 0.0: no minus zero, which prints differently and compares equal.
    return tuple((frame + 0.0).ravel().tolist())
