"""From PET headers to one factor, by the formula in plain floats; refused where it would be a guess."""

from __future__ import annotations

import json
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Header, Pet
from pipeline.archive.formats.pet import datetime_s, moment_s, time_s
from pipeline.archive.scan import scan
from pipeline.archive.suv import suv
from pipeline.archive.vault import Vault
from pipeline.reasons import Reason
from tests.archive import makers

F18 = 6586.2
NOON = 12 * 3600.0
DAY = 1_000_000_000 // 86400 * 86400.0
PET = Pet(
    units="BQML",
    decay_correction="START",
    attenuation=True,
    decay=True,
    weight_kg=70.0,
    injections=1,
    dose_bq=3.7e8,
    half_life_s=F18,
    injected_s=DAY + NOON,
    injected_clock_s=NOON,
    series_s=DAY + NOON + 3600,
    acquired_s=DAY + NOON + 3700,
    frame_ms=180_000.0,
    frame_reference_ms=0.0,
)


def factor(*pets: Pet) -> float | Reason | None:
    found = suv([Header(format="dicom", modality="PT", pet=pet) for pet in pets])
    assert (found.factor is None) != (found.reason is None)
    return found.factor or found.reason


def expected(elapsed: float, weight: float = 70.0, dose: float = 3.7e8, half_life: float = F18) -> Any:
    return pytest.approx(weight * 1000 / (dose * 2 ** (-elapsed / half_life)), rel=2e-7)


@given(st.floats(1, 200), st.floats(1e6, 1e9), st.floats(0, 5 * F18))
def test_start_decays_the_dose_to_the_start_of_the_series(weight: float, dose: float, elapsed: float) -> None:
    pet = PET._replace(weight_kg=weight, dose_bq=dose, series_s=DAY + NOON + elapsed, acquired_s=DAY + NOON + elapsed)
    assert factor(pet) == expected(elapsed, weight, dose)


def test_admin_decays_nothing_and_needs_no_times() -> None:
    none = dict.fromkeys(("injected_s", "injected_clock_s", "series_s", "acquired_s"))
    assert factor(PET._replace(decay_correction="ADMIN", **none)) == expected(0)


def test_none_decays_to_the_mean_of_the_frame() -> None:
    pet = PET._replace(decay_correction="NONE", decay=False, frame_ms=1_200_000.0)
    rate, t = log(2) / F18, np.linspace(0, 1200, 100_001)
    mean = np.trapezoid(np.exp(-rate * t), t) / 1200  # what the counts of a frame are the mean of
    at = -log(mean) / rate
    assert factor(pet) == expected(3700 + at)
    assert exp(-rate * at) == pytest.approx(mean)
    later = pet._replace(acquired_s=PET.acquired_s + 180)
    assert factor(pet, pet) == factor(pet)
    assert factor(pet, later) is Reason.SUV_MIXED
    assert factor(pet._replace(frame_ms=None)) is Reason.SUV_TIMES


def test_a_series_stamped_later_than_its_images_began_when_they_did() -> None:
    stamped = PET._replace(series_s=DAY + NOON + 9000)
    beds = [stamped._replace(acquired_s=DAY + NOON + s) for s in (3880, 3700, 4060)]
    assert factor(*beds) == expected(3700)
    between = [bed._replace(series_s=DAY + NOON + 3800) for bed in beds]
    assert factor(*between) == expected(3700)
    assert factor(*(bed._replace(ge_scan_s=DAY + NOON + 3650) for bed in beds)) == expected(3650)
    rate = log(2) / F18
    middle = log(rate * 180 / (1 - exp(-rate * 180))) / rate
    timed = [bed._replace(frame_reference_ms=100_000 + n * 180_000) for n, bed in zip((1, 0, 2), beds, strict=True)]
    assert factor(*timed) == expected(3700 + middle - 100)
    assert factor(*beds, stamped._replace(acquired_s=None)) is Reason.SUV_TIMES


