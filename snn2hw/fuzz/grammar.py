"""Damage that keeps a file's outer form: archives with right check sums, legal HDF5, protobufs whose lengths fit."""

import io
import re
import warnings
import zipfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

__all__ = ["damaged_archive", "damaged_hdf5", "damaged_protobuf", "damaged_toml"]

Rng = np.random.Generator

TOKENS = (
    "true",
    "-1",
    "0",
    "1e400",
    "nan",
    "inf",
    "9223372036854775808",
    "0x" + "f" * 5000,
    '"x"',
    '""',
    '"\\u001b[2J"',
    "[]",
    "{}",
    '["x"]',
    "[[1, 2], [3]]",
    "[" * 300 + "]" * 300,
    "1979-05-27",
    "{a = {b = {c = 1}}}",
)
HEADERS = (
    (rb"'shape': \([^)]*\)", (b"'shape': ()", b"'shape': (-1,)", b"'shape': (1 << 40,)", b"'shape': (99999999999, 9)")),
    (rb"'descr': '[^']*'", (b"'descr': '|O'", b"'descr': 'V0'", b"'descr': '<U0'", b"'descr': 'M8'", b"'descr': ''")),
    (rb"'fortran_order': \w+", (b"'fortran_order': 3", b"'fortran_order': None")),
    (rb"\{", (b"{" * 90, b"((((", b'"""', b"\\")),
)
VARINTS = (0, 1, 2, 127, 128, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
MOST_NESTING = 8


def _one(rng: Rng, count: int) -> int:
    return int(rng.integers(0, count))


def damaged_toml(data: bytes, rng: Rng) -> bytes:
    """Put an odd value behind one of the equals signs, or lose, repeat or rename a line."""
    lines = data.decode(errors="replace").splitlines()
    if not lines:
        return data
    place = _one(rng, len(lines))
    match _one(rng, 6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[_one(rng, len(lines))])
        case 2:
            lines[place] = "x" + lines[place]
        case 3:
            lines[place] = ".".join(["a"] * _one(rng, 3000)) + " = 1"
        case _:
            given = [i for i, line in enumerate(lines) if "=" in line] or [place]
            chosen = given[_one(rng, len(given))]
            lines[chosen] = lines[chosen].partition("=")[0] + "= " + TOKENS[_one(rng, len(TOKENS))]
    return "\n".join(lines).encode()


def damaged_archive(data: bytes, rng: Rng) -> bytes:
    """Change what one entry holds, its name or how it is packed; check sums are those of what is written."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries of one name are meant
        entries = archive.infolist()
        chosen = _one(rng, len(entries))
        for place, entry in enumerate(entries):
            content, name, packing = archive.read(entry), entry.filename, entry.compress_type
            if place == chosen:
                match _one(rng, 7):
                    case 0:
                        continue
                    case 1:
                        name = entries[_one(rng, len(entries))].filename
                    case 2:
                        packing = [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED][_one(rng, 3)]
                    case 3:
                        content = content[: _one(rng, len(content) + 1)]
                    case _:
                        content = _damaged_entry(content, rng)
            made.writestr(name, content, compress_type=packing)
    whole = out.getvalue()
    return entries[0].filename.encode() + whole if not _one(rng, 40) else whole


def _damaged_entry(content: bytes, rng: Rng) -> bytes:
    """Edit the header of an array, or any bytes."""
    if content.startswith(b"\x93NUMPY") and _one(rng, 4):
        pattern, values = HEADERS[_one(rng, len(HEADERS))]
        value = values[_one(rng, len(values))]
        end = 10 + int.from_bytes(content[8:10], "little")
        header = re.sub(pattern, lambda _: value, content[10:end], count=1)
        header = header.rstrip(b"\n ") + b"\n"
        return content[:8] + len(header).to_bytes(2, "little") + header + content[end:]
    wrong = bytearray(content)
    for _ in range(1 + _one(rng, 4)):
        if wrong:
            wrong[_one(rng, min(len(wrong), 4096))] = _one(rng, 256)
    return bytes(wrong)


def damaged_hdf5(data: bytes, rng: Rng) -> bytes:
    """Replace, remove, rename or add an array, in a file that stays a legal one."""
    import h5py

    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = names[_one(rng, len(names))]
        match _one(rng, 5):
            case 0:
                del file[name]
            case 1:
                file.move(name, f"{name}x")
            case 2:
                file[f"{name.rpartition('/')[0]}/added"] = _odd_array(rng)
            case _:
                _replace_value(file, name, rng)
    return held.getvalue()


def _replace_value(file: "h5py.File", name: str, rng: Rng) -> None:
    import h5py

    if isinstance(file[name], h5py.Group):
        del file[name]
        if _one(rng, 2):
            file[name] = _odd_array(rng)
        return
    value = np.asarray(file[name][()])
    del file[name]
    if value.dtype.kind in "fiu" and value.size and _one(rng, 2):
        wrong = value.copy().reshape(-1)
        odd = [0, -1, 1, 127, 2**31 - 1, np.nan, np.inf, 1e300][_one(rng, 8)]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrong[_one(rng, wrong.size)] = np.asarray(odd, np.float64).astype(value.dtype)
        file[name] = wrong.reshape(value.shape)
    elif value.size and value.dtype.kind in "fiu" and _one(rng, 2):
        shapes = [value.reshape(-1), value[None], value.reshape(-1)[:1], value.reshape(-1)[:0]]
        file[name] = shapes[_one(rng, len(shapes))]
    else:
        file[name] = _odd_array(rng)


def _odd_array(rng: Rng) -> object:
    odd: tuple[object, ...] = (
        "abc",
        "",
        "NIRGraph",
        -1,
        1 << 40,
        1e300,
        np.nan,
        True,
        np.zeros((0,)),
        np.zeros((3, 0), np.int8),
        np.arange(5),
        np.full((1, 1, 1, 1), 7.0),
        np.array([1 << 40, 1 << 40]),
        ["a", "b"],
        np.ones(3, bool),
    )
    return odd[_one(rng, len(odd))]


def damaged_protobuf(data: bytes, rng: Rng, depth: int = 0) -> bytes:
    """Change one field of a message, or go into a message that it holds."""
    fields = _fields(data)
    if not fields:
        return bytes(rng.integers(0, 256, max(1, len(data)), dtype=np.uint8)) if _one(rng, 3) else b""
    chosen = _one(rng, len(fields))
    tag, kind, content = fields[chosen]
    match _one(rng, 8):
        case 0:
            del fields[chosen]
        case 1:
            fields.append(fields[chosen])
        case 2:
            fields[chosen] = (tag ^ (8 << _one(rng, 4)), kind, content)
        case _ if kind == 2 and depth < MOST_NESTING and content:
            fields[chosen] = (tag, kind, damaged_protobuf(content, rng, depth + 1))
        case _ if kind == 0:
            fields[chosen] = (tag, kind, _varint(VARINTS[_one(rng, len(VARINTS))]))
    return b"".join(_varint(t) + (_varint(len(c)) if k == 2 else b"") + c for t, k, c in fields)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[place]
        number, shift, place = number | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return number, place


def _fields(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return (tag, wire type, content) of every field, or nothing where the bytes are no message."""
    found: list[tuple[int, int, bytes]] = []
    place = 0
    try:
        while place < len(data):
            tag, place = _read_varint(data, place)
            kind = tag & 7
            if kind == 0:
                _, end = _read_varint(data, place)
            elif kind == 2:
                size, place = _read_varint(data, place)
                end = place + size
            else:
                end = place + {1: 8, 5: 4}[kind]
            if end > len(data):
                return []
            found.append((tag, kind, data[place:end]))
            place = end
    except (IndexError, KeyError):
        return []
    return found
