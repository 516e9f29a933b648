"""Every real series that has a reference equals it, or the page says by how much it does not, and why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.ground_truth import CASES, FAR_MM, Case, Found, find, page_table, table

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

Finder = Callable[[Case], Found]


@pytest.fixture(scope="module")
def finder(data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Finder:
    """Each case measured once, each set of images unpacked once."""
    folders: dict[str, Path] = {}
    known: dict[Case, Found] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = data(name)
        return folders[name]

    def measured(case: Case) -> Found:
        if case not in known:
            known[case] = find(case, folder, tmp_path_factory.mktemp("case"))
        return known[case]

    return measured


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case.source, *case.references[:1]]))
def test_a_series_is_its_reference_at_its_place_or_refused_with_the_right_reason(finder: Finder, case: Case) -> None:
    found = finder(case)
    assert len(found.volumes) == case.volumes
    assert found.reasons == case.reasons
    assert found.placement.corner_mm < FAR_MM
    if found.placement.slices:
        assert found.placement.alien == 0
        assert case.reasons or found.placement.found == found.placement.slices
    for difference in found.differences:
        assert difference is None or difference.corner_mm < FAR_MM
        assert case.remark or (difference is not None and difference.unequal == 0)


def test_the_page_says_what_is_measured(finder: Finder) -> None:
    assert page_table() == table(map(finder, CASES))
