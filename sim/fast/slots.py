"""Where the messages of one step stand: those that a source sent, and those that a population is about to send."""

from typing import Any

from sim.fast.jit import inline, part
from sim.fast.lanes import beyond, row
from sim.fast.records import Fired, Step

__all__ = ["sent", "unchanged", "written"]


@inline
def sent(whole: Any, source: Any, scratch: Any, place: int, s: int, t: int) -> Any:
    """Return what a source of one sample sent, or will send, in step t."""
    slot = t & (source.slots - 1)
    first = 1 if place == 0 else 0  # only the input is graded, or packed
    return Step(
        beyond(scratch.lists, s * whole.index_size + source.index_at + slot * source.index_size),
        beyond(scratch.ends, s * whole.ends_size + source.ends_at + slot * source.ends_size),
        beyond(scratch.values, first * (s * whole.values_size + slot * source.index_size) * whole.graded),
        beyond(scratch.bits, first * (s * source.slots + slot) * whole.bits_size),
        beyond(scratch.image, first * (s * source.slots + slot) * whole.image_size),
        first * whole.graded,
    )


@inline
def unchanged(tables: Any, scratch: Any, p: Any, s: int, t: int) -> Any:
    """Return whether the sums of step t are those of the step before: all that arrives is input that repeats itself."""
    source, then = row(tables.sources, 0), t + 1 - p.still
    return p.still > 0 and then > 0 and scratch.same[s * source.slots + (then & (source.slots - 1))] != 0


@part
def written(tables: Any, scratch: Any, place: int, s: int, t: int, since: int) -> Any:
    """Return where a population of one sample writes what it fires in step t of the stretch since ``since``."""
    whole = row(tables.whole, 0)
    mine = sent(whole, row(tables.sources, place + 1), scratch, place + 1, s, t)
    faults = beyond(scratch.faults, ((s * whole.stretch + t - since) * whole.places + place) * 2)
    return Fired(mine.events, mine.ends, faults)
