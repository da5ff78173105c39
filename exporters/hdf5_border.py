"""The border for HDF5 files of others: the structure is walked and judged before any array is read.

A legal HDF5 file may say "the data of this array stand in /etc/passwd" (external storage), "this group is in another
file" (external link), "this array is made of those files" (virtual dataset), "I am my own child" (a cycle of hard
links), "I am 2^60 zeros" (shape), "my 64 KiB chunk unpacks to 1 TiB" (a bomb), or hold types whose reading runs code
nobody asked for (plug-in filters). None of that is needed to say a network, so all of it is refused here.
"""

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from exporters.hdf5_headers import check_header, root_address
from exporters.hdf5_heap import check_addresses, text_bytes
from sim.border import MAX_BYTES_VARIABLE, foreign_errors, network_limit, open_plain
from sim.errors import FileError

if TYPE_CHECKING:
    import h5py

__all__ = ["Limits", "check_hdf5", "open_checked"]

FIX = "fetch or export it again"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNTRIED_BYTES = 1 << 26
"""What the chunks of one array may unpack to without being unpacked on trial: 64 MiB."""
DEFLATE_RATIO = 1100
"""Deflate makes nothing smaller than 1 / 1032."""


@dataclass(frozen=True)
class Limits:
    """How much a file may hold: bytes of all arrays unpacked, groups and arrays, levels, axes, text elements.

    ``max_bytes`` None is what `sim.border.network_limit` allows a file of that size.
    """

    max_bytes: int | None = None
    max_objects: int = 100_000
    max_depth: int = 32
    max_rank: int = 8
    max_strings: int = 200_000
    max_name: int = 1024


DEFAULT = Limits()


@contextmanager
def open_checked(path: Path | str, limits: Limits = DEFAULT) -> Iterator["h5py.File"]:
    """Yield the file, opened read-only, after its structure has passed; what HDF5 raises on the way is a FileError."""
    import h5py

    file = Path(path)
    size = _check_signature(file)
    if limits.max_bytes is None:
        limits = replace(limits, max_bytes=network_limit(size))
    with foreign_errors(file, "is corrupt or no legal HDF5 file", FIX):
        check_addresses(file)
        with h5py.File(file, "r") as opened:
            _Walk(file, limits, h5py, size=size).walk(opened)
            yield opened


def check_hdf5(path: Path | str, limits: Limits = DEFAULT) -> None:
    """Refuse a file that reaches outside itself, claims absurd sizes, or holds types that no network needs."""
    with open_checked(path, limits):
        pass


def _check_signature(file: Path) -> int:
    """Look before HDF5 does, and return the size of the file."""
    with open_plain(file, "name a .nir file") as handle, foreign_errors(file, "cannot be read", FIX):
        if handle.read(len(SIGNATURE)) != SIGNATURE:
            raise FileError(f"{file}: is not an HDF5 file, so not a .nir file", FIX)
        return handle.seek(0, 2)


def _is_text(name: bytes) -> bool:
    try:
        return name.decode().isprintable()
    except UnicodeDecodeError:
        return False


