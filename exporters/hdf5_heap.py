"""Text of variable length in an HDF5 file, checked before the HDF5 library follows it.

An element is a reference (length, address of a heap collection, index in it). The library trusts the sizes inside a
collection: one wrong byte there and it reads for seconds, or for ever (HDF5 2.0: an object of size 0 is followed by
itself). So references and collections are parsed here first; HDF5 file format specification, section III.E.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["HeapError", "check_addresses", "text_bytes"]

REFERENCE = struct.Struct("<IQI")
COLLECTION = struct.Struct("<4sB3xQ")
OBJECT = struct.Struct("<HH4xQ")
LEAST_COLLECTION = 4096


class HeapError(ValueError):
    """A reference or a collection does not hold together."""


def text_bytes(file: Path, offset: int, count: int) -> int:
    """Return the length of all ``count`` pieces of text whose references stand at ``offset``."""
    total = 0
    sizes: dict[int, dict[int, int]] = {}
    with file.open("rb") as handle:
        end = handle.seek(0, 2)
        for length, address, index in REFERENCE.iter_unpack(_read(handle, offset, count * REFERENCE.size, end)):
            if address == 0 and length == 0:
                continue  # empty text has no object
            if address not in sizes:
                sizes[address] = dict(_objects(handle, address, end))
            if sizes[address].get(index) != length:
                raise HeapError(f"text of {length} bytes refers to object {index} at {address}, which is another")
            total += length
    return total


def check_addresses(file: Path) -> None:
    """Refuse files whose addresses are not 8 bytes counted from the start of the file, as all current writers make."""
    with file.open("rb") as handle:
        start = handle.read(36)
    version = start[8] if len(start) == 36 else -1
    if version in (0, 1):
        sizes, base = start[13:15], 24 if version == 0 else 28
    elif version in (2, 3):
        sizes, base = start[9:11], 12
    else:
        raise HeapError("superblock of unknown version")
    if sizes != b"\x08\x08" or start[base : base + 8] != bytes(8):
        raise HeapError("addresses are not 8 bytes from the start of the file")


def _read(handle: BinaryIO, address: int, size: int, end: int) -> bytes:
    if address + size > end:
        raise HeapError(f"{size} bytes at {address} lie outside the file")
    handle.seek(address)
    return handle.read(size)


def _objects(handle: BinaryIO, address: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (index, size) of the objects of one collection; index 0 is its free space."""
    signature, version, size = COLLECTION.unpack(_read(handle, address, COLLECTION.size, end))
    if signature != b"GCOL" or version != 1 or size < LEAST_COLLECTION:
        raise HeapError(f"no heap collection at {address}")
    data = _read(handle, address, size, end)
    place = COLLECTION.size
    seen: set[int] = set()
    while place + OBJECT.size <= size:
        index, _, length = OBJECT.unpack_from(data, place)
        step = OBJECT.size + (length + 7) // 8 * 8 if index else length
        if index in seen or step < OBJECT.size or place + step > size:
            raise HeapError(f"object {index} of the heap collection at {address} does not fit into it")
        seen.add(index)
        yield index, length
        place += step
