"""Which profile speaks of a volume: at most one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from pipeline.errors import RecipeError
from pipeline.vendors.profile import Profile
from pipeline.volume import Facts


def applicable(profiles: Iterable[Profile], facts: Facts) -> Profile | None:
    """The user's own before those that come with the program, then the one that looks at most facts."""
    return max((p for p in profiles if p.matches(facts)), key=_rank, default=None)


def check(profiles: Sequence[Profile]) -> None:
    """Raises RecipeError where two bear one name, or no order can tell which of two speaks of some volume."""
    for one, other in combinations(profiles, 2):
        if one.name == other.name:
            raise RecipeError(f"two vendor profiles are named {one.name!r}")
        if _rank(one) == _rank(other) and _both_can(one, other):
            raise RecipeError(
                f"vendor profiles {one.name!r} and {other.name!r} are equally specific and can match the same volume:"
                " let one of them look at more facts"
            )


def _rank(profile: Profile) -> tuple[bool, int]:
    return not profile.packaged, len(profile.match)


def _both_can(one: Profile, other: Profile) -> bool:
    """Whether no fact that both look at keeps them apart."""
    mine, theirs = dict(one.match), dict(other.match)
    return all(set(mine[key]) & set(theirs[key]) for key in mine.keys() & theirs.keys())
