"""Chances and ranges: what draws take their numbers from.

One number is one call of ``rng.random()``, whatever comes of it, so that no number depends on another one.
"""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

Range = tuple[float, float]
"""Lowest and highest value; where they are equal there is no choice."""


def check(p: float, lowest: float = -inf, **ranges: Range) -> None:
    """Raises ValueError, naming the field, where ``p`` is no chance, or a range not finite, turned round or too low."""
    if not 0 <= p <= 1:
        raise ValueError("p is a chance: 0 to 1")
    for name, given in ranges.items():
        if len(given) != 2 or not all(map(isfinite, given)) or not lowest <= given[0] <= given[1]:
            least = "" if lowest == -inf else f", at least {lowest:g}"
            raise ValueError(f"{name} is a range: two finite numbers, the lower one first{least}")


def happens(rng: np.random.Generator, p: float) -> bool:
    """True with probability ``p``."""
    return rng.random() < p


def uniform(rng: np.random.Generator, within: Range) -> float:
    """Uniform in the range."""
    low, high = within
    return min(low + (high - low) * rng.random(), high)


def factor(rng: np.random.Generator, within: Range) -> float:
    """Uniform in the range; where that holds 1, half of all factors lie below 1 and half above, as nnU-Net draws them.

    >>> factor(np.random.default_rng(0), (0.7, 1.0)) < 1
    True
    """
    low, high = within
    if not low < 1 < high:
        return uniform(rng, within)
    part = 2 * rng.random()
    return low + (1 - low) * part if part < 1 else 1 + (high - 1) * (part - 1)


def key(rng: np.random.Generator) -> int:
    """64 bits: the key of a noise of single voxels."""
    high, low = (int(rng.random() * 2**32) for _ in range(2))
    return high << 32 | low