def test_the_clock_is_believed_where_the_day_cannot_be_meant() -> None:
    shifted = PET._replace(injected_s=PET.injected_s + 86400)  # after the scan
    assert factor(shifted) == expected(3600)
    assert factor(PET._replace(injected_s=None)) == expected(3600)
    night = PET._replace(injected_s=None, injected_clock_s=86000.0, series_s=DAY + 3200, acquired_s=DAY + 3200)
    assert factor(night) == expected(3600)
    assert factor(PET._replace(injected_clock_s=None)) == expected(3600)


@pytest.mark.parametrize(
    "change",
    [
        {"injected_s": None, "injected_clock_s": None},
        {"injected_clock_s": NOON + 60},  # two clocks of one injection
        {"injected_s": None, "injected_clock_s": NOON + 3900},  # after the scan: a clock that is wrong
        {"injected_s": None, "half_life_s": 282_240.0},  # zirconium-89: on which day?
        {"injected_s": PET.injected_s - 86400, "injected_clock_s": NOON, "half_life_s": 68.0},
        {"series_s": None, "acquired_s": None},
    ],
)
def test_times_that_contradict_each_other_are_refused(change: dict[str, Any]) -> None:
    assert factor(PET._replace(**change)) is Reason.SUV_TIMES


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units": "CNTS"}, Reason.SUV_UNITS),
        ({"units": "CM2"}, Reason.SUV_UNITS),
        ({"units": "GML", "suv_type": "LBM"}, Reason.SUV_UNITS),
        ({"attenuation": False}, Reason.SUV_UNCORRECTED),
        ({"decay": False}, Reason.SUV_UNCORRECTED),
        ({"decay_correction": "NONE"}, Reason.SUV_UNCORRECTED),
        ({"decay_correction": ""}, Reason.SUV_UNCORRECTED),
        ({"weight_kg": None}, Reason.SUV_INCOMPLETE),
        ({"weight_kg": 0.0}, Reason.SUV_INCOMPLETE),
        ({"dose_bq": None}, Reason.SUV_INCOMPLETE),
        ({"dose_bq": 370.0}, Reason.SUV_INCOMPLETE),  # in MBq
        ({"half_life_s": 0.0}, Reason.SUV_INCOMPLETE),
        ({"injections": 0, "dose_bq": None, "half_life_s": None}, Reason.SUV_INCOMPLETE),
        ({"injections": 2}, Reason.SUV_MIXED),
    ],
)
def test_what_would_be_a_guess_is_refused(change: dict[str, Any], reason: Reason) -> None:
    assert factor(PET._replace(**change)) is reason


def test_units_that_are_uptake_already_and_philips_counts() -> None:
    for suv_type in ("", "BW"):
        assert factor(Pet(units="GML", suv_type=suv_type, attenuation=True)) == 1.0
    counts = PET._replace(units="CNTS")
    assert factor(counts._replace(philips_suv=0.0004)) == pytest.approx(0.0004, rel=1e-7)
    assert factor(counts._replace(philips_bqml=1.5)) == pytest.approx(1.5 * float(factor(PET)), rel=2e-7)  # type: ignore[arg-type]
    assert factor(counts._replace(philips_suv=0.0004, decay=False)) is Reason.SUV_UNCORRECTED


def test_images_that_differ_and_images_that_are_no_pet() -> None:
    assert factor(PET, PET._replace(weight_kg=71.0)) is Reason.SUV_MIXED
    assert suv([Header(format="dicom", modality="CT")]).reason is Reason.SUV_NOT_PET
    assert suv([]).reason is Reason.SUV_NOT_PET


def test_clocks() -> None:
    assert time_s("12") == NOON
    assert time_s("120030.25") == NOON + 30.25
    assert moment_s("20010909", "0146") == 999_999_960
    assert datetime_s("20010909014640.5") == 1_000_000_000.5
    assert datetime_s("20010909014640+0000", "+0200") == 1_000_007_200
    assert datetime_s("20010909034640+0200", "+0200") == datetime_s("20010909034640", "+0200") == 1_000_007_200
    for text in ("", "20010909", "20011309014640", "20010909014640+0000", "20010909256000"):
        assert datetime_s(text) is None
    assert moment_s("2001.09.09", "01") is None
    assert time_s("1:30") is None


