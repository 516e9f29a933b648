"""Every real series that has a reference equals it, or the page says by how much it does not, and why."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.system import dcm2niix
from tests.system.comparison import Difference, compare, volumes_of
from tests.system.ground_truth import Found, below_sets, find, table
from tests.system.ground_truth_cases import CASES, Case
from tests.system.ground_truth_page import on_page

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

FAR_MM = 0.01
"""Law L5."""

Finder = Callable[[Case], Found]


@pytest.fixture(scope="module")
def sets(data: Callable[..., Path]) -> Callable[[str], Path]:
    """Where a set lies; each is unpacked once."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = data(name)
        return folders[name]

    return folder


@pytest.fixture(scope="module")
def finder(sets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Finder:
    """Each case measured once."""
    known: dict[Case, Found] = {}

    def measured(case: Case) -> Found:
        if case not in known:
            known[case] = find(case, sets, tmp_path_factory.mktemp("case"))
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
        assert difference is not None
        if isinstance(difference, Difference):
            assert difference.corner_mm < FAR_MM
            assert difference.unequal == 0 or difference.largest <= case.within
        else:
            assert difference.largest <= case.within


@pytest.mark.parametrize("case", [c for c in CASES if c.references and c.volumes > 1 and not c.within])
def test_volumes_stand_in_the_order_of_the_reference(finder: Finder, sets: Callable[[str], Path], case: Case) -> None:
    references = volumes_of(below_sets(sets, case.references[0]))
    for reference, ours in zip(references, finder(case).volumes, strict=True):
        difference = compare([reference], [ours])
        assert isinstance(difference, Difference)
        assert difference.unequal == 0


def test_the_page_says_what_is_measured(finder: Finder) -> None:
    assert on_page("references") == table(map(finder, CASES))


def test_the_page_says_what_dcm2niix_does(
    finder: Finder, sets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    executable = shutil.which("dcm2niix")
    if executable is None:
        pytest.skip("no dcm2niix on the path")
    rows = [
        (found, dcm2niix.written(executable, below_sets(sets, case.source), found, tmp_path_factory.mktemp("peer")))
        for case, found in ((case, finder(case)) for case in dcm2niix.BESIDE)
    ]
    assert on_page("dcm2niix") == dcm2niix.table(rows)


def test_what_dcm2niix_calls_precise_is_philips_private_scale(finder: Finder, sets: Callable[[str], Path]) -> None:
    """Floating point value = displayed value / (rescale slope x scale slope): Chenevert 2014, PMC3998685."""
    case = next(c for c in CASES if c.references == ("dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e1.nii",) and c.volumes == 2)
    (source,) = below_sets(sets, case.source).iterdir()
    frame = pydicom.dcmread(source, stop_before_pixels=True).PerFrameFunctionalGroupsSequence[0]
    private = frame[0x2005, 0x140F].value[0][0x2005, 0x100E].value
    displayed = float(frame.PixelValueTransformationSequence[0].RescaleSlope)
    (difference,) = finder(case).differences
    assert isinstance(difference, Difference)
    assert difference.factors == (pytest.approx(1 / (displayed * private), rel=1e-6),)
