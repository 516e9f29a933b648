"""Which library an array belongs to, and how it gets from one to the other."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np

from pipeline.xp import borrow_allocator, namespace, to_device, to_host
from tests.cuda.standin import Array, device, installed


def test_numpy_where_cupy_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    x = np.zeros(3)
    assert namespace(x) is np
    assert to_host(x) is x
    assert "cupy" not in sys.modules


def test_there_and_back():
    with installed() as cupy:
        x = np.arange(3)
        there = to_device(x)
        assert isinstance(there, Array)
        assert namespace(there) is cupy
        assert namespace(x) is np
        assert type(to_host(there)) is np.ndarray
        assert to_host(device(x)).tolist() == x.tolist()


def test_a_borrowed_allocator_hands_out_all_memory(monkeypatch):
    """CuPy's allocator is told the two callables as they are; a size and a device, an address and a device."""
    told = SimpleNamespace()

    class PythonFunctionAllocator:
        def __init__(self, malloc, free):
            told.malloc, told.free = malloc, free

        def malloc(self, size):
            return told.malloc(size, 0)

    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(
        memory=SimpleNamespace(PythonFunctionAllocator=PythonFunctionAllocator),
        set_allocator=lambda allocator: setattr(told, "allocator", allocator),
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    borrow_allocator(lambda size, device: 1000 + size + device, lambda address, device: None)
    assert told.allocator(24) == 1024
