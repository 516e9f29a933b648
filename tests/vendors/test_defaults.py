"""Precedence: what a recipe states, then the vendor profile, then what a step is by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import recipe
from pipeline.engine.records import profile as taken
from pipeline.fits.n4 import N4
from pipeline.grid import Grid
from pipeline.plan import Plan, fingerprint
from pipeline.recipe import Recipe
from pipeline.report.methods import methods
from pipeline.stages.window import PRESETS, Window
from pipeline.vendors.profile import Profile
from pipeline.volume import Facts, Spec
from pipeline.yaml_text import parse

SPEC = Spec(Grid(np.diag([2.0, 1.0, 1.0, 1.0]), (4, 5, 6)), "image", np.dtype("i2"))
GE = Facts(modality="CT", units="HU", manufacturer="GE", window=(1.0, 2.0))
SIEMENS = replace(GE, manufacturer="Siemens")


def profile(version: int = 1, **defaults: dict[str, Any]) -> Profile:
    values = tuple((step, tuple(parameters.items())) for step, parameters in defaults.items())
    return Profile("ge", version, (("manufacturer", ("GE",)),), defaults=values)


def loaded(*entries: str, profiles: tuple[Profile, ...] = ()) -> Recipe:
    text = "name: test\nstages:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)
    return replace(recipe.build(parse(text, "r.yaml")), profiles=profiles)


def plans(*entries: str, of: Profile, facts: Facts = GE) -> dict[str, Plan]:
    return loaded(*entries, profiles=(of,)).compile(SPEC, facts, "v")


def steps(*entries: str, of: Profile, facts: Facts = GE) -> dict[str, Any]:
    return {name: plan.stages[-1] for name, plan in plans(*entries, of=of, facts=facts).items()}


maybe = st.none() | st.sampled_from([20.0, 60.0, 200.0])


@given(maybe, maybe, st.booleans())
def test_recipe_before_profile_before_step(stated: float | None, given: float | None, matches: bool) -> None:
    entry = "use: n4, keep: a" if stated is None else f"use: n4, spline_mm: {stated}, keep: a"
    defaults = {} if given is None else {"n4": {"spline_mm": given}}
    (plan,) = plans(entry, of=profile(**defaults), facts=GE if matches else SIEMENS).values()
    from_profile = given if matches else None
    assert plan.stages[0].spline_mm == next(v for v in (stated, from_profile, N4().spline_mm) if v is not None)
    used = stated is None and from_profile not in (None, N4().spline_mm)
    assert plan.profile == ("ge 1" if used else None)


def test_what_is_stated_as_it_is_by_itself_is_stated() -> None:
    """One recipe may hold the same step twice, said and unsaid."""
    made = steps(
        "use: n4, from: raw, levels: 4, keep: said", "use: n4, from: raw, keep: unsaid", of=profile(n4={"levels": 1})
    )
    assert (made["said"].levels, made["unsaid"].levels) == (4, 1)


def test_the_profile_goes_before_the_header() -> None:
    of = profile(window={"center": 40.0, "width": 400.0})
    assert steps("use: window, keep: a", of=of)["a"] == Window(40.0, 400.0)
    assert steps("use: window, keep: a", of=of, facts=SIEMENS)["a"] == Window(0.5, 1.0)
    assert steps("use: window, dtype: uint8, keep: a", of=of)["a"] == Window(40.0, 400.0, "uint8")


def test_defaults_that_do_not_go_with_what_is_stated_do_not_hold() -> None:
    of = profile(window={"center": 40.0, "width": 400.0})
    (plan,) = plans("use: window, preset: lung, keep: a", of=of).values()
    assert plan.stages == (Window(*PRESETS["lung"]),)
    assert plan.profile is None


def test_a_step_inside_a_branch_and_what_a_fit_looks_within_take_them_too() -> None:
    entries = (
        "use: otsu, from: raw, as: head",
        "use: n4, from: raw, as: even",
        "use: zscore, from: even, within: head, keep: a",
        "use: clip, from: raw, lower: 0, keep: b",
    )
    made = plans(*entries, of=profile(otsu={"closing_mm": 3.0}))
    assert dict(made["a"].masks)["head"][0].closing_mm == 3.0
    assert (made["a"].profile, made["b"].profile) == ("ge 1", None)
    assert taken(made) == "ge 1"
    assert taken(plans(*entries, of=profile(n4={"levels": 1}))) == "ge 1"
    assert taken(plans(*entries, of=profile(n4={"levels": 1}), facts=SIEMENS)) is None


def named(version: int, entry: str) -> str:
    return fingerprint(plans(entry, of=profile(version, n4={"levels": 1})), "0" * 64)


def test_a_new_version_of_a_profile_is_another_result_where_it_was_used() -> None:
    assert named(1, "use: n4, keep: a") != named(2, "use: n4, keep: a")
    assert named(1, "use: n4, keep: a") == named(1, "use: n4, keep: a")


def test_and_none_where_the_recipe_says_it_all() -> None:
    said = "use: n4, levels: 1, keep: a"
    assert named(1, said) == named(2, said) == fingerprint(loaded(said).compile(SPEC, GE, "v"), "0" * 64)
    assert named(1, "use: clip, lower: 0, keep: a") == named(2, "use: clip, lower: 0, keep: a")


def test_a_recipe_that_was_built_in_code_says_all_that_it_is() -> None:
    built = Recipe("test", None, (("a", (N4(),)),), profiles=(profile(n4={"levels": 1}),))
    assert built.compile(SPEC, GE, "v")["a"].stages == (N4(),)


@pytest.mark.parametrize("name", [name for name in recipe.packaged() if name not in ("mr-brain", "ct-lungs")])
def test_packaged_profiles_leave_packaged_recipes_as_they_are(name: str) -> None:
    known = recipe.load(name)
    for modality in ("CT", "MR", "DX"):
        for maker in ("GE", "Siemens", "Philips", "Canon", "UIH"):
            facts = replace(GE, modality=modality, manufacturer=maker)
            assert known.compile(SPEC, facts, "v") == replace(known, profiles=()).compile(SPEC, facts, "v")


def test_the_methods_say_what_was_taken_from_where() -> None:
    of = profile(3, n4={"spline_mm": 50.0}, clip={"lower": 0.0})
    text = methods(loaded("use: n4, keep: a", profiles=(of,)))
    assert "- `ge` (version 3; manufacturer GE): n4, spline_mm = 50.0\n" in text
    for said in ("use: n4, spline_mm: 50, keep: a", "use: otsu, keep: a"):
        assert "vendor profile" not in methods(loaded(said, profiles=(of,)))
