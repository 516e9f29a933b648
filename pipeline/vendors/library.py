"""Which profiles there are: those that come with the program, and the user's in the folders of ``SCANMILL_VENDORS``."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pipeline.errors import RecipeError
from pipeline.vendors.match import check
from pipeline.vendors.profile import Profile, read
from pipeline.yaml_text import parse

VARIABLE = "SCANMILL_VENDORS"
"""Names the user's folders, with ``os.pathsep`` between them."""

_PACKAGED = Path(__file__).parent


@cache
def packaged() -> tuple[Profile, ...]:
    """Those that come with the program, by name."""
    return _folder(_PACKAGED, packaged=True)


def available() -> tuple[Profile, ...]:
    """All of them.

    Raises RecipeError where a folder of ``SCANMILL_VENDORS`` cannot be listed, a profile cannot be read, or two of
    them could match one volume with nothing to choose between them.
    """
    own = [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    profiles = (*(profile for folder in own for profile in _folder(folder, packaged=False)), *packaged())
    check(profiles)
    return profiles


def _folder(folder: Path, packaged: bool) -> tuple[Profile, ...]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".yaml")
        texts = {path: path.read_text() for path in paths}
    except (OSError, UnicodeDecodeError):
        raise RecipeError(f"a folder of {VARIABLE}, or a profile in it, cannot be read") from None
    found = []
    for path, text in texts.items():
        profile = read(parse(text, path.name), packaged)
        if profile.name != path.stem:
            raise RecipeError(f"{path.name} holds the vendor profile {profile.name!r}: give both the same name")
        found.append(profile)
    return tuple(found)
