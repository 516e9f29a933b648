"""What reading one file may cost.  Known before the run, held by the operating system (law L9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.archive.formats.header import Header

MIB = 2**20
GIB = 2**30

_MOST_SIZE = 2**31 - 1

_MOST_VOLUMES = 1 << 16
"""Of one file: each becomes a row and an image of its own.  NIfTI-1 cannot count as far."""

DEFLATE_RATIO = 1032
"""The most bytes that one byte of deflate can stand for (RFC 1951: 258 bytes from two bits)."""


@dataclass(frozen=True)
class Limits:
    """Bounds on the child process that parses a file.

    Attributes
    ----------
    memory_bytes : address space of a child; one that reads large voxels is given more (``memory_for``)
    declared_bytes : most bytes of voxels that one file may declare; more is BOMB_DECLARED, unread
    frames : most frames of which one file may say where each lies; more is BOMB_DECLARED, unread
    seconds_per_file : for one answer, before the time that its bytes may take is added
    bytes_per_second : slowest storage and decoder that are still waited for
    members : most files that one zip or tar may hold
    files_per_child : after so many files a child is replaced, so that no leak of a decoder grows
    """

    memory_bytes: int = 2 * GIB
    declared_bytes: int = 8 * GIB
    frames: int = 1 << 16
    seconds_per_file: float = 30.0
    bytes_per_second: int = 16 * MIB
    files_per_child: int = 10_000
    members: int = 1_000_000

    def allow(self, header: Header) -> bool:
        """Whether a file of so many voxels may be read at all."""
        is_countable = max(header.shape) < _MOST_SIZE and header.volumes <= _MOST_VOLUMES
        return is_countable and header.volumes * decoded(header) <= self.declared_bytes

    def memory_for(self, declared: int) -> int:
        """Address space in bytes for ``declared`` bytes of voxels: the array, a copy, what is read; and the rest."""
        return max(self.memory_bytes, self.memory_bytes // 2 + 3 * declared)

    def seconds_for(self, nbytes: int) -> float:
        """Time in which a file of ``nbytes``, or the decoding to ``nbytes``, must end."""
        return self.seconds_per_file + nbytes / self.bytes_per_second


def bounded(sizes: Sequence[int]) -> tuple[int, int, int]:
    """The last three sizes, none beyond what 32 bits hold; ``Limits.allow`` refuses one that was cut."""
    k, j, i = (max(0, min(size, _MOST_SIZE)) for size in sizes[-3:])
    return k, j, i


def decoded(header: Header) -> int:
    """Bytes of the voxels in memory, where single bits take a byte each."""
    k, j, i = header.shape
    return k * j * i * header.samples * max(1, header.bits_allocated // 8, (header.lut_bits or 0) // 8)


def declared(header: Header) -> int:
    """Bytes of voxels that a header promises, in all its volumes; one bit a voxel is rounded up to whole bytes."""
    k, j, i = header.shape
    return header.volumes * ((k * j * i * header.samples * header.bits_allocated + 7) // 8)
