"""The sums of one tile: what all its connections bring in one step, or in two.

There is room for the sums of two steps, one half for each.
"""

from typing import Any

from sim.fast.kernels.arguments import LoopMemory
from sim.fast.kernels.slots import sent, unchanged
from sim.fast.layout.grid import TILE_UNIT
from sim.fast.layout.records import GROUPED
from sim.fast.vector.calls import call
from sim.fast.vector.jit import part
from sim.fast.vector.pointers import int16s, int32s, pointer_to, row, seldom

__all__ = ["SUM_BYTES", "sum_steps"]

SUM_BYTES = 4
"""Bytes that there are for every sum."""


@part
def memory_of(work: Any) -> Any:
    """Return what the loops read and write beside the sums."""
    return LoopMemory(work.arenas.weights, work.arenas.integers, work.scratch.window, work.scratch.drawn)


@part
def clear(sums: Any, size: int) -> None:
    """Set bytes to zero."""
    for i in range(size):
        sums[i] = 0


@part
def add_shifted(sums: Any, brought: Any, wide: int, size: int, shift: int) -> None:
    """Add the sums of one connection, shifted to the right."""
    if wide:
        sums32, brought32 = int32s(sums), int32s(brought)
        for i in range(size):
            sums32[i] += brought32[i] >> shift
    else:
        sums16, brought16 = int16s(sums), int16s(brought)
        for i in range(size):
            sums16[i] += brought16[i] >> shift


@part
def deliver(work: Any, c: Any, tile: Any, sums: Any, fresh: Any, step: Any) -> None:
    """Add to the sums of a tile, or begin them if ``fresh``, what a connection brings from one step of its source."""
    memory, events = memory_of(work), step.ends[c.height * c.width]
    if seldom(events > c.bytes_most):
        call(c.product, (c, tile, tile.lane, sums, fresh, step, memory))
        return
    for k in range(tile.piece, tile.piece + 1 if c.kind == GROUPED else tile.piece_to):
        piece = row(work.tables.pieces, c.pieces + k)
        loop = piece.image_loop if seldom(events > c.image_most) else piece.loop
        call(loop, (c, tile, piece.lane, sums, fresh, step, memory))


@part
def sum_up(work: Any, p: Any, tile: Any, own: Any, s: int, t: int) -> None:
    """Make the sums of one tile at one step."""
    tables, scratch = work.tables, work.scratch
    sizes, size, bytes_each = (
        row(tables.sizes, 0),
        (tile.pixel_to - tile.pixel) * tile.lanes,
        SUM_BYTES >> (p.wide == 0),
    )
    fresh = True
    for k in range(p.connections, p.connections_to):
        c = row(tables.connections, k)
        if t < c.lag:
            continue
        shifted = c.right_shift > 0
        if fresh and (shifted or c.kind == GROUPED):
            clear(own, size * bytes_each)
            fresh = False
        sums = scratch.part if shifted else own
        if shifted:
            clear(sums, size * bytes_each)
        step = sent(sizes, row(tables.sources, c.source), scratch, c.source, s, t - c.lag)
        deliver(work, c, tile, sums, fresh, step)
        fresh = False
        if shifted:
            add_shifted(own, sums, p.wide, size, c.right_shift)
    if fresh:
        clear(own, size * bytes_each)
    clear(pointer_to(own, size * bytes_each), (-size & (TILE_UNIT - 1)) * bytes_each)


@part
def sum_both(work: Any, p: Any, tile: Any, half: int, s: int, t: int) -> Any:
    """Make the sums of two steps at once where that is faster, and return whether they are made.

    ``half`` tells where those of the first step go. A second step that repeats the first is left to others.
    """
    tables, scratch = work.tables, work.scratch
    c = row(tables.connections, p.connections)
    alone = p.connections_to - p.connections == 1 and c.right_shift == 0
    if not alone or c.bytes_single == 0 or t < c.lag:
        return False
    if unchanged(tables, scratch, p, s, t) or unchanged(tables, scratch, p, s, t + 1):
        return False
    sizes, source = row(tables.sizes, 0), row(tables.sources, c.source)
    first = sent(sizes, source, scratch, c.source, s, t - c.lag)
    second = sent(sizes, source, scratch, c.source, s, t + 1 - c.lag)
    if seldom((first.ends[source.pixels] + second.ends[source.pixels]) >> 1 > c.bytes_most):
        stride = (1 - 2 * half) * (sizes.sums_size << (p.wide == 0))  # in sums of this width
        sums = pointer_to(scratch.sums, half * sizes.sums_size * SUM_BYTES)
        call(c.product_of_two, (c, tile, sums, stride, first, second, memory_of(work)))
        return True
    return False


@part
def sum_steps(work: Any, p: Any, tile: Any, moment: Any, steps: int, previous: int) -> Any:
    """Make the sums of one tile at one step or two; return in which half those of the first and of the last are.

    ``previous`` says which half holds those of the step before, -1 that none does.
    """
    sizes, s, t = row(work.tables.sizes, 0), moment.s, moment.t
    half = first_half = previous
    both = steps == 2 and sum_both(work, p, tile, 1 if previous == 0 else 0, s, t)
    if both:
        first_half = 1 if previous == 0 else 0
        half = 1 - first_half
    for i in range(0 if both else steps):
        if half < 0 or not unchanged(work.tables, work.scratch, p, s, t + i):
            half = 1 - half if half >= 0 else 0
            own = pointer_to(work.scratch.sums, half * sizes.sums_size * SUM_BYTES)
            sum_up(work, p, tile, own, s, t + i)
        if i == 0:
            first_half = half
    return first_half, half
