"""Generated anatomy: a chest as CT sees it, a head as MR sees it, and noise that compresses as scans do.

Shapes are quadrics in LPS mm about the middle of the grid.  Noise is the sum of uniform bytes of a counter-based
generator (Philox) over 3 x 3 neighbours: near-Gaussian, correlated like a reconstruction kernel's, and the same
bytes with every NumPy, which promises the bit stream and not its normal variates.
"""

from __future__ import annotations

import numpy as np

Spacing = tuple[float, float, float]

LEFT_LUNG, RIGHT_LUNG, SPINE = 1, 2, 3

_NOISE_MEAN = 9 * 255 // 2
_NOISE_SHIFT = 4  # the sum has an SD of 3 * 73.9; its 16th is 14, a chest CT's usual noise in HU


def chest(shape: tuple[int, int, int], spacing: Spacing, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A chest on a table.

    Returns int16 HU in -1024..3071 and uint8 labels (1 left lung, 2 right lung, 3 spine), both ``shape`` [k, j, i],
    at ``spacing`` mm along k, j, i.
    """
    hu, labels = np.empty(shape, np.int16), np.empty(shape, np.uint8)
    z, y, x = _axes(shape, spacing)
    for k, height in enumerate(z):
        anatomy, labels[k] = _chest_slice(float(height), y[:, None], x[None, :])
        hu[k] = np.clip(_smooth(anatomy) // 9 + noise(shape[1:], seed, k), -1024, 3071)
    return hu, labels


def head(shape: tuple[int, int, int], spacing: Spacing, *, seed: int) -> np.ndarray:
    """A T1-like head: bright scalp, dark skull, brain with ventricles, under a smooth coil shading; int16 [k, j, i]."""
    z, y, x = (axis.reshape(form) for axis, form in zip(_axes(shape, spacing), _FORMS, strict=True))
    signal = np.zeros(shape, np.float64)
    for value, radii in ((900, (95, 110, 80)), (120, (88, 102, 73)), (620, (82, 95, 67)), (180, (18, 30, 16))):
        signal[_quadric(z, y, x, (0, 0, 0), radii) <= 1] = value
    signal *= 1 + (x + 2 * y) / 1500
    grain = np.stack([noise(shape[1:], seed, k) for k in range(shape[0])])
    return np.abs(np.rint(signal) + grain).astype(np.int16)


def radiograph(hu: np.ndarray, spacing: Spacing) -> np.ndarray:
    """The chest seen from the front: (rows, columns) uint16 in 0..4095, bright where the beam got through.

    Transmission exp(-path / 100 mm) of the water-equivalent path along j; rows run head to feet.
    """
    path = (np.clip(hu, -1000, None).astype(np.int64) + 1000).sum(axis=1) * spacing[1] / 1000
    return np.rint(4095 * np.exp(-path[::-1] / 100)).astype(np.uint16)


def noise(shape: tuple[int, int], seed: int, stream: int) -> np.ndarray:
    """(rows, columns) int32 grains of mean 0 and SD 14; a pure function of its arguments."""
    rows, columns = shape[0] + 2, shape[1] + 2
    words = np.random.Philox(key=[seed, stream]).random_raw(-(-rows * columns // 8))
    grains = words.astype("<u8").view(np.uint8)[: rows * columns].reshape(rows, columns)
    return (_box(grains.astype(np.int32)) - _NOISE_MEAN + 8) >> _NOISE_SHIFT


_FORMS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _axes(shape: tuple[int, int, int], spacing: Spacing) -> list[np.ndarray]:
    """Voxel centres along each axis in mm, 0 in the middle."""
    return [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]


def _quadric(
    z: float | np.ndarray, y: np.ndarray, x: np.ndarray, centre: tuple[int, ...], radii: tuple[int, ...]
) -> np.ndarray:
    """1 on the ellipsoid about ``centre`` with ``radii`` (both z, y, x in mm), less inside."""
    (c, b, a), (rc, rb, ra) = centre, radii
    inside: np.ndarray = ((z - c) / rc) ** 2 + ((y - b) / rb) ** 2 + ((x - a) / ra) ** 2
    return inside


def _chest_slice(z: float, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """HU (int32) and labels (uint8) of the slice at height z."""
    hu = np.full((y.size, x.size), -1000, np.int32)
    labels = np.zeros(hu.shape, np.uint8)
    body = _quadric(z, y, x, (0, 0, 0), (900, 105, 155))
    hu[(np.abs(y - 120) < 3) & (np.abs(x) < 170)] = -300  # table top, and its foam below
    hu[(np.abs(y - 132) < 9) & (np.abs(x) < 170)] = -930
    hu[body <= 1] = -100
    texture = 8 * np.cos(x / 9 + z / 17) * np.cos(y / 11)
    muscle = body <= 0.82
    hu[muscle] = (50 + texture).astype(np.int32)[muscle]
    hu[(body > 0.7) & (body <= 0.79) & (np.cos((z + 0.35 * y) / 4) > 0.5)] = 500  # ribs, slanting
    vessels = np.cos(x / 6 + z / 9) * np.cos(y / 5 - z / 7) > 0.85
    for label, side in ((LEFT_LUNG, 72), (RIGHT_LUNG, -72)):
        lung = _quadric(z, y, x, (0, -5, side), (130, 68, 52)) <= 1
        hu[lung] = np.broadcast_to((-860 + 0.6 * y).astype(np.int32), hu.shape)[lung]  # denser towards the back
        hu[lung & vessels] = -60
        labels[lung] = label
    heart = _quadric(z, y, x, (-30, -25, 20), (70, 38, 48)) <= 1
    hu[heart], labels[heart] = 40, 0
    hu[_quadric(0, y, x, (0, 48, 28), (1, 12, 12)) <= 1] = 160  # aorta
    spine = _quadric(0, y, x, (0, 64, 0), (1, 17, 19))
    hu[spine <= 1], hu[spine <= 0.75] = 650, 180  # cortical rim, spongy inside
    labels[spine <= 1] = SPINE
    return hu, labels


def _box(x: np.ndarray) -> np.ndarray:
    """Sums over 3 x 3 neighbours of an int array, where all nine are there: two rows and columns fewer."""
    rows = x[:-2] + x[1:-1] + x[2:]
    sums: np.ndarray = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums


def _smooth(x: np.ndarray) -> np.ndarray:
    """Sums over 3 x 3 neighbours, the border repeated: edges as soft as a scanner's."""
    return _box(np.pad(x, 1, mode="edge"))
