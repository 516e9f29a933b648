"""At most one profile speaks of a volume; where that could not be told, the profiles are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.vendors.match import applicable, check
from pipeline.vendors.profile import Profile
from pipeline.volume import Facts

TERMS = {"modality": ("CT", "MR"), "manufacturer": ("GE", "Siemens", "UIH"), "kernel": ("SOFT", "BONE")}


def profile(name: str, packaged: bool = False, **match: Any) -> Profile:
    spoken = {key: value if isinstance(value, tuple) else (value,) for key, value in match.items()}
    return Profile(name, 1, tuple(spoken.items()), packaged=packaged)


def test_the_one_that_looks_at_most_facts_speaks() -> None:
    ct, ge = profile("ct", modality="CT"), profile("ge", modality="CT", manufacturer="GE")
    bone = profile("bone", modality="CT", manufacturer="GE", kernel="BONE")
    for known in ([ct, ge, bone], [bone, ge, ct]):
        check(known)
        assert applicable(known, Facts(modality="CT", manufacturer="GE", kernel="BONE")) == bone
        assert applicable(known, Facts(modality="CT", manufacturer="GE", kernel="SOFT")) == ge
        assert applicable(known, Facts(modality="CT")) == ct
        assert applicable(known, Facts(modality="MR", manufacturer="GE")) is None


def test_the_users_own_go_first_however_little_they_look_at() -> None:
    own, packaged = profile("own", modality="CT"), profile("ct-ge", True, modality="CT", manufacturer="GE")
    check([own, packaged])
    assert applicable([packaged, own], Facts(modality="CT", manufacturer="GE")) == own


def test_a_tie_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"'a' and 'b' are equally specific"):
        check([profile("a", modality="CT", manufacturer="GE"), profile("b", modality="CT", kernel="BONE")])
    check([profile("a", modality="CT", manufacturer="GE"), profile("b", modality="MR", kernel="BONE")])


def test_two_of_one_name_are_an_error() -> None:
    with pytest.raises(RecipeError, match="two vendor profiles are named 'a'"):
        check([profile("a", modality="CT"), profile("a", True, modality="MR")])


values = {key: st.lists(st.sampled_from(terms), min_size=1, unique=True).map(tuple) for key, terms in TERMS.items()}
matches = st.fixed_dictionaries({}, optional=values).filter(bool)
told = st.fixed_dictionaries({key: st.none() | st.sampled_from(terms) for key, terms in TERMS.items()})


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), matches), max_size=5))
def test_profiles_pass_exactly_if_no_volume_could_be_of_two(drawn: list[tuple[bool, dict[str, Any]]]) -> None:
    known = [profile(f"p{n}", packaged, **match) for n, (packaged, match) in enumerate(drawn)]
    everything = [
        Facts(modality=m, manufacturer=v, kernel=k)
        for m in TERMS["modality"]
        for v in TERMS["manufacturer"]
        for k in TERMS["kernel"]
    ]
    tied = any(
        a.packaged == b.packaged and len(a.match) == len(b.match) and a.matches(facts) and b.matches(facts)
        for facts in everything
        for n, a in enumerate(known)
        for b in known[:n]
    )
    if tied:
        with pytest.raises(RecipeError, match="equally specific"):
            check(known)
    else:
        check(known)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), matches), max_size=5), told, st.randoms())
def test_the_order_of_profiles_decides_nothing(drawn: list[tuple[bool, dict[str, Any]]], of: Any, shuffle: Any) -> None:
    known = [profile(f"p{n}", packaged, **match) for n, (packaged, match) in enumerate(drawn)]
    try:
        check(known)
    except RecipeError:
        return
    facts = Facts(**of)
    first = applicable(known, facts)
    shuffle.shuffle(known)
    assert applicable(known, facts) == first
