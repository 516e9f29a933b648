"""One number that turns the intensities of a PET series into uptake values by body weight, in g/ml.

::

    SUVbw = activity [Bq/ml] * body weight [g] / dose [Bq], decayed to the moment that the activity is corrected to

The rules are those of QIBA's "Vendor-neutral pseudo-code for SUV calculation", and refuse where that would guess.
Weight, dose and times stay in the vault; their quotient says none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

import numpy as np

from pipeline.archive.formats.header import Header
from pipeline.archive.formats.pet import Pet
from pipeline.reasons import Reason

WEIGHTS_KG, DOSES_BQ = (1e-3, 1e3), (1e4, 1e12)
"""What is believed: from a mouse to a horse; a dose below is one in MBq, above in nothing that is injected."""

HALF_LIVES = 10
"""Between injection and scan, at most: then a thousandth is left."""

DAY_S = 86400

SAME_S = 1.0
"""Clocks that differ by no more say the same."""

_SHARED = (
    *("units", "suv_type", "decay_correction", "attenuation", "decay", "weight_kg", "injections", "dose_bq"),
    *("half_life_s", "injected_s", "injected_clock_s", "philips_suv", "philips_bqml"),
)


class Suv(NamedTuple):
    """The factor, in float32, or the reason why there is none."""

    factor: float | None = None
    reason: Reason | None = None


def suv(headers: Sequence[Header]) -> Suv:
    """Of the images of one series, in any order."""
    images = [h.pet for h in headers if h.pet is not None]
    if not images or len(images) < len(headers):
        return Suv(reason=Reason.SUV_NOT_PET)
    # Decimal numbers: the same last digit everywhere, which powers and logarithms of a float do not promise.
    with localcontext(Context(prec=30)):
        found = _factor(images)
    return Suv(reason=found) if isinstance(found, Reason) else Suv(float(np.float32(found)))


def _factor(images: Sequence[Pet]) -> Decimal | Reason:
    pet = images[0]
    if len({tuple(getattr(image, name) for name in _SHARED) for image in images}) > 1 or pet.injections > 1:
        return Reason.SUV_MIXED
    if not pet.attenuation:
        return Reason.SUV_UNCORRECTED
    if pet.units == "GML":  # by body weight unless it says otherwise: C.8.9.1.1.3 and Suv Type
        return Decimal(1) if pet.suv_type in ("", "BW") else Reason.SUV_UNITS
    if pet.units == "CNTS" and _above_0(pet.philips_suv):
        return Decimal(pet.philips_suv or 0) if pet.decay else Reason.SUV_UNCORRECTED
    to_bqml = 1.0 if pet.units == "BQML" else pet.philips_bqml if pet.units == "CNTS" else None
    if to_bqml is None or not to_bqml > 0:
        return Reason.SUV_UNITS
    weight, dose, half_life = pet.weight_kg, pet.dose_bq, pet.half_life_s
    if weight is None or dose is None or half_life is None or not half_life > 0:
        return Reason.SUV_INCOMPLETE
    if not (WEIGHTS_KG[0] <= weight <= WEIGHTS_KG[1] and DOSES_BQ[0] <= dose <= DOSES_BQ[1]):
        return Reason.SUV_INCOMPLETE
    elapsed = _elapsed(images, Decimal(half_life))
    if isinstance(elapsed, Reason):
        return elapsed
    left = Decimal(dose) * Decimal(2) ** (-elapsed / Decimal(half_life))
    return Decimal(to_bqml) * Decimal(weight) * 1000 / left


def _elapsed(images: Sequence[Pet], half_life: Decimal) -> Decimal | Reason:
    """Seconds of decay between the injection and the moment that the activity is corrected to."""
    pet = images[0]
    match (pet.decay_correction, pet.decay):
        case ("ADMIN", True):
            return Decimal(0)
        case ("START", True):
            moment = _scan_start(images, half_life)
        case ("NONE", False):  # every image shows the activity of its own time
            moments = [_middle(image, half_life) for image in images]
            known = [m for m in moments if m is not None]
            if len(known) == len(moments) and max(known) - min(known) > SAME_S:
                return Reason.SUV_MIXED
            moment = known[0] if len(known) == len(moments) else None
        case _:
            return Reason.SUV_UNCORRECTED
    return Reason.SUV_TIMES if moment is None else _since_injection(pet, moment, HALF_LIVES * half_life)


def _since_injection(pet: Pet, moment: Decimal, most: Decimal) -> Decimal | Reason:
    """By date and time where that can be; else by the clock alone, where one day only can be meant.

    De-identification shifts some dates and not others, and leaves the clock.
    """
    day, clock = pet.injected_s, pet.injected_clock_s
    if day is not None:
        if clock is not None and SAME_S < (day - clock) % DAY_S < DAY_S - SAME_S:
            return Reason.SUV_TIMES
        if 0 <= moment - Decimal(day) <= most:
            return moment - Decimal(day)
        clock = day
    if clock is None or most >= DAY_S:
        return Reason.SUV_TIMES
    elapsed = ((moment - Decimal(clock)) % DAY_S + DAY_S) % DAY_S  # the remainder of a Decimal keeps its sign
    return elapsed if elapsed <= most else Reason.SUV_TIMES


def _scan_start(images: Sequence[Pet], half_life: Decimal) -> Decimal | None:
    """When the scan began: that of the series, where it is not after the first image; else as can be found."""
    acquired = [image.acquired_s for image in images if image.acquired_s is not None]
    if len(acquired) < len(images):
        return None
    first = images[acquired.index(min(acquired))]
    if first.series_s is not None and first.series_s <= min(acquired):
        return Decimal(first.series_s)
    if first.ge_scan_s is not None:
        return Decimal(first.ge_scan_s)
    middle = _middle(first, half_life)
    if middle is not None and _above_0(first.frame_reference_ms):
        return middle - Decimal(first.frame_reference_ms or 0) / 1000
    return Decimal(min(acquired))


def _middle(image: Pet, half_life: Decimal) -> Decimal | None:
    """When the count rate was the mean of the frame: ln(x / (1 - e^-x)) / rate after its start, x = rate * duration."""
    if image.acquired_s is None or not _above_0(image.frame_ms):
        return None
    rate = Decimal(2).ln() / half_life
    x = rate * Decimal(image.frame_ms or 0) / 1000
    return Decimal(image.acquired_s) + (x / (1 - (-x).exp())).ln() / rate


def _above_0(number: float | None) -> bool:
    return number is not None and number > 0
