"""Siemens' own header inside a DICOM header: (0029,1010) of "SIEMENS CSA HEADER", in its two layouts.

The layouts are not published; they are known from what readers agree on, nibabel's documentation of "Siemens format
DICOM with CSA header" above all.  All numbers are little endian::

    CSA2     "SV10"  4 bytes  |  n_tags  77  |  tags
    CSA1                      |  n_tags  77  |  tags
    a tag    name[64]  vm  vr[4]  syngo_dt  n_items  77 or 205  |  items
    an item  x0  x1  x2  x3  |  text, padded to 4 bytes

An item of CSA2 is x1 bytes long, one of CSA1 x0 less the number of items of the first tag.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from struct import Struct

_COUNT = Struct("<2i")
_TAG = Struct("<i4s3i")
_ITEM = Struct("<4i")

_NAME = 64
_MOST_TAGS = 1000
_MOST_ITEMS = 10_000


def texts(csa: bytes, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The values of these tags, of as many as there are; raises ValueError where the bytes are no such header."""
    return {name: values for name, values in _tags(csa) if name in names}


def _tags(csa: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    is_second = csa[:4] == b"SV10"
    at = 8 if is_second else 0
    (n_tags, _), at = _unpacked(_COUNT, csa, at)
    if not 0 < n_tags <= _MOST_TAGS:
        raise ValueError("not so many tags")
    first = 0
    for n in range(n_tags):
        name, at = _text(csa[at : at + _NAME]), at + _NAME
        (vm, _, _, n_items, check), at = _unpacked(_TAG, csa, at)
        if check not in (77, 205) or not 0 <= n_items <= _MOST_ITEMS:
            raise ValueError("not a tag")
        first = first if n else n_items
        values = []
        for _ in range(n_items):
            sizes, at = _unpacked(_ITEM, csa, at)
            length = sizes[1] if is_second else sizes[0] - first
            if not 0 <= length <= len(csa) - at:
                raise ValueError("an item leaves the header")
            values.append(_text(csa[at : at + length]))
            at += -(-length // 4) * 4
        yield name, tuple(values[: max(vm, 0)] if vm else [value for value in values if value])


def _unpacked(form: Struct, data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    if at + form.size > len(data):
        raise ValueError("the header is cut short")
    return form.unpack_from(data, at), at + form.size


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()
