"""Noise of single voxels, drawn at their lattice indices: the same for every cut, and for all images of one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from pipeline.kernels import philox, voxel
from pipeline.kernels.elementary import choose
from pipeline.kernels.halves import checked, loaded, mark, stored
from pipeline.kernels.intensity import as_dtype
from pipeline.kernels.lines import readable, writeable
from pipeline.xp import Array, namespace


class Gaussian(NamedTuple):
    """``v + sd * n``."""

    sd: np.float32

    @staticmethod
    def of(v: Any, n: Any, m: Any, model: Any) -> Any:
        return v + model.sd * n


class Rician(NamedTuple):
    """``sqrt((v + sd * n)^2 + (sd * m)^2)``: the magnitude of a complex signal with noise in both of its parts.

    H. Gudbjartsson, S. Patz, The Rician distribution of noisy MRI data, Magn. Reson. Med. 34(6), 1995.
    """

    sd: np.float32

    @staticmethod
    def of(v: Any, n: Any, m: Any, model: Any) -> Any:
        real, imaginary = v + model.sd * n, model.sd * m
        return np.sqrt(real * real + imaginary * imaginary)


class Poisson(NamedTuple):
    """``v + sd * sqrt(max(v - zero, 0) / (unit - zero)) * n``: the variance grows with the intensity, as of counts.

    The Gaussian form of Poisson noise: A. Foi et al., Practical Poissonian-Gaussian noise modeling and fitting for
    single-image raw-data, IEEE Trans. Image Process. 17(10), 2008.
    """

    sd: np.float32
    zero: np.float32
    unit: np.float32

    @staticmethod
    def of(v: Any, n: Any, m: Any, model: Any) -> Any:
        share = (v - model.zero) / (model.unit - model.zero)
        return v + model.sd * np.sqrt(choose(share > np.float32(0), share, np.float32(0))) * n


Model = Gaussian | Rician | Poisson


def noise(x: Array, model: Model, key: int, start: Sequence[int]) -> Array:
    """``x`` with noise, in float32, stored in its own dtype.

    Parameters
    ----------
    x : ``[k, j, i]``, native int16, uint16, uint8, float16 or float32; never written.  Integers are rounded half to
        even and clipped to the type, floats are not clipped.
    key : 64 bits
    start : lattice index of ``x[0, 0, 0]``

    Raises
    ------
    TypeError
        For another dtype.
    """
    if namespace(checked(x)) is not np:
        return plain(x, model, key, start)
    out = np.empty(x.shape, x.dtype)
    if out.size:
        normal = np.zeros((2, 1, *x.shape[1:]), np.float32)
        for k in range(x.shape[0]):
            for stream in range(_streams(model)):
                place = (start[0] + k, *start[1:])
                philox.normal(key, place, (1, *x.shape[1:]), stream, out=normal[stream])
            lines = (*readable(voxel.bits(x[k : k + 1])), *writeable(voxel.bits(out[k : k + 1])))
            _each(*lines, x.shape[1:], mark(x), model, normal[0, 0], normal[1, 0])
    return out


def plain(x: Array, model: Model, key: int, start: Sequence[int]) -> Array:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    drawn = [philox.normal(key, start, x.shape, stream, namespace(x)) for stream in range(_streams(model))]
    return as_dtype(model.of(x.astype(np.float32), drawn[0], drawn[-1], model), x.dtype)


def _streams(model: Model) -> int:
    """Normal numbers that a voxel takes."""
    return 2 if isinstance(model, Rician) else 1


def _noisy(v: Any, n: Any, m: Any, model: Any) -> Any:
    """``model.of(v, n, m, model)``."""
    raise TypeError("only compiled code may call this")


@overload(_noisy, strict=False)
def _model(v, n, m, model):  # type: ignore[no-untyped-def]
    return model.instance_class.of


@njit(cache=True, nogil=True, error_model="numpy")
def _each(x, _plane, row, out, _out_plane, out_row, shape, half, model, first, second):  # type: ignore[no-untyped-def]
    for j in range(shape[0]):
        line, made = x[j * row :], out[j * out_row :]
        n, m = first[j], second[j]
        for i in range(shape[1]):
            made[i] = stored(_noisy(loaded(line[i], half), n[i], m[i], model), out, half)
