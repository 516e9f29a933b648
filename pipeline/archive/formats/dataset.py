"""The elements of a DICOM data set, one after another: what is wanted of them is read, the rest skipped.

DICOM PS3.5 7.1 (elements), 7.5 (sequences), A.1 .. A.5 (transfer syntaxes), PS3.10 7.1 (file meta information).  No
depth of nesting costs more than its bytes: what is not wanted is skipped in one loop.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from io import BufferedReader, BytesIO
from struct import Struct
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from pydicom.dataelem import RawDataElement

from pipeline.archive.formats.damage import UNDEFINED
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.syntax import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

Wanted: TypeAlias = "Mapping[int, Wanted | None]"
"""Tags to read: with None their value, with a mapping the items of a sequence, and of those the same."""

Private: TypeAlias = Mapping[tuple[int, str], Wanted]
"""(group, private creator): what is wanted of its elements, numbered as if its block were 10."""

_SYNTAX, _SOP_CLASS = 0x00020010, 0x00020002
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS = 0xFFFE

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length takes 32 bits: DICOM PS3.5 7.1.2."""
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_HEADS = {
    little: [Struct(order + form).unpack_from for form in ("HH2sH", "HHL", "L")]
    for little, order in ((1, "<"), (0, ">"))
}


Element = tuple[int, bytes, int]
"""Tag, VR (b"" where none is written) and length of an element whose value has not been read yet."""


class _End(EOFError):
    """The file ends between two elements."""


class Reader:
    """Reads elements from where an open file stands.

    Every method raises EOFError where the file ends within what it reads, and Quarantine(UNREADABLE) where items
    and sequences do not end where they say.
    """

    def __init__(self, file: BinaryIO, *, implicit: bool, little: bool) -> None:
        self.file = file
        self.implicit = implicit
        self.little = little
        self._explicit_at, self._implicit_at, self._long_at = _HEADS[little]

    def top(self, wanted: Wanted, private: Private, until: Collection[int], found: dict[int, object]) -> Element | None:
        """Read into ``found`` up to the first element of ``until``, which is returned; None at the end of the file."""
        known = dict(wanted)
        names: dict[int, int] = {}
        while True:
            self._leap(known, names, until, found)
            try:
                tag, vr, length = element = self.element()
            except _End:
                return None
            if tag in known:
                found[names.get(tag, tag)] = self._read(element, known[tag])
            elif tag in until:
                return element
            elif tag & 0x1FF00 == 0x10000:
                # A private creator: (odd group, 0010 .. 00FF) reserves a block of 256 elements, PS3.5 7.8.1.
                creator = self._value(vr, length).decode("latin-1").strip(" \0")
                for name, below in private.get((tag >> 16, creator), {}).items():
                    here = (tag & 0xFFFF0000) | (tag & 0xFF) << 8 | (name & 0xFF)
                    names[here], known[here] = name, below
            else:
                self._skip(vr, length)

    def _leap(
        self,
        known: Mapping[int, Wanted | None],
        names: Mapping[int, int],
        until: Collection[int],
        found: dict[int, object],
    ) -> None:
        """As ``top``, through what the file has in its buffer, up to the first element that needs more than its bytes.

        Such are those of ``until``, private creators, wanted sequences, and what does not end within the buffer.
        """
        if not isinstance(self.file, BufferedReader):
            return
        data, at = self.file.peek(), 0
        size, implicit, vr = len(data), self.implicit, b""
        while at + 12 <= size:
            value = at + 8
            if implicit:
                group, number, length = self._implicit_at(data, at)
            else:
                group, number, vr, length = self._explicit_at(data, at)
                if vr in _LONG:
                    value = at + 12
                    length = self._long_at(data, at + 8)[0]
                elif vr not in _SHORT:
                    break
            end, tag = value + length, group << 16 | number
            if end > size or group == _DELIMITERS:
                break
            if tag in known:
                if known[tag] is not None:
                    break
                found[names.get(tag, tag)] = self._raw(tag, vr, data[value:end])
            elif tag in until or tag & 0x1FF00 == 0x10000:
                break
            at = end
        self.file.seek(at, 1)

    def items(self, sequence: Element, wanted: Wanted) -> Iterator[Elements]:
        """The items of a sequence, one at a time; take all of them before anything else is read."""
        _, vr, length = sequence
        inner, end = self._inside(vr), self._end(length)
        while end is None or self.file.tell() < end:
            tag, _, length = inner.element()
            if tag == _SEQUENCE_END and end is None:
                return
            if tag != _ITEM:
                raise Quarantine(Reason.UNREADABLE)
            yield inner._item(length, wanted)
        if self.file.tell() != end:
            raise Quarantine(Reason.UNREADABLE)

    def element(self) -> Element:
        """The next one; its value is still to be read or skipped."""
        head = self.file.read(8)
        if len(head) < 8:
            raise EOFError if head else _End
        if self.implicit:
            group, number, length = self._implicit_at(head)
            return group << 16 | number, b"", length
        group, number, vr, length = self._explicit_at(head)
        if vr in _SHORT:
            return group << 16 | number, vr, length
        if vr in _LONG and group != _DELIMITERS:
            more = self.file.read(4)
            if len(more) < 4:
                raise EOFError
            return group << 16 | number, vr, self._long_at(more)[0]
        if group == _DELIMITERS or not (b"AA" <= vr <= b"ZZ"):
            # Items have no VR; and some writers fall into implicit VR in the middle of a data set.
            return group << 16 | number, b"", self._implicit_at(head)[2]
        return group << 16 | number, vr, length

    def before(self, element: Element) -> bytes:
        """The bytes of an element that was just met: tag, VR, length."""
        here, count = self.file.tell(), 12 if element[1] in _LONG else 8
        self.file.seek(here - count)
        return self.file.read(count)

    def size(self) -> int:
        """Bytes of the file."""
        here = self.file.tell()
        size = self.file.seek(0, 2)
        self.file.seek(here)
        return size

    def at_end(self) -> bool:
        """Whether it stands where the file ends, not beyond: there it was left by a value that is cut short."""
        return self.file.tell() == self.size()

    def _item(self, length: int, wanted: Wanted) -> Elements:
        end, tell = self._end(length), self.file.tell
        found: dict[int, object] = {}
        while end is None or tell() < end:
            tag, vr, length = element = self.element()
            if tag in wanted:
                found[tag] = self._read(element, wanted[tag])
            elif tag == _ITEM_END and end is None:
                return Elements(found)
            else:
                self._skip(vr, length)
        if tell() != end:
            raise Quarantine(Reason.UNREADABLE)
        return Elements(found)

    def _read(self, element: Element, below: Wanted | None) -> object:
        if below is not None:
            return list(self.items(element, below))
        tag, vr, length = element
        return self._raw(tag, vr, self._value(vr, length))

    def _raw(self, tag: int, vr: bytes, value: bytes) -> RawDataElement:
        # Nobody asks for its tag: a BaseTag would cost as much as all the rest.
        name = vr.decode("latin-1") if vr else None
        untyped: Any = tag
        return RawDataElement(untyped, name, len(value), value, 0, self.implicit, self.little)

    def _value(self, vr: bytes, length: int) -> bytes:
        if length == UNDEFINED:
            self._skip(vr, length)
            return b""
        value = self.file.read(length)
        if len(value) < length:
            raise EOFError
        return value

    def _skip(self, vr: bytes, length: int) -> None:
        seek = self.file.seek
        if length != UNDEFINED:
            seek(length, 1)
            return
        element, depth = self._inside(vr).element, 1
        while depth:
            tag, _, length = element()
            if tag in (_ITEM_END, _SEQUENCE_END):
                depth -= 1
            elif length == UNDEFINED:
                depth += 1
            else:
                seek(length, 1)

    def _inside(self, vr: bytes) -> Reader:
        """For the items of a sequence: one that became UN on its way is written in implicit VR, PS3.5 6.2.2."""
        return self if vr != b"UN" else Reader(self.file, implicit=True, little=True)

    def _end(self, length: int) -> int | None:
        return None if length == UNDEFINED else self.file.tell() + length


