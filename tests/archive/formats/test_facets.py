"""What tells single images apart, by the standard's attributes and, behind their creator alone, those of vendors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Facets
from tests.archive import makers
from tests.archive.formats.verdicts import accepted

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", str(ImplicitVRLittleEndian)


def facets(child: Child, folder: Path, syntax: str = EXPLICIT, edit: Any = None, **facts: Any) -> Facets:
    (path,) = makers.ct_series(folder, n=1, syntax=syntax, edit=edit, **({"Modality": "MR"} | facts))
    return accepted(child, path).facets


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_every_standard_facet(tmp_path: Path, child: Child, syntax: str) -> None:
    found = facets(
        child,
        tmp_path,
        syntax,
        StackID="3",
        TemporalPositionIdentifier=4,
        TriggerTime="12.5",
        EchoTime="30.25",
        EchoNumbers=2,
        InversionTime="900",
        DiffusionBValue=1000.0,
        DiffusionGradientOrientation=[0.6, 0.0, -0.8],
        ImageType=["ORIGINAL", "PRIMARY", "P", "ND"],
        AcquisitionNumber=5,
        AcquisitionDate="19700102",
        AcquisitionTime="000001.5",
        InstanceNumber=6,
        KVP=120,
    )
    assert found == Facets(
        stack="3",
        temporal_position=4,
        trigger_ms=12.5,
        echo_ms=30.25,
        echo=2,
        inversion_ms=900.0,
        b_value=1000.0,
        gradient=(0.6, 0.0, -0.8),
        component="P",
        acquisition=5,
        acquired_s=86401.5,
        number=6,
    )


def test_an_image_that_says_nothing(tmp_path: Path, child: Child) -> None:
    assert facets(child, tmp_path, InstanceNumber=None) == Facets()


def test_the_energy_is_of_ct_alone(tmp_path: Path, child: Child) -> None:
    assert facets(child, tmp_path, Modality="CT", KVP=140, InstanceNumber=None) == Facets(energy_kev=140.0)


def test_the_moment_as_one_attribute_beats_the_two(tmp_path: Path, child: Child) -> None:
    found = facets(
        child, tmp_path, AcquisitionDateTime="19700101000002", AcquisitionDate="19700101", AcquisitionTime="000001"
    )
    assert found.acquired_s == 2.0


@pytest.mark.parametrize(
    ("image_type", "component"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND"], "M"),
        (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], "M"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"], "P"),
        (["DERIVED", "PRIMARY", "OTHER", "REAL"], "R"),
        (["DERIVED", "PRIMARY", "IMAGINARY"], "I"),
        (["M", "P", "OTHER"], ""),
    ],
)
def test_components_by_image_type(tmp_path: Path, child: Child, image_type: list[str], component: str) -> None:
    assert facets(child, tmp_path, ImageType=image_type).component == component


Add = Callable[[Dataset], None]


def private(group: int, creator: str, *elements: tuple[int, str, Any], first: int = 0x10) -> Add:
    def add(ds: Dataset) -> None:
        ds.add_new((group << 16) | first, "LO", creator)
        for number, vr, value in elements:
            ds.add_new((group << 16) | (first << 8) | number, vr, value)

    return add


def both(*adds: Add) -> Add:
    def add(ds: Dataset) -> None:
        for one in adds:
            one(ds)

    return add


def _siemens(creator: str = "SIEMENS MR HEADER", first: int = 0x10) -> Add:
    return private(0x0019, creator, (0x0C, "IS", "1000"), (0x0E, "FD", [0.0, 0.6, 0.8]), first=first)


def _ge(values: str, x: str = "0.6", creator: str = "GEMS_PARM_01") -> Add:
    gradient = [(0xBB, "DS", x), (0xBC, "DS", "0"), (0xBD, "DS", "-0.8")]
    return both(private(0x0043, creator, (0x39, "IS", values)), private(0x0019, "GEMS_ACQU_01", *gradient))


_PHILIPS = both(
    private(0x2001, "Philips Imaging DD 001", (0x03, "FL", 800.0)),
    private(0x2005, "Philips MR Imaging DD 001", (0xB0, "FL", 1.0), (0xB1, "FL", 0.0), (0xB2, "FL", 0.0)),
)
_UNITED = private(0x0065, "Image Private Header", (0x09, "FD", 600.0), (0x37, "FD", [0.0, 0.0, 1.0]))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(
    ("add", "b_value", "gradient"),
    [
        (_siemens(), 1000.0, (0.0, 0.6, 0.8)),
        (_siemens(first=0x42), 1000.0, (0.0, 0.6, 0.8)),
        (_siemens("SOMEBODY ELSE"), None, None),
        (_ge("1000\\8\\0\\0"), 1000.0, (0.6, 0.0, -0.8)),
        (_ge("1000000750\\8\\0\\0"), 750.0, (0.6, 0.0, -0.8)),
        (_ge("0\\0\\0\\0"), 0.0, None),
        (_ge("-1\\0\\0\\0"), None, None),
        (_ge("1000\\8\\0\\0", x=""), 1000.0, None),
        (_ge("1000\\8\\0\\0", creator="GEMS_IDEN_01"), None, None),
        (_PHILIPS, 800.0, (1.0, 0.0, 0.0)),
        (private(0x2001, "Philips Imaging DD 001", (0x03, "FL", 3.0e38)), None, None),
        (private(0x2001, "Philips Imaging DD 001", (0x03, "FL", -1.0)), None, None),
        (_UNITED, 600.0, (0.0, 0.0, 1.0)),
        (both(_UNITED, lambda ds: setattr(ds, "DiffusionBValue", 50.0)), 50.0, None),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_diffusion_of_the_vendors(
    tmp_path: Path,
    child: Child,
    add: Add,
    b_value: float | None,
    gradient: tuple[float, ...] | None,
    syntax: str,
) -> None:
    found = facets(child, tmp_path, syntax, lambda _, ds: add(ds))
    assert (found.b_value, found.gradient) == (b_value, gradient)


@pytest.mark.parametrize(("value", "component"), [(0, "M"), (1, "P"), (2, "R"), (3, "I"), (4, "")])
def test_the_component_of_ge(tmp_path: Path, child: Child, value: int, component: str) -> None:
    add = private(0x0043, "GEMS_PARM_01", (0x2F, "SS", value))
    assert facets(child, tmp_path, edit=lambda _, ds: add(ds)).component == component


def test_what_belongs_to_nobody_says_nothing(tmp_path: Path, child: Child) -> None:
    def orphans(_: int, ds: Dataset) -> None:
        ds.add_new(0x0019100C, "IS", "1000")
        ds.add_new(0x00431039, "IS", "1000\\8\\0\\0")
        ds.add_new(0x20011003, "FL", 1000.0)

    assert facets(child, tmp_path, edit=orphans).b_value is None
