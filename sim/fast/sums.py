"""The sums of one tile: what all its connections bring in one step, or in two."""

from typing import Any

from sim.fast.gather import deliver
from sim.fast.jit import part
from sim.fast.lanes import beyond, row
from sim.fast.neurons import LANES
from sim.fast.product import multiply_both, seldom
from sim.fast.records import GROUPED
from sim.fast.slots import sent, unchanged

__all__ = ["sum_steps"]


@part
def clear(sums16: Any, sums32: Any, wide: int, size: int) -> None:
    """Set the sums of a tile to zero."""
    if wide:
        for i in range(size):
            sums32[i] = 0
    else:
        for i in range(size):
            sums16[i] = 0


@part
def add_shifted(sums16: Any, sums32: Any, scratch: Any, wide: int, size: int, shift: int) -> None:
    """Add the sums of one connection, shifted to the right."""
    if wide:
        for i in range(size):
            sums32[i] += scratch.part32[i] >> shift
    else:
        for i in range(size):
            sums16[i] += scratch.part16[i] >> shift


@part
def sum_up(
    isa: Any, tables: Any, arenas: Any, scratch: Any, p: Any, tile: Any, own16: Any, own32: Any, s: int, t: int
) -> None:  # fmt: skip
    """Make the sums of one tile at one step."""
    whole = row(tables.whole, 0)
    size = (tile.pixel_to - tile.pixel) * tile.lanes
    fresh = True
    for k in range(p.connections, p.connections_to):
        c = row(tables.connections, k)
        apart = c.right_shift > 0
        if t < c.lag:
            continue
        if fresh and (apart or c.kind == GROUPED):
            clear(own16, own32, p.wide, size)
            fresh = False
        sums16 = scratch.part16 if apart else own16
        sums32 = scratch.part32 if apart else own32
        if apart:
            clear(sums16, sums32, p.wide, size)
        step = sent(whole, row(tables.sources, c.source), scratch, c.source, s, t - c.lag)
        deliver(isa, c, tile, tables.pieces, p.wide, sums16, sums32, fresh, arenas, step, scratch)
        fresh = False
        if apart:
            add_shifted(own16, own32, scratch, p.wide, size, c.right_shift)
    if fresh:
        clear(own16, own32, p.wide, size)
    clear(beyond(own16, size), beyond(own32, size), p.wide, -size & (LANES - 1))


@part
def sum_both(
    isa: Any, tables: Any, arenas: Any, scratch: Any, p: Any, tile: Any, here: int, s: int, t: int
) -> Any:  # fmt: skip
    """Make the sums of two steps at once where that is faster, and return whether they are made.

    ``here`` tells which of two places is for the first step. A second step that repeats the first is left to others.
    """
    c = row(tables.connections, p.connections)
    alone = p.connections_to - p.connections == 1 and c.right_shift == 0
    if not alone or c.bytes_single == 0 or t < c.lag:
        return False
    if unchanged(tables, scratch, p, s, t) or unchanged(tables, scratch, p, s, t + 1):
        return False
    whole, source = row(tables.whole, 0), row(tables.sources, c.source)
    first = sent(whole, source, scratch, c.source, s, t - c.lag)
    second = sent(whole, source, scratch, c.source, s, t + 1 - c.lag)
    at, apart = here * whole.sums_size, (1 - 2 * here) * whole.sums_size
    sums16, sums32 = beyond(scratch.sums16, at), beyond(scratch.sums32, at)
    if seldom((first.ends[source.pixels] + second.ends[source.pixels]) >> 1 > c.bytes_most):
        multiply_both(isa, c, tile, p.wide, sums16, sums32, apart, arenas, first, second, scratch.drawn)
        return True
    return False


@part
def sum_steps(
    isa: Any, tables: Any, arenas: Any, scratch: Any, p: Any, tile: Any, s: int, t: int, steps: int, kept: int
) -> Any:  # fmt: skip
    """Make the sums of one tile at one step or two; return in which of two places those of the first and the last are.

    ``kept`` says which holds those of the step before, -1 that none does.
    """
    whole = row(tables.whole, 0)
    here = first_at = kept
    both = steps == 2 and sum_both(isa, tables, arenas, scratch, p, tile, 1 if kept == 0 else 0, s, t)
    if both:
        first_at = 1 if kept == 0 else 0
        here = 1 - first_at
    for i in range(0 if both else steps):
        if here < 0 or not unchanged(tables, scratch, p, s, t + i):
            here = 1 - here if here >= 0 else 0
            own16, own32 = (
                beyond(scratch.sums16, here * whole.sums_size),
                beyond(scratch.sums32, here * whole.sums_size),
            )
            sum_up(isa, tables, arenas, scratch, p, tile, own16, own32, s, t + i)
        if i == 0:
            first_at = here
    return first_at, here
