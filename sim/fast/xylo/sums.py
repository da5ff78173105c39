"""What a list of messages adds to currents: one row of weights after the other, each sum clipped."""

from functools import cache
from typing import Any, NamedTuple

import numba
from numba.core import types

from sim.fast.kernels.arguments import pointer_to, record_type
from sim.fast.layout.records import record_of
from sim.fast.vector.calls import ChosenLoop
from sim.fast.vector.form import Form, accumulators, settled
from sim.fast.vector.jit import loop
from sim.fast.vector.lanes import load, splat, store
from sim.fast.vector.saturating import add_saturating
from sim.fast.xylo.layout import ChipConnection

__all__ = ["ChipHeard", "add_rows", "adding"]


class ChipHeard(NamedTuple):
    """The messages of one step of one source: which neurons sent one, and by neuron, how many spikes."""

    events: Any
    n: int
    values: Any


def _arguments() -> tuple[Any, ...]:
    """Return the types of what the loop is given."""
    heard = record_type(ChipHeard, pointer_to(types.uint16), types.int64, pointer_to(types.uint8))
    connection = numba.from_dtype(record_of(ChipConnection))
    return heard, pointer_to(types.int8), connection, pointer_to(types.int16), pointer_to(types.int16)


@cache
def adding(lanes: int) -> ChosenLoop:
    """Return the loop that sums so many lanes."""
    return ChosenLoop(add_rows, (Form(lanes=lanes, sum_bits=16), *_arguments()))


@loop
def add_rows(form: Any, heard: Any, weights: Any, c: Any, state: Any, clipped: Any) -> None:
    """Add to ``state`` what the messages of a step bring; bits of ``clipped`` are set where a sum was clipped.

    z spikes are z additions of the same sign, hence one of the product, where that has 16 bits. The same sums are made
    without ends: the first one that is clipped sets the two apart by up to 2^15, which 16 bits tell from 0.
    """
    lanes, acc = settled(form, "lanes"), load(state, 0, accumulators(form))
    shift, plain, apart = splat(c.exponent, acc), acc, load(clipped, 0, acc)
    for e in range(heard.n):
        source = int(heard.events[e])
        z = int(heard.values[source])
        row = load(weights, source * lanes, acc) << shift
        if 1 < z <= c.fits:
            row, z = row * splat(z, row), 1
        while z > 0:
            acc, plain, z = add_saturating(acc, row), plain + row, z - 1
            apart = apart | (acc ^ plain)
    store(state, 0, acc)
    store(clipped, 0, apart)
