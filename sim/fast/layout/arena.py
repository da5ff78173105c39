"""Many arrays in one: what the kernels read lies in a few long arrays, each part at an aligned place."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINE", "Arena", "aligned", "parted"]

LINE = 64
"""Bytes of a line of the cache, and elements to which the parts of an arena are aligned."""
SPARE = 4 * LINE
"""Elements behind the last array, because vectors are read whole."""


def aligned(size: int, kind: Any) -> NDArray[Any]:
    """Return zeros that start with a line of the cache, so that no vector load crosses into the next line."""
    return parted(((size, kind),))[0]


def parted(sizes: Sequence[tuple[int, Any]]) -> list[NDArray[Any]]:
    """Return zeros of several sizes and types in one piece of memory, each at the start of a line of the cache."""
    lengths = [size * np.dtype(kind).itemsize for size, kind in sizes]
    raw = np.zeros(sum(-(-n // LINE) * LINE for n in lengths) + LINE, dtype=np.uint8)
    at = -raw.__array_interface__["data"][0] % LINE
    parts = []
    for n, (_, kind) in zip(lengths, sizes, strict=True):
        parts.append(raw[at : at + n].view(kind))
        at += -(-n // LINE) * LINE
    return parts


class Arena:
    """Arrays of one type, put one after the other."""

    def __init__(self, kind: Any) -> None:
        self.kind, self.size = np.dtype(kind), 0
        self.parts: list[tuple[int, NDArray[Any]]] = []

    def put(self, values: NDArray[Any]) -> int:
        """Append an array; return where it starts."""
        at = self.size
        self.parts.append((at, values))
        self.size += -(-values.size // LINE) * LINE
        return at

    def put_bytes(self, values: NDArray[Any]) -> int:
        """Append the bytes of an array to an arena of bytes; return where it starts, counted in its own elements."""
        return self.put(np.ascontiguousarray(values).reshape(-1).view(self.kind)) // values.itemsize

    def joined(self) -> NDArray[Any]:
        """Return everything as one read-only array."""
        out = aligned(self.size + SPARE, self.kind)
        for at, values in self.parts:
            out[at : at + values.size] = values.reshape(-1)
        out.setflags(write=False)
        return out
