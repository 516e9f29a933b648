"""Raw DICOM elements to plain values; what cannot be understood is None, never an exception."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from struct import unpack

import numpy as np
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

_CHARACTER_SET = 0x00080005
_ENCODINGS = frozenset(python_encoding.values())
_DELIMITERS = {0x5C, 0x5E, 0x3D, 0x0D, 0x0A, 0x09, 0x0C}
"""Characters that reset a code extension: DICOM PS3.5 6.1.2.5.3."""


@dataclass(frozen=True)
class Elements:
    """Values of a data set that pydicom has cut into elements but not converted, by tag.

    Conversion by hand keeps each decimal string at the nearest float64, costs a tenth of pydicom's, and
    prints no warning that holds a value.
    """

    raw: Mapping[int, object]

    @classmethod
    def of(cls, dataset: Dataset) -> Elements:
        """The top level of a data set."""
        return cls({int(tag): element for tag, element in dataset.items()})

    def __contains__(self, tag: int) -> bool:
        return tag in self.raw

    def value(self, tag: int) -> bytes:
        """The value as it stands; b"" where it is absent."""
        return self._bytes(tag)

    def text(self, tag: int) -> str:
        """The whole value without padding; "" where it is absent."""
        value = self._bytes(tag)
        if not value:
            return ""
        if value.isascii():
            return value.decode("ascii").strip(" \0")
        return decode_bytes(value, self._encodings(), _DELIMITERS).strip(" \0")

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values of a multi-valued text."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def decimals(self, tag: int, count: int) -> tuple[float, ...] | None:
        """Exactly ``count`` finite numbers of a decimal or integer string, else None."""
        value = self._bytes(tag)
        if not value:
            return None
        parts = value.rstrip(b" \0").split(b"\\")
        if len(parts) != count:
            return None
        try:
            # float() takes bytes, and reads "nan", "inf" and "1_0" as well: the last two tests are for those.
            numbers = tuple(map(float, parts))
        except ValueError:
            return None
        return numbers if all(map(math.isfinite, numbers)) and b"_" not in value else None

    def decimal(self, tag: int) -> float | None:
        """One finite number, else None."""
        numbers = self.decimals(tag, 1)
        return numbers[0] if numbers else None

    def first_decimal(self, tag: int) -> float | None:
        """The first of one or more numbers, else None."""
        numbers = self.decimals(tag, self._bytes(tag).count(b"\\") + 1)
        return numbers[0] if numbers else None

    def whole(self, tag: int) -> int | None:
        """An integer string, else None."""
        number = self.decimal(tag)
        return int(number) if number is not None and number.is_integer() else None

    def binary(self, tag: int, signed: bool = False) -> int | None:
        """A binary integer (US, SS, UL, SL; the first where there are several), else None."""
        raw, value = self._raw(tag), self._bytes(tag)
        width = 4 if raw is not None and raw.VR in ("UL", "SL") else 2
        if raw is None or len(value) < width:
            return None
        return int.from_bytes(value[:width], "little" if raw.is_little_endian else "big", signed=signed)

    def numbers(self, tag: int, count: int) -> tuple[float, ...] | None:
        """Exactly ``count`` finite numbers, binary (FL, FD) or decimal; which, its length tells where no VR does."""
        raw, value = self._raw(tag), self._bytes(tag)
        if raw is None or raw.VR in ("DS", "IS"):
            return self.decimals(tag, count)
        code = {4 * count: "f", 8 * count: "d"}.get(len(value))
        if code is None:
            return None
        numbers = unpack(f"{'<' if raw.is_little_endian else '>'}{count}{code}", value)
        return numbers if all(map(math.isfinite, numbers)) else None

    def number(self, tag: int) -> float | None:
        """One finite number, binary or decimal, else None."""
        numbers = self.numbers(tag, 1)
        return numbers[0] if numbers else None

    def first_number(self, tag: int) -> float | None:
        """The first of one or more doubles (FD), else None."""
        numbers = self.numbers(tag, len(self._bytes(tag)) // 8)
        return numbers[0] if numbers else None

    def count(self, tag: int) -> int | None:
        """One unsigned integer of 16 or 32 bits (US, UL), else None."""
        raw, value = self._raw(tag), self._bytes(tag)
        if raw is None or len(value) not in (2, 4):
            return None
        return int.from_bytes(value, "little" if raw.is_little_endian else "big")

    def counts(self, tag: int) -> tuple[int, ...]:
        """Unsigned integers of 16 bits (US); none where it is absent."""
        raw, value = self._raw(tag), self._bytes(tag)
        if raw is None or len(value) % 2:
            return ()
        return unpack(f"{'<' if raw.is_little_endian else '>'}{len(value) // 2}H", value)

    def item(self, tag: int) -> Elements | None:
        """The first item of a sequence, None where there is none."""
        items = self.items(tag)
        return items[0] if items else None

    def items(self, tag: int) -> list[Elements]:
        """The items of a sequence; none where it is absent or damaged."""
        element = self.raw.get(tag)
        if isinstance(element, list):
            return element
        if isinstance(element, RawDataElement):
            # A sequence of stated length: pydicom raises whatever it meets in it.
            with suppress(Exception):
                element = convert_raw_data_element(element)
        value = getattr(element, "value", None)
        return [Elements.of(item) for item in value] if isinstance(value, Sequence) else []

    def array(self, tag: int, dtype: str) -> np.ndarray:
        """The binary numbers of a value, of any NumPy type, in native byte order; none where it is absent."""
        raw, value = self._raw(tag), self._bytes(tag)
        little = raw is None or raw.is_little_endian
        stored = np.dtype(dtype).newbyteorder("<" if little else ">")
        return np.frombuffer(value, stored, len(value) // stored.itemsize).astype(dtype)

    def _raw(self, tag: int) -> RawDataElement | None:
        element = self.raw.get(tag)
        return element if isinstance(element, RawDataElement) else None

    def _bytes(self, tag: int) -> bytes:
        element = self.raw.get(tag)
        if element is None:
            return b""
        value = element.value if isinstance(element, RawDataElement) else None
        return value if isinstance(value, bytes) else b""

    def _encodings(self) -> list[str]:
        # pydicom has converted this one: it needs it itself.
        value = getattr(self.raw.get(_CHARACTER_SET), "value", None) or ""
        names = value.decode("ascii", "replace").split("\\") if isinstance(value, bytes) else value
        try:
            found = convert_encodings([names] if isinstance(names, str) else [str(name) for name in names])
        except (LookupError, ValueError):
            return ["iso8859"]
        # pydicom also takes what Python alone knows (utf-7, idna ...), and some of that decodes to lone surrogates.
        return found if _ENCODINGS.issuperset(found) else ["iso8859"]
