"""What goes between a client and a worker: plain values and arrays of numbers, packed into bytes.

    8 bytes      the length of the head, little endian
    head         JSON: {"facts": {...}, "arrays": [[name, dtype, shape], ...]}
    the arrays   one after the other, C order

Nothing is pickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import parse_json
from sim.errors import FileError

__all__ = ["HEAD_BYTES", "Message", "pack", "unpack"]

LENGTH_BYTES = 8
HEAD_BYTES = 1024
"""What the head of a chunk takes at most, where it names no more than one array."""
KINDS = "biu"
FIX = "start scheduler, workers and client from the same version of snn2hw"


@dataclass(frozen=True, eq=False)
class Message:
    """Facts and arrays by their names."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def pack(message: Message) -> bytes:
    """Return a message as bytes."""
    whole = {name: np.ascontiguousarray(values) for name, values in message.arrays.items()}
    rows = [[name, values.dtype.str, list(values.shape)] for name, values in whole.items()]
    head = json.dumps({"facts": dict(message.facts), "arrays": rows}).encode()
    return b"".join([len(head).to_bytes(LENGTH_BYTES, "little"), head, *(v.tobytes() for v in whole.values())])


def unpack(data: bytes) -> Message:
    """Return the message that bytes hold; arrays are views of them, which nobody may write to."""
    size = int.from_bytes(data[:LENGTH_BYTES], "little")
    if len(data) < LENGTH_BYTES or size > len(data) - LENGTH_BYTES:
        raise FileError("a message of the cluster: ends in its head", FIX)
    place = LENGTH_BYTES + size
    head = parse_json(data[LENGTH_BYTES:place], "a message of the cluster", FIX)
    if (
        not isinstance(head, dict)
        or not isinstance(head.get("facts"), dict)
        or not isinstance(head.get("arrays"), list)
    ):
        raise FileError("a message of the cluster: has no facts or no arrays", FIX)
    arrays = {}
    for name, kind, shape in head["arrays"]:
        dtype = np.dtype(kind)
        if dtype.kind not in KINDS or dtype.hasobject:
            raise FileError(f"a message of the cluster: array {name!r} is of {kind}, not of integers", FIX)
        count = int(np.prod([int(n) for n in shape], dtype=object))
        if count * dtype.itemsize > len(data) - place:
            raise FileError(f"a message of the cluster: ends in array {name!r}", FIX)
        arrays[str(name)] = np.frombuffer(data, dtype, count, place).reshape(shape)
        place += count * dtype.itemsize
    return Message(head["facts"], arrays)
