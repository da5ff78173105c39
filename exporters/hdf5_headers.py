"""Object headers of an HDF5 file, followed here before the HDF5 library follows them.

A header is a chain of blocks: a continuation message in one names the next. The library does not notice that a block is
its own continuation, and reads for ever. HDF5 file format specification, section IV.A.1.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["HeaderError", "check_header", "root_address"]

CONTINUATION = 0x10
PREFIX_1 = struct.Struct("<BxHII4x")
MESSAGE_1 = struct.Struct("<HHB3x")
PLACE = struct.Struct("<QQ")
TIMES, PHASES, ORDERED, SIZE_BITS = 0x20, 0x10, 0x04, 0x03
CHECKSUM_BYTES = 4


class HeaderError(ValueError):
    """A header does not hold together."""


def root_address(handle: BinaryIO) -> int:
    """Return where the header of the root group stands; `check_addresses` has passed."""
    handle.seek(0)
    start = handle.read(96)
    version = start[8]
    place = 56 + 8 + 4 * (version == 1) if version < 2 else 36
    return int.from_bytes(start[place : place + 8], "little")


def check_header(handle: BinaryIO, address: int) -> None:
    """Refuse the header at ``address`` if its blocks do not lie in the file, or are reached twice."""
    end = handle.seek(0, 2)
    first = _read(handle, address, PREFIX_1.size, end)
    if first[:4] == b"OHDR":
        place, size, ordered = _prefix_2(handle, address, end)
        blocks, step = [(place, size)], 6 if ordered else 4
    else:
        version, _, _, size = PREFIX_1.unpack(first)
        if version != 1:
            raise HeaderError(f"object header of unknown version at {address}")
        blocks, step = [(address + PREFIX_1.size, size)], 0
    seen: set[int] = set()
    total = 0
    for place, size in blocks:  # grows while it is read
        total += size
        if place in seen or total > end:
            raise HeaderError(f"the object header at {address} continues in itself")
        seen.add(place)
        data = _read(handle, place, size, end)
        for onward, length in _continuations(data, step):
            inner = (onward + 4, length - 4 - CHECKSUM_BYTES) if step else (onward, length)
            if inner[1] < 0:
                raise HeaderError(f"the object header at {address} continues in an empty block")
            blocks.append(inner)


def _read(handle: BinaryIO, address: int, size: int, end: int) -> bytes:
    if address + size > end:
        raise HeaderError(f"{size} bytes at {address} lie outside the file")
    handle.seek(address)
    return handle.read(size)


def _prefix_2(handle: BinaryIO, address: int, end: int) -> tuple[int, int, bool]:
    """Return place and size of the first messages, and whether they are numbered."""
    flags = _read(handle, address, 6, end)[5]
    place = address + 6 + 16 * bool(flags & TIMES) + 4 * bool(flags & PHASES)
    width = 1 << (flags & SIZE_BITS)
    size = int.from_bytes(_read(handle, place, width, end), "little")
    return place + width, size, bool(flags & ORDERED)


def _continuations(data: bytes, step: int) -> Iterator[tuple[int, int]]:
    """Yield place and length of every block that continues this one; ``step`` 0 is version 1."""
    place, width = 0, step or MESSAGE_1.size
    while place + width <= len(data):
        if step:
            kind, size = data[place], int.from_bytes(data[place + 1 : place + 3], "little")
        else:
            kind, size, _ = MESSAGE_1.unpack_from(data, place)
        place += width
        if kind == CONTINUATION and place + PLACE.size <= len(data):
            yield PLACE.unpack_from(data, place)
        place += size