class Meta(NamedTuple):
    """What the file meta information says; where it names no syntax, the one that the data set is written in."""

    transfer_syntax: str
    sop_class: str


def begin(file: BinaryIO, most: int) -> tuple[Meta, Reader]:
    """The file meta information, and a reader that stands at the first element of the data set.

    A deflated data set is inflated in memory first: MemoryError where it is of more than ``most`` bytes.
    Raises EOFError and zlib.error.
    """
    file.seek(0)
    if file.read(132)[128:] != b"DICM":
        file.seek(0)
    meta = Reader(file, implicit=False, little=True)
    found: dict[int, object] = {}
    while True:
        start = file.tell()
        head = file.read(8)
        file.seek(start)
        if len(head) < 8:
            raise EOFError
        if head[:2] != b"\x02\0":
            break
        tag, vr, length = element = meta.element()
        if tag in (_SYNTAX, _SOP_CLASS):
            found[tag] = meta._read(element, None)
        else:
            meta._skip(vr, length)
    facts = Elements(found)
    stated = facts.text(_SYNTAX)
    syntax = stated or _guessed(head)
    if syntax == DEFLATED:
        file = BytesIO(_inflated(file, most))
    reader = Reader(file, implicit=syntax == IMPLICIT_LITTLE, little=syntax != EXPLICIT_BIG)
    return Meta(syntax, facts.text(_SOP_CLASS)), reader


def _guessed(head: bytes) -> str:
    """How a data set without file meta information is written, by its first element."""
    if head[4:6] not in _SHORT | _LONG:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if head[:1] == b"\0" else EXPLICIT_LITTLE


def _inflated(file: BinaryIO, most: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(file.read(), most + 1)
    if len(data) > most:
        raise MemoryError
    return data
