"""What a PET image says of the activity it shows: units, corrections, dose, body weight, times.

All of it stays in the vault; ``archive/suv.py`` makes one number of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Pet

GE_CREATOR, PHILIPS_CREATOR = "GEMS_PETD_01", "Philips PET Private Group"
"""Who may mean what the private elements mean."""

_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"(\d\d)(\d\d)?(\d\d)?(\.\d{1,6})?")
_DATETIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)")


def pet(facts: Elements) -> Pet:
    """The facts of a PET image, as its data set states them."""
    zone = facts.text(tags.ZONE)
    corrections = facts.texts(tags.CORRECTED_IMAGE)
    injections = facts.items(tags.RADIOPHARMACEUTICAL)
    injection = injections[0] if injections else Elements({})
    is_ge = facts.text(tags.GE_PET_CREATOR) == GE_CREATOR
    is_philips = facts.text(tags.PHILIPS_PET_CREATOR) == PHILIPS_CREATOR
    return Pet(
        units=facts.text(tags.UNITS),
        suv_type=facts.text(tags.SUV_TYPE),
        decay_correction=facts.text(tags.DECAY_CORRECTION),
        attenuation="ATTN" in corrections,
        decay="DECY" in corrections,
        weight_kg=facts.decimal(tags.WEIGHT),
        injections=len(injections),
        dose_bq=injection.decimal(tags.TOTAL_DOSE),
        half_life_s=injection.decimal(tags.HALF_LIFE),
        injected_s=datetime_s(injection.text(tags.START_DATETIME), zone),
        injected_clock_s=time_s(injection.text(tags.START_TIME)),
        series_s=moment_s(facts.text(tags.SERIES_DATE), facts.text(tags.SERIES_TIME)),
        acquired_s=moment_s(facts.text(tags.ACQUISITION_DATE), facts.text(tags.ACQUISITION_TIME)),
        ge_scan_s=datetime_s(facts.text(tags.GE_SCAN), zone) if is_ge else None,
        frame_ms=facts.decimal(tags.FRAME_DURATION),
        frame_reference_ms=facts.decimal(tags.FRAME_REFERENCE),
        philips_suv=facts.decimal(tags.PHILIPS_SUV) if is_philips else None,
        philips_bqml=facts.decimal(tags.PHILIPS_BQML) if is_philips else None,
    )


def time_s(text: str) -> float | None:
    """Seconds since midnight of a DICOM TM (PS3.5 6.2), else None.

    >>> time_s("010203.5"), time_s("25")
    (3723.5, None)
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + seconds + float(found[4] or 0)


def moment_s(date: str, time: str) -> float | None:
    """Seconds since 1970 of a DICOM DA and TM, both stated, by one clock; else None."""
    seconds, day = time_s(time), _day_s(date.strip())
    return None if seconds is None or day is None else day + seconds


@lru_cache(16)
def _day_s(date: str) -> float | None:
    if not _DATE.fullmatch(date):
        return None
    try:
        return datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def datetime_s(text: str, zone: str = "") -> float | None:
    """Seconds since 1970 of a DICOM DT by the clock of ``zone`` (Timezone Offset From UTC), else None.

    A DT that states an offset where the data set states none cannot be compared with its other times.
    """
    found = _DATETIME.fullmatch(text.strip())
    if found is None:
        return None
    moment, own, there = moment_s(found[1], found[2]), _offset(found[3] or zone), _offset(zone)
    if moment is None or own is None or there is None or (found[3] and not zone.strip()):
        return None
    return moment + (there - own).total_seconds()


def _offset(zone: str) -> timedelta | None:
    """Of "+0100"; 0 where nothing is stated, which is then the clock of all."""
    found = _ZONE.fullmatch(zone.strip())
    if found is None:
        return None if zone.strip() else timedelta()
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size
