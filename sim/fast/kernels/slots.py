"""Where the messages of one step stand: those that a source sent, and those that a population is about to send."""

from typing import Any

from sim.fast.kernels.arguments import Brought, Fired
from sim.fast.vector.jit import inline, part
from sim.fast.vector.pointers import pointer_to, row

__all__ = ["sent", "unchanged", "written"]


@inline
def sent(sizes: Any, source: Any, scratch: Any, place: int, s: int, t: int) -> Any:
    """Return what a source of one sample sent, or will send, in step t."""
    slot = t & (source.slots - 1)
    first = 1 if place == 0 else 0  # only the input is graded, or packed
    return Brought(
        events=pointer_to(scratch.lists, s * sizes.index_size + source.index_at + slot * source.index_size),
        ends=pointer_to(scratch.ends, s * sizes.ends_size + source.ends_at + slot * source.ends_size),
        values=pointer_to(scratch.values, first * (s * sizes.values_size + slot * source.index_size) * sizes.graded),
        bits=pointer_to(scratch.bits, first * (s * source.slots + slot) * sizes.bits_size),
        image=pointer_to(scratch.image, first * (s * source.slots + slot) * sizes.image_size),
        graded=first * sizes.graded,
    )


@inline
def unchanged(tables: Any, scratch: Any, p: Any, s: int, t: int) -> Any:
    """Return whether the sums of step t are those of the step before: all that arrives is input that repeats itself."""
    source, then = row(tables.sources, 0), t + 1 - p.still
    return p.still > 0 and then > 0 and scratch.same[s * source.slots + (then & (source.slots - 1))] != 0


@part
def written(work: Any, place: int, moment: Any, later: int) -> Any:
    """Return where a population writes what it fires in a step, or so many steps later."""
    sizes, s, t = row(work.tables.sizes, 0), moment.s, moment.t + later
    mine = sent(sizes, row(work.tables.sources, place + 1), work.scratch, place + 1, s, t)
    faults = pointer_to(work.scratch.faults, ((s * sizes.stretch + t - moment.since) * sizes.places + place) * 2)
    return Fired(mine.events, mine.ends, faults)
