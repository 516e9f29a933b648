"""Stands in for CuPy on a machine without a GPU: NumPy arrays that go by another name, and do not mix with NumPy's.

Only what kernels may rely on is there: the functions of NumPy's that CuPy has too give arrays of this kind, and
arithmetic with a NumPy array, which CuPy refuses, is refused.  What a real CuPy lacks is not known here; that is what
``benchmarks/gpu`` is for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType

import numpy as np


class Array(np.ndarray):
    """What ``cupy.ndarray`` is."""

    def get(self) -> np.ndarray:
        return np.array(self.view(np.ndarray))

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **more):
        if any(_foreign(a) for a in (*inputs, *out)):
            raise TypeError("NumPy and CuPy arrays do not mix")
        given = [a.view(np.ndarray) if isinstance(a, Array) else a for a in inputs]
        into = {"out": tuple(a.view(np.ndarray) for a in out)} if out else {}
        return _owned(getattr(ufunc, method)(*given, **into, **more))

    def __array_function__(self, function, types, arguments, more):
        raise TypeError(f"{function.__name__} of NumPy was handed a CuPy array")


class Module(ModuleType):
    """What ``cupy`` is."""

    ndarray = Array

    def __getattr__(self, name: str):
        found = getattr(_public(np, name), name)
        if isinstance(found, type) or not callable(found):
            return found

        @wraps(found)
        def function(*arguments, **more):
            if name not in ("asarray", "array") and any(map(_foreign, [*arguments, *more.values()])):
                raise TypeError(f"{name} of CuPy was handed a NumPy array")
            return _owned(found(*map(_plain, arguments), **{key: _plain(value) for key, value in more.items()}))

        return function


class Lent(ModuleType):
    """A module whose functions take and give arrays of this kind: what scikit-image is, as cuCIM."""

    def __init__(self, name: str, source: ModuleType) -> None:
        super().__init__(name)
        self._source = source

    def __getattr__(self, name: str):
        found = getattr(_public(self._source, name), name)
        return Lent(f"{self.__name__}.{name}", found) if isinstance(found, ModuleType) else lent(found)


def _public(module: ModuleType, name: str) -> ModuleType:
    """The module itself.  Raises AttributeError for names that are Python's own: those are of the stand-in."""
    if name.startswith("__"):
        raise AttributeError(name)
    return module


def lent(function):
    """A function on the device, made of one on the host; what it was decorated as stays at hand."""

    def call(*arguments, **more):
        return _owned(function(*map(_plain, arguments), **{key: _plain(value) for key, value in more.items()}))

    if hasattr(function, "__wrapped__"):
        call.__wrapped__ = lent(function.__wrapped__)
    return call


@contextmanager
def installed() -> Iterator[Module]:
    """CuPy is the stand-in, and cuCIM what scikit-image and SciPy are."""
    import skimage.exposure
    import skimage.measure
    import skimage.morphology
    from scipy import ndimage

    operations = ModuleType("cucim.core.operations.morphology")
    operations.distance_transform_edt = lent(  # type: ignore[attr-defined]
        lambda image, sampling, *, float64_distances: ndimage.distance_transform_edt(image, sampling)
    )
    parts = {f"cucim.skimage.{m}": Lent(m, getattr(skimage, m)) for m in ("exposure", "measure", "morphology")}
    names = {"cupy": Module("cupy"), "cucim": ModuleType("cucim"), "cucim.skimage": Lent("cucim.skimage", skimage)}
    stand_ins: dict[str, ModuleType] = {**names, **parts, operations.__name__: operations}
    with replaced(stand_ins):
        yield sys.modules["cupy"]  # type: ignore[misc]


@contextmanager
def replaced(modules: dict[str, ModuleType]) -> Iterator[None]:
    """Modules of these names are these.

    Not by patch.dict, which would also forget what is imported meanwhile: numba's modules load but once.
    """
    before = {name: sys.modules.pop(name, None) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


def device(x: np.ndarray) -> Array:
    """A copy, as a CuPy array."""
    return np.array(x, copy=True).view(Array)


def _foreign(value: object) -> bool:
    return type(value) is np.ndarray and value.ndim > 0


def _plain(value):
    if isinstance(value, Array):
        return value.view(np.ndarray)
    return type(value)(map(_plain, value)) if isinstance(value, list | tuple) else value


def _owned(value):
    if isinstance(value, np.ndarray):
        return value.view(Array)
    return type(value)(map(_owned, value)) if type(value) in (list, tuple) else value
