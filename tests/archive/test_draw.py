"""What the values of a segmentation or a structure set are called outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.sr import _concepts_dict

from pipeline.archive.anatomy import ANATOMY, KINDS
from pipeline.archive.draw import structures
from pipeline.archive.formats.annotation import Annotation, Region
from pipeline.archive.vault import Vault

SECRET = "Jane Doe's lesion"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder: Path = tmp_path_factory.mktemp("draw")
    return Vault.create(folder / "vault")


def names(vault: Vault, *regions: Region) -> list[tuple[str, str | None]]:
    made = structures(Annotation(regions=regions), [r.number for r in regions], vault)
    return [(one.name, one.code) for one in made]


@pytest.mark.parametrize(
    ("region", "name", "code"),
    [
        (Region(1, SECRET, "10200004"), "liver", "10200004"),
        (Region(1, SECRET, "64033007", side="7771000"), "left kidney", "64033007"),
        (Region(1, SECRET, "10200004", side="7771000"), "liver", "10200004"),
        (Region(1, SECRET, "3341006"), "right lung", "3341006"),
        (Region(1, "Lung_L"), "left lung", "44029006"),
        (Region(1, "LEFT LUNG"), "left lung", "44029006"),
        (Region(1, "SpinalCord", kind="ORGAN"), "spinal cord", "2748008"),
        (Region(1, "Body outline", kind="EXTERNAL"), "body", "38266002"),
        (Region(1, SECRET, kind="GTV"), "gross tumor volume", None),
        (Region(1, "ctv"), "clinical target volume", None),
        (Region(1), "region 1", None),
    ],
)
def test_a_code_a_name_a_kind(vault: Vault, region: Region, name: str, code: str | None) -> None:
    assert names(vault, region) == [(name, code)]


@pytest.mark.parametrize("region", [Region(1, SECRET), Region(1, SECRET, "999999"), Region(1, SECRET, kind=SECRET)])
def test_free_text_becomes_a_token(vault: Vault, region: Region) -> None:
    """Nor is a code published that no vocabulary knows: it may be anything."""
    ((name, code),) = names(vault, region)
    assert name.startswith("other-")
    assert len(name) == 14
    assert code is None
    assert names(vault, region._replace(name=SECRET.upper())) == [(name, None)]


def test_equal_names_are_numbered(vault: Vault) -> None:
    regions = [Region(n, code="85756007") for n in (2, 3, 5)]
    assert [name for name, _ in names(vault, *regions)] == ["tissue", "tissue 2", "tissue 3"]
    (last,) = structures(Annotation(regions=tuple(regions)), [5], vault)
    assert (last.value, last.name) == (5, "tissue 3")


def test_a_category_of_the_standard_is_kept(vault: Vault) -> None:
    categories = [Region(1, category="49755003"), Region(2, category="123"), Region(3)]
    made = structures(Annotation(regions=tuple(categories)), [1, 2, 3], vault)
    assert [one.category for one in made] == ["49755003", "91723000", "91723000"]


def test_codes_are_those_of_the_standard() -> None:
    """pydicom's dictionaries are made from PS3.16; concepts of one side are not in it."""
    meanings: dict[str, set[str]] = {}
    for codes in _concepts_dict.concepts["SCT"].values():
        for code, (meaning, *_) in codes.items():
            meanings.setdefault(code, set()).add(meaning)
    for name, (code, meaning, _) in ANATOMY.items():
        if code is not None and name not in ("left lung", "right lung"):
            assert meaning in meanings[code], name


def test_kinds_are_terms() -> None:
    assert set(KINDS.values()) <= set(ANATOMY)
