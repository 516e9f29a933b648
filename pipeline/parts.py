"""A folder is a list: one file, one class; the file's name is the name in a recipe."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

T = TypeVar("T")


def parts(package: str, path: Iterable[str], base: type[T]) -> dict[str, type[T]]:
    """{name of the file: its one subclass of ``base``} of every module of a package.

    Raises ValueError where a file holds none, or several.
    """
    found = {}
    for info in iter_modules(path):
        module = import_module(f"{package}.{info.name}")
        own = [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]
        (found[info.name],) = [c for c in own if issubclass(c, base)]
    return found
