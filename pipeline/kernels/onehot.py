"""Label maps by linear interpolation: every label is interpolated as a mask of its own, and one of them is taken.

The masks are never made.  Of the eight voxels about a position, the weights of those with the same label are what the
label's mask would be there; labels that are not among the eight have none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels.linear import pairs
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import within
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace

DTYPES = (np.dtype("uint8"), np.dtype("uint16"))
"""Of label maps."""


def onehot(x: Array, tables: Sequence[Table], start: Sequence[int]) -> Array:
    """The label with the most weight at the rows of three tables; of several the lowest.

    Parameters
    ----------
    x : ``[k, j, i]`` uint8 or uint16, never written
    tables : one an axis, of one tap or two; weights are multiplied and added in float32
    start : source lattice index of ``x[0, 0, 0]``

    Returns
    -------
    ``[k, j, i]`` of the dtype of ``x``; 0 where rows are not inside

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For tables of more taps, or if the inside rows look beyond ``x``.
    """
    if x.dtype not in DTYPES:
        raise TypeError(f"labels are uint8 or uint16, not {x.dtype}")
    if max(t.taps for t in tables) > 2:
        raise ValueError("labels are interpolated by tables of one tap or two")

    def body(x: Array, tables: Sequence[Table], out: Array, _: Ramp | None) -> None:
        if namespace(x) is not np:
            out[...] = by_definition(x, tables)
            return
        k, j, i = map(pairs, tables)
        _vote(readable(x), x.shape[2], writeable(out), *k, *j, *i)

    return within(x, tables, start, body, 0, x.dtype)


def by_definition(x: Array, tables: Sequence[Table]) -> Array:
    """The same for rows that are all inside, by whole-array operations: for CuPy, and what compiled code is held to."""
    xp = namespace(x)
    (k, k_part), (j, j_part), (i, i_part) = map(pairs, tables)
    made = xp.zeros([len(part) for part in (k_part, j_part, i_part)], x.dtype)
    most = xp.zeros(made.shape, np.float32)
    for label in xp.unique(x).tolist():
        weight = xp.zeros(made.shape, np.float32)
        for a, b, c in np.ndindex(2, 2, 2):
            voxels = x[xp.asarray(k[:, a])][:, xp.asarray(j[:, b])][:, :, xp.asarray(i[:, c])]
            parts = zip((k_part, j_part, i_part), (a, b, c), strict=True)
            of_k, of_j, of_i = (xp.asarray(part if far else np.float32(1) - part) for part, far in parts)
            share = (of_k[:, None, None] * of_j[:, None]) * of_i
            weight = weight + xp.where(voxels == label, share, np.float32(0))
        wins = weight > most
        made[wins], most[wins] = label, weight[wins]
    return made


@njit(cache=True, nogil=True)
def _vote(x, width, out, k_index, k_part, j_index, j_part, i_index, i_part):  # type: ignore[no-untyped-def]
    one = np.float32(1)
    alike = np.empty(width, np.bool_)
    labels, weights, shares = np.empty(8, x.flat.dtype), np.empty(8, np.float32), np.empty(4, np.float32)
    for k in range(k_part.size):
        for j in range(j_part.size):
            a = x.flat[k_index[k, 0] * x.plane + j_index[j, 0] * x.row :]
            b = x.flat[k_index[k, 0] * x.plane + j_index[j, 1] * x.row :]
            c = x.flat[k_index[k, 1] * x.plane + j_index[j, 0] * x.row :]
            d = x.flat[k_index[k, 1] * x.plane + j_index[j, 1] * x.row :]
            shares[0], shares[1] = (one - k_part[k]) * (one - j_part[j]), (one - k_part[k]) * j_part[j]
            shares[2], shares[3] = k_part[k] * (one - j_part[j]), k_part[k] * j_part[j]
            for i in range(width):
                alike[i] = (a[i] == b[i]) & (a[i] == c[i]) & (a[i] == d[i])
            made = out.flat[k * out.plane + j * out.row :]
            for i in range(i_part.size):
                p, q, part = i_index[i, 0], i_index[i, 1], i_part[i]
                if alike[p] and alike[q] and a[p] == a[q]:
                    made[i] = a[p]
                    continue
                for n, line in enumerate((a, b, c, d)):
                    labels[2 * n], labels[2 * n + 1] = line[p], line[q]
                    weights[2 * n], weights[2 * n + 1] = shares[n] * (one - part), shares[n] * part
                made[i] = _elected(labels, weights)


@njit(cache=True, nogil=True)
def _elected(labels, weights):  # type: ignore[no-untyped-def]
    """The label that wins among eight."""
    found, most = 0, np.float32(0)
    for n in range(8):
        label, weight = labels[n], np.float32(0)
        for m in range(8):
            if labels[m] == label:
                weight += weights[m]
        if weight > most or (weight == most and label < found):
            found, most = label, weight
    return found
