"""The threshold that parts a histogram best in two."""

from __future__ import annotations

import numpy as np


def threshold(values: np.ndarray, bins: int = 200) -> float:
    """The upper edge of the bin up to which values are background.

    It maximises the variance between the two classes, n0 n1 (m0 - m1)^2: N. Otsu, A threshold selection method from
    gray-level histograms, IEEE Trans. Syst. Man Cybern. 9(1), 1979.  Of equals the lowest.

    Parameters
    ----------
    values : finite numbers, of any shape, at least one
    bins : of equal width, from the smallest value to the largest
    """
    low, high = float(values.min()), float(values.max())
    width = (high - low) / bins
    if not width > 0:
        return high
    bin_of = np.minimum(((values.ravel().astype("f8") - low) / width).astype("i8"), bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    n = np.cumsum(counts)[:-1].astype("f8")
    s = np.cumsum(counts * np.arange(bins))[:-1].astype("f8")
    total, moment = float(counts.sum()), float((counts * np.arange(bins)).sum())
    other = total - n
    apart = s / n - (moment - s) / other  # the first and the last bin hold a value each: neither is 0
    return low + (int((n * other * apart * apart).argmax()) + 1) * width
