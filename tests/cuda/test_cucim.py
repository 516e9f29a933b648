"""Each call of cuCIM and CuPy's SciPy that a kernel makes fits the signature of the real function; so does xp's."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from pipeline import kernels

LIBRARIES = ("cucim", "cupyx")


def names(tree: ast.AST) -> dict[str, tuple[str, str]]:
    """Names that a kernel imports from the libraries: module, and what it is called there."""
    known: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARIES):
            known |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            known |= {a.asname: (a.name, "") for a in node.names if a.name.startswith(LIBRARIES) and a.asname}
    return known


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """``(module, name in it, call)`` of all functions of the libraries that kernels call."""
    for path in Path(kernels.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        known = names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                root, *rest = ast.unparse(node.func).split(".")
                if root in known:
                    module, name = known[root]
                    yield module, ".".join(filter(None, [name, *rest])), node


def found(module: str, name: str) -> object:
    """What ``from module import name`` and attributes of it give."""
    first, *rest = name.split(".")
    try:
        value = getattr(import_module(module), first)
    except AttributeError:
        value = import_module(f"{module}.{first}")
    for attribute in rest:
        value = getattr(value, attribute)
    return value


FOUND = list(calls())


def test_calls_are_of_a_form_that_is_understood():
    """``import cucim.skimage`` without ``as``, or a function under another name, would slip through."""
    for path in Path(kernels.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert all(a.asname for a in node.names if a.name.startswith(LIBRARIES)), path.name
        known, called = names(tree), {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        held = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            used = isinstance(node, ast.Name) and node.id in known
            used |= isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0] in known
            assert not used or id(node) in called | held, f"{path.name}: {ast.unparse(node)} is not called at once"


@pytest.mark.system
@pytest.mark.parametrize(("module", "name", "call"), FOUND, ids=[f"{m}.{n}" for m, n, _ in FOUND])
def test_binds(module, name, call):
    pytest.importorskip("cucim", reason="needs the extra gpu-check")
    function = found(module, name)
    assert not any(isinstance(a, ast.Starred) for a in call.args), "arguments are spelled out"
    assert all(k.arg for k in call.keywords), "keywords are spelled out"
    inspect.signature(function).bind(*call.args, **{k.arg: k.value for k in call.keywords})


@pytest.mark.system
def test_an_allocator_is_two_callables():
    """As ``xp.borrow_allocator`` hands them on."""
    memory = pytest.importorskip("cupy.cuda.memory", reason="needs the extra gpu-check")
    assert callable(memory.PythonFunctionAllocator(lambda size, device: 0, lambda address, device: None).malloc)
