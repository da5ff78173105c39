"""Which loop does a piece of work, and in which form; its machine code is made when a table asks for its address."""

from functools import cache
from typing import NamedTuple

from sim.fast.kernels.arguments import ADVANCE, PRODUCT_OF_TWO, SUM
from sim.fast.kernels.gather import add_one_by_one, add_rows_of_events, add_weighted_rows
from sim.fast.kernels.lookup import look_up, multiply_windows
from sim.fast.kernels.neurons import advance_neurons
from sim.fast.kernels.product import multiply_pixels, multiply_single, multiply_two_steps
from sim.fast.layout.lookup import TWO_PIXELS
from sim.fast.layout.records import GROUPED, TABLE, VALUED
from sim.fast.vector.calls import ChosenLoop
from sim.fast.vector.form import Form
from sim.fast.vector.products import BLOCK

__all__ = ["NeuronKind", "advancing", "multiplying", "multiplying_two_steps", "multiplying_windows", "summing"]

NARROW = 32
"""Lanes of rows of one register or two. Such rows belong to few channels, so a line of a window holds few events."""
ENTRIES, ENTRIES_NARROW = 32, 16
"""Rows that are listed by one store."""
AHEAD, AHEAD_NARROW = 4, 12
"""Rows that are summed between two tests for the end: a narrow row of zeros costs less than a branch not foreseen."""


@cache
def summing(kind: int, lanes: int, weight_bits: int, wide: bool, two_pixels: bool) -> ChosenLoop:
    """Return the loop that sums so many lanes of a connection."""
    sum_bits = 32 if wide else 16
    if kind == TABLE:
        pixels = 2 if two_pixels else 1
        lanes = 2 * min(lanes, TWO_PIXELS) if two_pixels else lanes
        return ChosenLoop(look_up, (Form(lanes=lanes, pixels=pixels, sum_bits=16, weight_bits=16), *SUM))
    if kind == GROUPED:
        return ChosenLoop(add_one_by_one, (Form(sum_bits=sum_bits, weight_bits=32), *SUM))
    if kind == VALUED:
        return ChosenLoop(add_weighted_rows, (Form(lanes=lanes, sum_bits=32, weight_bits=32), *SUM))
    narrow = lanes <= NARROW
    entries, ahead = (ENTRIES_NARROW, AHEAD_NARROW) if narrow else (ENTRIES, AHEAD)
    form = Form(lanes=lanes, sum_bits=sum_bits, weight_bits=weight_bits, entries=entries, ahead=ahead)
    return ChosenLoop(add_rows_of_events, (form, *SUM))


@cache
def multiplying_windows(lanes: int) -> ChosenLoop:
    """Return the loop that reads the windows of a graded step whole, from its image."""
    return ChosenLoop(multiply_windows, (Form(lanes=lanes, sum_bits=32, weight_bits=32), *SUM))


@cache
def multiplying(pitch: int, wide: bool, single: bool) -> ChosenLoop:
    """Return the loop that multiplies a step with weights of bytes."""
    sum_bits = 32 if wide else 16
    if single:
        return ChosenLoop(multiply_single, (Form(lanes=BLOCK, sum_bits=sum_bits), *SUM))
    return ChosenLoop(multiply_pixels, (Form(lanes=min(pitch, BLOCK), sum_bits=sum_bits), *SUM))


@cache
def multiplying_two_steps(wide: bool) -> ChosenLoop:
    """Return the loop that multiplies two steps of a single pixel."""
    return ChosenLoop(multiply_two_steps, (Form(lanes=BLOCK, sum_bits=32 if wide else 16), *PRODUCT_OF_TWO))


class NeuronKind(NamedTuple):
    """What the loop of a population has to compute: see `sim.fast.kernels.neurons`."""

    checked: bool
    special: bool
    many: bool
    wide: bool  # whether sums have 32 bits


@cache
def advancing(avx512: bool, p: NeuronKind, steps: int) -> ChosenLoop:
    """Return the loop that advances neurons of a kind by one step or two."""
    bits = 32 if p.wide else 16
    form = Form(avx512=avx512, checked=p.checked, special=p.special, many=p.many, sum_bits=bits, steps=steps)
    return ChosenLoop(advance_neurons, (form, *ADVANCE))
