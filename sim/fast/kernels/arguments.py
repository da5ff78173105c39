"""What loops are given, as named records of pointers and numbers; and their types, for loops called by address."""

from typing import Any, NamedTuple

import numba
from numba.core import types

from sim.fast.layout.records import CONNECTION, POPULATION, TILE

__all__ = [
    "ADVANCE",
    "PRODUCT_OF_TWO",
    "SUM",
    "Brought",
    "Fired",
    "LoopMemory",
    "LoopPlace",
    "Made",
    "Membranes",
    "Work",
    "pointer_to",
    "record_type",
]


class Brought(NamedTuple):
    """What a source sent in one step."""

    events: Any
    ends: Any
    values: Any
    bits: Any
    image: Any
    graded: int


class LoopMemory(NamedTuple):
    """What a loop that sums reads and writes beside the tables, the sums and what was sent."""

    weights: Any  # bytes
    starts: Any  # where windows start in an image of bytes
    window: Any  # room for a list of rows
    drawn: Any  # room for images of bytes


class Made(NamedTuple):
    """One step of a tile: its sums, and where its spikes, as bits and as counts, and its wraps and clips go."""

    sums: Any  # bytes
    spikes: Any
    sent: Any
    faults: Any


class Membranes(NamedTuple):
    """u and v of one population of one sample before a step and after it, how long it rests, and its spikes."""

    before_u: Any
    before_v: Any
    u: Any
    v: Any
    counters: Any
    rest: Any


class Fired(NamedTuple):
    """Where a population writes the list of its spikes, and its faults, of one step."""

    events: Any
    ends: Any
    faults: Any


class Work(NamedTuple):
    """All that a call of the kernels reads and writes."""

    tables: Any
    arenas: Any
    scratch: Any
    outcome: Any


class LoopPlace(NamedTuple):
    """A step of a sample."""

    b: int  # the sample in the batch
    s: int  # and among those that run together
    t: int  # the step
    since: int  # the first step of the stretch


def pointer_to(element: Any) -> Any:
    """Return the type of a pointer to elements of a type."""
    pointer: Any = types.CPointer
    return pointer(element)


def record_type(kind: Any, *fields: Any) -> Any:
    """Return the type of a named tuple whose fields are of these types."""
    return types.NamedTuple(fields, kind)  # type: ignore[no-untyped-call]  # numba's own is untyped


BYTES, WORDS, WHOLE_NUMBERS = pointer_to(types.uint8), pointer_to(types.uint16), pointer_to(types.int32)
REALS, LONGS = pointer_to(types.float32), pointer_to(types.int64)
BROUGHT = record_type(Brought, WORDS, WHOLE_NUMBERS, WHOLE_NUMBERS, BYTES, WHOLE_NUMBERS, types.int64)
MEMORY = record_type(LoopMemory, pointer_to(types.int8), WHOLE_NUMBERS, WORDS, BYTES)
MADE = record_type(Made, BYTES, BYTES, BYTES, LONGS)
MEMBRANES = record_type(Membranes, REALS, REALS, REALS, REALS, BYTES, REALS)
THE_CONNECTION, THE_POPULATION, THE_TILE = (numba.from_dtype(record) for record in (CONNECTION, POPULATION, TILE))

SUM = (THE_CONNECTION, THE_TILE, types.int64, BYTES, types.boolean, BROUGHT, MEMORY)
"""Add to the sums of a tile, or begin them if the flag says so, what a connection brings to the lanes from one on."""

PRODUCT_OF_TWO = (THE_CONNECTION, THE_TILE, BYTES, types.int64, BROUGHT, BROUGHT, MEMORY)
"""Begin the sums of a tile in two steps; a number says how far apart they are."""

ADVANCE = (THE_POPULATION, THE_TILE, MEMBRANES, REALS, MADE, MADE)
"""Advance the neurons of a tile from their sums; return how many are active."""
