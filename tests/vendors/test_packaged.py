"""The profiles that come with the program: each speaks of the images that it is for, with sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from pipeline import vendors
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.vendor import device
from pipeline.terms import KERNELS
from pipeline.vendors.match import check
from pipeline.vendors.profile import Ingest

PROFILES = {profile.name: profile for profile in vendors.packaged()}
DOCUMENT = Path(__file__).parents[2] / "docs" / "vendors.md"


def test_there_is_one_of_every_vendor_for_ct_and_mr() -> None:
    expected = {f"{kind}-{maker}" for kind in ("ct", "mr") for maker in ("ge", "siemens", "philips", "canon", "uih")}
    assert set(PROFILES) == expected


def test_no_two_of_them_can_match_one_volume() -> None:
    check(vendors.packaged())


GOLDEN = {
    "ct-canon 1": "432df8e0",
    "ct-ge 1": "fe4b4ec2",
    "ct-philips 1": "1c0432a8",
    "ct-siemens 1": "db000331",
    "ct-uih 1": "b1f04bba",
    "mr-canon 1": "de21696b",
    "mr-ge 1": "1a2a62ed",
    "mr-philips 1": "a3dd6f4c",
    "mr-siemens 1": "0c35c5df",
    "mr-uih 1": "f4581e2d",
}


@pytest.mark.parametrize("name", PROFILES)
def test_another_content_is_another_version(name: str) -> None:
    profile = PROFILES[name]
    content = repr((profile.match, profile.ingest, profile.defaults))
    assert GOLDEN[profile.label] == hashlib.sha256(content.encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_profile_says_has_a_source(name: str) -> None:
    profile = PROFILES[name]
    if profile.ingest.padding:
        assert any(source.startswith("padding: ") for source in profile.sources)
    if profile.ingest.soft_kernels or profile.ingest.sharp_kernels:
        assert any(source.startswith("kernels: ") for source in profile.sources)
    assert not profile.defaults or any(source.startswith("defaults: ") for source in profile.sources)


@pytest.mark.parametrize("name", PROFILES)
def test_kernels_are_terms_and_not_soft_and_sharp_at_once(name: str) -> None:
    ingest = PROFILES[name].ingest
    soft, sharp = (
        [{term for term in KERNELS if fnmatchcase(term, pattern)} for pattern in patterns]
        for patterns in (ingest.soft_kernels, ingest.sharp_kernels)
    )
    assert all(soft)
    assert all(sharp)
    assert not set().union(*soft) & set().union(*sharp)


def test_the_document_lists_each_with_its_version() -> None:
    text = DOCUMENT.read_text()
    for profile in vendors.packaged():
        assert f"| `{profile.name}` {profile.version} |" in text


CONSTRUCTED = [
    ("CT", "GE MEDICAL SYSTEMS", "BONEPLUS", "ct-ge 1", "sharp"),
    ("CT", "GE MEDICAL SYSTEMS", "DETAIL", "ct-ge 1", None),
    ("CT", "Siemens Healthineers", "Br40f\\3", "ct-siemens 1", "soft"),
    ("CT", "SIEMENS", "B70s", "ct-siemens 1", "sharp"),
    ("CT", "SIEMENS", "Hr40f", "ct-siemens 1", None),
    ("CT", "Philips Healthcare", "C", "ct-philips 1", "soft"),
    ("CT", "TOSHIBA", "FC51", "ct-canon 1", "sharp"),
    ("CT", "CANON_MEC", "FC03", "ct-canon 1", "soft"),
    ("CT", "UIH", "B_SOFT_B", "ct-uih 1", None),
    ("MR", "GE MEDICAL SYSTEMS", "", "mr-ge 1", None),
    ("MR", "SIEMENS", "", "mr-siemens 1", None),
    ("MR", "Philips Medical Systems", "", "mr-philips 1", None),
    ("MR", "TOSHIBA_MEC", "", "mr-canon 1", None),
    ("MR", "UIH", "", "mr-uih 1", None),
    ("PT", "GE MEDICAL SYSTEMS", "", None, None),
    ("CT", "Acme Medical Devices", "BONE", None, None),
    ("CT", "", "BONE", None, None),
]


@pytest.mark.parametrize(("modality", "manufacturer", "kernel", "profile", "kind"), CONSTRUCTED)
def test_a_header_finds_its_profile(
    modality: str, manufacturer: str, kernel: str, profile: str | None, kind: str | None
) -> None:
    header = Header(format="dicom", modality=modality, manufacturer=manufacturer, kernel=kernel)
    facts = device(header, modality)
    assert (facts.profile, facts.kernel_class) == (profile, kind)


def test_every_profile_is_found_by_some_header() -> None:
    assert {row[3] for row in CONSTRUCTED} - {None} == {profile.label for profile in vendors.packaged()}


REAL = [
    ("ct-chest-philips-lidc0314", "CT", "ct-philips 1", "sharp"),
    ("ct-liver-dicomseg", "CT", "ct-ge 1", "soft"),
    ("ct-totalseg-siemens-labels", "CT", "ct-siemens 1", "soft"),
    ("dcm_qa_xa30", "MR", "mr-siemens 1", None),
    ("ct-enhanced", "CT", None, None),
]


@pytest.mark.system
@pytest.mark.parametrize(("name", "modality", "profile", "kind"), REAL)
def test_a_real_header_finds_its_profile(
    data: Callable[..., Path], name: str, modality: str, profile: str | None, kind: str | None
) -> None:
    with Child() as child:
        for path in sorted(path for path in data(name).rglob("*") if path.is_file()):
            (found,) = child.headers([str(path)])
            header = found.header
            if header is not None and header.modality == modality:
                facts = device(header, modality)
                assert (facts.profile, facts.kernel_class) == (profile, kind)
                return
    pytest.fail("no such image in the set")


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert PROFILES["ct-uih"].ingest == Ingest()
