"""``.npz`` archives: the headers of all arrays are read and judged before the first array is unpacked.

An archive may lie in many ways: a header that promises more than the entry holds, entries that share their bytes, an
entry that unpacks to a thousand times the file, a compression that nobody needs, a ``.npy`` file with an archive behind
it. So nothing but plain entries of plain arrays passes, and no array is read that was not asked for.
"""

import os
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.border import MAX_BYTES_VARIABLE, foreign_errors, open_plain, unpacked_limit
from sim.errors import FileError
from sim.files import atomic_write

__all__ = ["Announced", "read_npz", "write_npz"]

FIX = "write it with numpy.savez(file, spikes=...)"
DEFLATE_RATIO = 1032
"""Deflate makes nothing smaller than this."""
KINDS = "biufcUS"
"""NumPy's letters for numbers and text."""


@dataclass(frozen=True)
class Announced:
    """What the header of an array says of it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Return the bytes that the array takes."""
        return int(np.prod([int(n) for n in self.shape], dtype=object)) * self.dtype.itemsize


def read_npz(
    path: Path | str,
    *,
    names: Collection[str] | None = None,
    judge: Callable[[Mapping[str, Announced]], object] | None = None,
    max_bytes: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Read the arrays ``names`` of an archive, or all; ``judge`` sees what is announced before anything is unpacked."""
    limit = unpacked_limit() if max_bytes is None else max_bytes
    with open_plain(path, "name the .npz file itself") as handle:
        with foreign_errors(path, "not a readable .npz archive", FIX), zipfile.ZipFile(handle) as archive:
            members = _members(archive, handle)
            announced = {name: _announced(archive, member, str(path)) for name, member in members.items()}
        if judge is not None:
            judge(announced)
        wanted = [name for name in announced if names is None or name in names]
        unpacked = sum(announced[name].nbytes for name in wanted)
        if unpacked > limit:
            what = f"{path}: unpacks to {unpacked} bytes, the limit is {limit}"
            raise FileError(what, f"split it into parts, or set {MAX_BYTES_VARIABLE}")
        with foreign_errors(path, "not a readable .npz archive", FIX), zipfile.ZipFile(handle) as archive:
            return {name: _array(archive, members[name]) for name in wanted}


def _members(archive: zipfile.ZipFile, handle: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by the name of their array, each of them plain and with bytes of its own."""
    entries = archive.infolist()
    if handle.seek(0) or handle.read(2) != b"PK":
        raise zipfile.BadZipFile("something else stands before the archive")
    if sum(entry.compress_size for entry in entries) > os.fstat(handle.fileno()).st_size:
        raise zipfile.BadZipFile("its entries share their bytes")
    for entry in entries:
        if b"PK\x01\x02" in entry.extra + entry.comment:
            raise zipfile.BadZipFile("one entry of its directory swallows another")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"{entry.filename!r} is packed in a way that NumPy does not use")
        if entry.file_size > entry.compress_size * (DEFLATE_RATIO if entry.compress_type else 1) + 64:
            raise zipfile.BadZipFile(f"{entry.filename!r} cannot unpack to {entry.file_size} bytes")
    named = {entry.filename.removesuffix(".npy"): entry for entry in entries}
    if len(named) < len(entries):
        raise zipfile.BadZipFile("two of its entries have one name")
    return named


def _header(stream: IO[bytes]) -> Announced:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return Announced(tuple(int(n) for n in shape), dtype)


def _announced(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> Announced:
    """Return what a header says, having checked that the entry holds just that many bytes."""
    with archive.open(member) as stream:
        said = _header(stream)
        held = member.file_size - stream.tell()
    where = f"{path}: array {member.filename!r}"
    if said.dtype.hasobject:
        raise FileError(f"{where} holds Python objects, which are never unpickled", "store numbers")
    if said.dtype.kind not in KINDS or not said.dtype.itemsize or min(said.shape, default=0) < 0:
        raise FileError(f"{where} holds neither numbers nor text", "store numbers")
    if said.nbytes != held:
        raise FileError(f"{where} promises {said.nbytes} bytes and holds {held}", FIX)
    return said


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # the check sum is compared at the end of an entry
        return array


def write_npz(path: Path | str, arrays: Mapping[str, ArrayLike]) -> None:
    """Write an archive atomically."""
    with atomic_write(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **{k: np.asarray(v) for k, v in arrays.items()})
