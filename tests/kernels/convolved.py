"""Convolutions by their definition, in float64."""

import numpy as np


def convolved(x, weight, bias, stride=(1, 1, 1)):
    """Each tap of the filters by itself; half a filter of zeros around."""
    kernel = weight.shape[2:]
    around = [(m // 2, m // 2) for m in kernel]
    x = np.pad(x.astype("f8"), [(0, 0), *around])
    shape = [(n - m) // s + 1 for n, m, s in zip(x.shape[1:], kernel, stride, strict=True)]
    out = np.zeros((len(weight), *shape)) + bias.astype("f8").reshape(-1, 1, 1, 1)
    for tap in np.ndindex(*kernel):
        seen = [slice(t, t + (n - 1) * s + 1, s) for t, n, s in zip(tap, shape, stride, strict=True)]
        out += np.einsum("oc,ckji->okji", weight[(..., *tap)].astype("f8"), x[(slice(None), *seen)])
    return out


def transposed(x, weight, bias):
    """Each voxel becomes a cell of the filters' size."""
    cells = np.einsum("copqr,ckji->okpjqir", weight.astype("f8"), x.astype("f8"))
    o, k, p, j, q, i, r = cells.shape
    return cells.reshape(o, k * p, j * q, i * r) + bias.astype("f8").reshape(-1, 1, 1, 1)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")