def injection(**overrides: Any) -> Sequence:
    item = Dataset()
    facts = {"RadiopharmaceuticalStartTime": "120000", "RadionuclideTotalDose": 3.7e8, "RadionuclideHalfLife": F18}
    for keyword, value in (facts | overrides).items():
        setattr(item, keyword, value)
    return Sequence([item])


def pet_series(folder: Path, **overrides: Any) -> None:
    def edit(k: int, ds: Dataset) -> None:
        if "RescaleSlope" not in overrides:
            ds.RescaleSlope = 0.5 + 0.25 * k  # per slice, as PET is
        ds.RadiopharmaceuticalInformationSequence[0].is_undefined_length_sequence_item = bool(k % 2)
        ds["RadiopharmaceuticalInformationSequence"].is_undefined_length = bool(k % 2)

    facts = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "Modality": "PT",
        "RescaleType": None,
        "Units": "BQML",
        "CorrectedImage": ["NORM", "ATTN", "DECY"],
        "DecayCorrection": "START",
        "PatientWeight": 81.5,
        "SeriesDate": "20210304",
        "SeriesTime": "130000.00",
        "AcquisitionDate": "20210304",
        "AcquisitionTime": "130005",
        "RadiopharmaceuticalInformationSequence": injection(),
    }
    makers.ct_series(folder, n=4, intercept=0, edit=edit, **(facts | overrides))


def converted(folder: Path, vault: Vault) -> Converted:
    (row,) = scan([folder], vault).series.to_pylist()
    with Child() as child:
        return convert(vault, row["volume_id"], row["edition"], child)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_from_files_to_facts_and_nothing_else_leaves(tmp_path: Path, syntax: str) -> None:
    pet_series(tmp_path / "src", syntax=syntax)
    made = converted(tmp_path / "src", Vault.create(tmp_path / "vault"))
    assert made.facts.suv_factor == expected(3600, weight=81.5)
    assert (made.facts.suv_refusal, made.facts.units) == (None, "BQML")
    told = json.dumps([vars(made.facts), made.series_id])
    assert not any(secret in told for secret in ("81.5", "370000000", "3.7e8", "6586", "20210304", "1300"))


def test_private_elements_count_where_their_maker_put_them(tmp_path: Path) -> None:
    def private(folder: Path, creator: str) -> Converted:
        def edit(k: int, ds: Dataset) -> None:
            ds.private_block(0x7053, creator, create=True).add_new(0x00, "DS", "0.00042")

        sequence = injection()
        makers.ct_series(
            folder,
            n=3,
            intercept=0,
            edit=edit,
            Modality="PT",
            Units="CNTS",
            CorrectedImage=["ATTN", "DECY"],
            DecayCorrection="START",
            RadiopharmaceuticalInformationSequence=sequence,
        )
        return converted(folder, Vault.create(folder.parent / f"{folder.name}-vault"))

    assert private(tmp_path / "a", "Philips PET Private Group").facts.suv_factor == pytest.approx(0.00042, rel=1e-7)
    assert private(tmp_path / "b", "ACME").facts.suv_refusal == Reason.SUV_UNITS


def test_a_ct_says_why_it_has_none(tmp_path: Path) -> None:
    makers.ct_series(tmp_path / "src", n=3)
    facts = converted(tmp_path / "src", Vault.create(tmp_path / "vault")).facts
    assert (facts.suv_factor, facts.suv_refusal) == (None, Reason.SUV_NOT_PET)


@pytest.mark.parametrize("value", [b"", b"\xfe\xff\x00\xe0\xff", b"\x00" * 9, b"text"])
def test_a_damaged_sequence_has_no_items(value: bytes) -> None:
    raw = RawDataElement(Tag(0x00540016), "SQ", len(value), value, 0, False, True)
    assert [item.raw for item in Elements({0x00540016: raw}).items(0x00540016) if item.raw] == []