@dataclass
class _Walk:
    """One pass over a file: what has been seen and what it sums up to."""

    file: Path
    limits: Limits
    h5py: Any
    seen: set[int] = field(default_factory=set)
    total: int = 0
    strings: int = 0
    size: int = 0
    raw: BinaryIO | None = None

    def refuse(self, place: str, what: str, fix: str = "write it again with the tool that made it") -> FileError:
        return FileError(f"{self.file}: {place or '/'}: {what}", fix)

    def walk(self, opened: "h5py.File") -> None:
        with self.file.open("rb") as handle:
            self.raw = handle
            root = root_address(handle)
            check_header(handle, root)
            self._visit(self.h5py.h5o.open(opened.id, b"/"), root, "", 0)

    def _visit(self, node: Any, address: int, place: str, depth: int) -> None:
        """Judge one object; the library's own `get_info` would follow the siblings in an index, round and round."""
        h5 = self.h5py
        if address in self.seen:
            raise self.refuse(place, "is reached by two names, which can close a cycle")
        self.seen.add(address)
        if len(self.seen) > self.limits.max_objects:
            raise self.refuse(place, f"more than {self.limits.max_objects} groups and arrays")
        if depth > self.limits.max_depth:
            raise self.refuse(place, f"more than {self.limits.max_depth} levels deep")
        if isinstance(node, h5.h5g.GroupID):
            self._group(node, place, depth)
        elif isinstance(node, h5.h5d.DatasetID):
            self._dataset(node, place)
        else:
            raise self.refuse(place, "is neither a group nor an array")

    def _group(self, group: Any, place: str, depth: int) -> None:
        if group.get_num_objs() > self.limits.max_objects:
            raise self.refuse(place, f"more than {self.limits.max_objects} members")
        names: list[bytes] = []
        group.links.iterate(names.append)
        for name in names:
            inside = f"{place}/{name.decode('utf-8', 'backslashreplace')[: self.limits.max_name]}"
            if len(name) > self.limits.max_name or not _is_text(name):
                raise self.refuse(inside, f"the name is no UTF-8 text of up to {self.limits.max_name} bytes")
            link = group.links.get_info(name)
            if link.type != self.h5py.h5l.TYPE_HARD:
                raise self.refuse(inside, "is a link that may lead out of the file")
            assert self.raw is not None
            check_header(self.raw, link.u)
            self._visit(self.h5py.h5o.open(group, name), link.u, inside, depth + 1)

    def _dataset(self, dataset: Any, place: str) -> None:
        h5 = self.h5py
        made = dataset.get_create_plist()
        layout = made.get_layout()
        if layout == h5.h5d.VIRTUAL:
            raise self.refuse(place, "is a virtual dataset: its data stand in other files")
        if layout == h5.h5d.CONTIGUOUS and made.get_external_count() > 0:
            raise self.refuse(place, "has external storage: its data stand in other files")
        shape = self._shape(dataset, place)
        itemsize, is_text = self._item(dataset, place)
        claimed = math.prod(shape) * itemsize
        if layout == h5.h5d.CHUNKED:
            chunk = math.prod(made.get_chunk()) * itemsize
            claimed = max(claimed, chunk)
            self._count(claimed, place)
            self._chunks(dataset, made, chunk, place)
        else:
            self._count(claimed, place)
        if is_text:
            self._text(dataset, layout, math.prod(shape), place)

    def _shape(self, dataset: Any, place: str) -> tuple[int, ...]:
        space = dataset.get_space()
        if space.get_simple_extent_type() == self.h5py.h5s.NULL:
            raise self.refuse(place, "is an array without a shape")
        shape = tuple(int(n) for n in space.get_simple_extent_dims())
        if len(shape) > self.limits.max_rank:
            raise self.refuse(place, f"has {len(shape)} axes, at most {self.limits.max_rank} are allowed")
        return shape

    def _item(self, dataset: Any, place: str) -> tuple[int, bool]:
        """Return the bytes of one element and whether it is text of variable length; refuse every other type."""
        t, kind = self.h5py.h5t, dataset.get_type()
        group, size = kind.get_class(), int(kind.get_size())
        if group == t.STRING:
            return size, bool(kind.is_variable_str())
        if group in (t.INTEGER, t.FLOAT) and size <= 8:
            kind.dtype  # noqa: B018 - raises for a layout that no number type of NumPy has
            return size, False
        if group == t.ENUM and kind.dtype == bool:
            return size, False
        raise self.refuse(place, "holds neither numbers of up to 64 bits nor text")

    def _count(self, claimed: int, place: str) -> None:
        self.total += claimed
        limit = self.limits.max_bytes
        if limit is not None and self.total > limit:
            may = f"and may not claim more than {limit} bytes"
            what = f"the arrays claim {self.total} bytes, the file has {self.size} {may}"
            raise self.refuse(place, what, f"export plain arrays, or set {MAX_BYTES_VARIABLE}")

    def _chunks(self, dataset: Any, made: Any, chunk: int, place: str) -> None:
        z = self.h5py.h5z
        lzf = 32000
        filters = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
        if len(set(filters)) < len(filters) or not set(filters) <= {
            z.FILTER_DEFLATE, z.FILTER_SHUFFLE, z.FILTER_FLETCHER32, lzf
        }:  # fmt: skip
            raise self.refuse(place, "is packed with an unknown filter", "save it with gzip or without compression")
        stored = [dataset.get_chunk_info(i) for i in range(dataset.get_num_chunks())]
        if sum(info.size for info in stored) > self.size:
            raise self.refuse(place, "its chunks overlap or lie outside the file")
        if z.FILTER_DEFLATE not in filters or sum(info.size for info in stored) * DEFLATE_RATIO <= UNTRIED_BYTES:
            return
        if filters[-1] not in (z.FILTER_DEFLATE, z.FILTER_FLETCHER32):
            raise self.refuse(place, "is packed with an unknown filter", "save it with gzip or without compression")
        for info in stored:
            if not info.filter_mask:
                _, packed = dataset.read_direct_chunk(info.chunk_offset)
                try:
                    unpacked = zlib.decompressobj().decompress(packed, chunk + 5)
                except zlib.error:
                    raise self.refuse(place, "is damaged: a chunk does not unpack") from None
                if len(unpacked) > chunk + 4:
                    raise self.refuse(place, "a chunk unpacks to more than its size")

    def _text(self, dataset: Any, layout: int, count: int, place: str) -> None:
        """Sum up text of variable length: many elements may name one long piece of the file."""
        self.strings += count
        if self.strings > self.limits.max_strings:
            raise self.refuse(place, f"more than {self.limits.max_strings} pieces of text")
        if layout != self.h5py.h5d.CONTIGUOUS:
            raise self.refuse(place, "is text of variable length in pieces", "write it in one piece, as nir.write does")
        offset = dataset.get_offset()
        if offset is not None:
            self._count(text_bytes(self.file, offset, count), place)
