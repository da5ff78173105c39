"""Damage: blind changes of bytes, and changes of a file's own structure."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from snn2hw.fuzz.grammar import damaged_archive, damaged_hdf5, damaged_protobuf, damaged_toml

__all__ = ["mutated"]

Rng = np.random.Generator

BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    1 << 31,
    1 << 63,
    10**400,
    1e308,
    -0.5,
    "",
    "x" * 3000,
    "\x1b[2J",
    [],
    {},
    [[]],
    ["x"],
    {"a": {"b": []}},
    json.loads("[" * 200 + "]" * 200),
)
"""Values that have no business where a field of a file stands."""


def mutated(data: bytes, other: bytes, suffix: str, rng: Rng) -> bytes:
    """Return a damaged copy; ``other`` is a second file of the kind to take pieces from, ``suffix`` names the kind."""
    structured = _STRUCTURED.get(suffix)
    if structured is not None and rng.integers(0, 3):
        changed = structured(data, rng)
        if rng.integers(0, 4):
            return changed
        data = changed
    for _ in range(int(rng.integers(1, 4))):
        data = _BLIND[int(rng.integers(0, len(_BLIND)))](data, other, rng)
    return data


def _place(data: bytes, rng: Rng) -> int:
    """Return a place in a file, the first bytes more often than others."""
    return int(rng.integers(0, min(len(data), 256 if rng.integers(0, 2) else len(data)) or 1))


def _flipped(data: bytes, other: bytes, rng: Rng) -> bytes:
    wrong = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 4, 30]))):
        if wrong:
            wrong[_place(data, rng)] ^= 1 << int(rng.integers(0, 8))
    return bytes(wrong)


def _overwritten(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Put a number at the edge of its range somewhere."""
    size = int(rng.choice([1, 2, 4, 8]))
    number = BOUNDARIES[int(rng.integers(0, len(BOUNDARIES)))] % (1 << (8 * size))
    place = _place(data, rng)
    written = number.to_bytes(size, "little" if rng.integers(0, 4) else "big")
    return data[:place] + written + data[place + size :]


def _cut(data: bytes, other: bytes, rng: Rng) -> bytes:
    return data[: _place(data, rng)]


def _removed(data: bytes, other: bytes, rng: Rng) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + int(rng.integers(1, 64)) :]


def _spliced(data: bytes, other: bytes, rng: Rng) -> bytes:
    """Insert a piece of another file, or of this one again."""
    source = other if rng.integers(0, 2) else data
    start, place = _place(source, rng), _place(data, rng)
    return data[:place] + source[start : start + int(rng.integers(1, 512))] + data[place:]


_BLIND = (_flipped, _overwritten, _cut, _removed, _spliced)


def _damaged_json(data: bytes, rng: Rng) -> bytes:
    """Put an odd value in the place of one of a JSON text."""
    whole = json.loads(data)
    places = list(_places(whole))
    table, key = places[int(rng.integers(0, len(places)))]
    match int(rng.integers(0, 5)):
        case 0:
            del table[key]
        case 1 if isinstance(table, dict):
            table["x" + str(key)] = table.pop(key)
        case _:
            table[key] = ODD[int(rng.integers(0, len(ODD)))]
    return _dumped(whole if rng.integers(0, 20) else ODD[int(rng.integers(0, len(ODD)))])


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except ValueError:  # a number of more digits than Python prints
        return b"1" * 5000


def _places(value: Any) -> "list[tuple[Any, Any]]":
    """Return (table, key) of every value inside."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


_STRUCTURED: dict[str, Callable[[bytes, Rng], bytes]] = {
    ".json": _damaged_json,
    ".toml": damaged_toml,
    ".npz": damaged_archive,
    ".pt": damaged_archive,
    ".nir": damaged_hdf5,
    ".onnx": damaged_protobuf,
}
