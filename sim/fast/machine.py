"""The vector engine: a few samples together, a stretch of steps at a time, population after population, tile by tile.

A tile keeps its state and its weights in the nearest cache for all steps of the stretch before the next tile begins.
Populations that read one another, whatever the lag, advance together step by step instead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.events import count_events, list_graded, list_messages, pack_bits, record_spikes, record_state
from sim.fast.gather import deliver
from sim.fast.jit import kernel, part
from sim.fast.lanes import beyond, pointer, row
from sim.fast.neurons import update
from sim.fast.records import Arenas, Results, Scratch, Tables
from sim.fast.refusal import CLIP, NEVER, WRAP

__all__ = ["run_samples"]

TALLY, REFUSAL = 4, 5
"""Numbers in a row of the counts of populations, and in one of the refusals."""


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
def add_shifted(scratch: Any, wide: int, size: int, shift: int) -> None:
    """Add the sums of one connection, shifted to the right."""
    if wide:
        for i in range(size):
            scratch.sums32[i] += scratch.part32[i] >> shift
    else:
        for i in range(size):
            scratch.sums16[i] += scratch.part16[i] >> shift


@part
def sum_up(tables: Any, arenas: Any, scratch: Any, results: Any, p: Any, tile: Any, b: int, s: int, t: int) -> None:
    """Make the sums of one tile at one step; count events and synops where the tile is the population's first."""
    whole = row(tables.whole, 0)
    size = (tile.pixel_to - tile.pixel) * tile.lanes
    clear(scratch.sums16, scratch.sums32, p.wide, size)
    for k in range(p.connections, p.connections_to):
        c = row(tables.connections, k)
        if t < c.lag:
            continue
        source = row(tables.sources, c.source)
        slot = (t - c.lag) % source.slots
        events = beyond(scratch.lists, s * whole.index_size + source.index_at + slot * source.index_size)
        ends = beyond(scratch.ends, s * whole.ends_size + source.ends_at + slot * source.ends_size)
        graded = whole.graded and c.source == 0
        values = beyond(scratch.values, s * whole.values_size + slot * source.index_size if graded else 0)
        bits = beyond(scratch.bits, (s * source.slots + slot) * whole.bits_size if c.source == 0 else 0)
        if tile.pixel == 0 and tile.lane == 0:
            n, synops = count_events(c, source, arenas.fan_out, events, ends)
            counts = beyond(results.con_counts, (b * whole.connections + k) * 2)
            counts[0] += n
            counts[1] += synops
        apart = c.right_shift > 0
        sums16 = scratch.part16 if apart else scratch.sums16
        sums32 = scratch.part32 if apart else scratch.sums32
        if apart:
            clear(sums16, sums32, p.wide, size)
        deliver(c, tile, tables.pieces, p.wide, sums16, sums32, arenas, events, ends, values, bits, graded)
        if apart:
            add_shifted(scratch, p.wide, size, c.right_shift)


@part
def advance(
    isa: Any, tables: Any, arenas: Any, scratch: Any, results: Any, tile: Any, b: int, s: int, t: int, since: int,
) -> None:  # fmt: skip
    """Advance one tile of one sample by one step; ``since`` is the first step of the stretch."""
    whole, place = row(tables.whole, 0), tile.place
    p, source = row(tables.populations, place), row(tables.sources, place + 1)
    sum_up(tables, arenas, scratch, results, p, tile, b, s, t)
    slot = t % source.slots
    events = beyond(scratch.lists, s * whole.index_size + source.index_at + slot * source.index_size)
    ends = beyond(scratch.ends, s * whole.ends_size + source.ends_at + slot * source.ends_size)
    u, v = beyond(scratch.u, s * whole.lanes + p.first), beyond(scratch.v, s * whole.lanes + p.first)
    n = ends[tile.pixel + (tile.lane > 0)]
    active, wraps, clips = update(isa, p, tile, u, v, scratch, arenas.registers, events, ends)
    results.pop_counts[(b * whole.places + place) * TALLY + 1] += active
    faults = beyond(scratch.faults, ((s * whole.stretch + t - since) * whole.places + place) * 2)
    faults[0] += wraps
    faults[1] += clips
    step = b * whole.steps + t
    if p.spikes_at >= 0:
        record_spikes(source, tile, events, ends, n, beyond(results.spikes, step * whole.spikes_size + p.spikes_at))
    if p.u_at >= 0:
        record_state(source, tile, u, beyond(results.u, step * whole.u_size + p.u_at))
    if p.v_at >= 0:
        record_state(source, tile, v, beyond(results.v, step * whole.v_size + p.v_at))


@part
def advance_all(
    isa: Any, tables: Any, arenas: Any, scratch: Any, results: Any, b: int, samples: int, t: int, to: int
) -> None:
    """Advance every population through the stretch of steps t..to.

    A run of one population goes tile by tile, all samples and steps of each; a stepwise run step by step, all tiles.
    """
    for r in range(row(tables.whole, 0).runs):
        run = row(tables.runs, r)
        k, s, step = run.tiles, 0, t
        while k < run.tiles_to and s < samples:
            advance(isa, tables, arenas, scratch, results, row(tables.tiles, k), b + s, s, step, t)
            if run.stepwise:
                k += 1
                if k == run.tiles_to:
                    k, step = run.tiles, step + 1
                if step == to:
                    step, s = t, s + 1
            else:
                step += 1
                if step == to:
                    step, s = t, s + 1
                if s == samples:
                    s, k = 0, k + 1


@part
def read_input(isa: Any, tables: Any, scratch: Any, raster: Any, b: int, s: int, t: int) -> None:
    """List, and pack, the messages of one sample and step."""
    whole, source = row(tables.whole, 0), row(tables.sources, 0)
    slot = t % source.slots
    events = beyond(scratch.lists, s * whole.index_size + slot * source.index_size)
    ends = beyond(scratch.ends, s * whole.ends_size + slot * source.ends_size)
    step = beyond(raster, (b * whole.steps + t) * whole.inputs)
    if whole.graded:
        values = beyond(scratch.values, s * whole.values_size + slot * source.index_size)
        list_graded(source, step, events, ends, values)
    else:
        list_messages(isa, source, step, events, ends)
    if whole.bits_size > 0:
        pack_bits(whole, step, beyond(scratch.bits, (s * source.slots + slot) * whole.bits_size))


@part
def settle(tables: Any, scratch: Any, results: Any, refusing: Any, b: int, s: int, t: int, to: int) -> bool:
    """Add up what the stretch fired, wrapped and clipped; note the first refusal and return whether there was one."""
    whole = row(tables.whole, 0)
    refused = beyond(results.refused, b * REFUSAL)
    for step in range(t, to):
        for place in range(whole.places):
            source = row(tables.sources, place + 1)
            counts = beyond(results.pop_counts, (b * whole.places + place) * TALLY)
            ends = s * whole.ends_size + source.ends_at + step % source.slots * source.ends_size
            counts[0] += scratch.ends[ends + source.pixels]
            for check in range(2):
                at = ((s * whole.stretch + step - t) * whole.places + place) * 2 + check
                count = scratch.faults[at]
                scratch.faults[at] = 0
                counts[2 + check] += count
                if count > 0 and refusing[place * 2 + check] != 0 and refused[0] == NEVER:
                    refused[0] = step
                    refused[1] = place
                    refused[2] = WRAP if check == 0 else CLIP
                    refused[4] = count
    return bool(refused[0] != NEVER)


@part
def begin(whole: Any, arenas: Any, scratch: Any, samples: int) -> None:
    """Set the state of every sample to what it is before its first step."""
    for s in range(samples):
        for i in range(whole.lanes):
            scratch.u[s * whole.lanes + i] = arenas.u0[i]
            scratch.v[s * whole.lanes + i] = arenas.v0[i]


@kernel
def run_samples(
    isa: Any,
    raster_array: NDArray[np.integer[Any]],  # b t i
    tables_arrays: Tables,
    arenas_arrays: Arenas,
    scratch_arrays: Scratch,
    results_arrays: Results,
    refusing_array: NDArray[np.uint8],  # place (wrap, clip)
) -> None:
    """Run every sample from the initial state to the last step, or past its first refusal."""
    a, b, c, d = tables_arrays, arenas_arrays, scratch_arrays, results_arrays
    tables = Tables(
        pointer(a.whole), pointer(a.sources), pointer(a.populations), pointer(a.connections), pointer(a.tiles),
        pointer(a.pieces), pointer(a.runs),
    )  # fmt: skip
    arenas = Arenas(
        pointer(b.weights8), pointer(b.weights16), pointer(b.weights32), pointer(b.fan_out), pointer(b.registers),
        pointer(b.u0), pointer(b.v0),
    )  # fmt: skip
    scratch = Scratch(
        pointer(c.u), pointer(c.v), pointer(c.sums16), pointer(c.sums32), pointer(c.part16), pointer(c.part32),
        pointer(c.lists), pointer(c.ends), pointer(c.values), pointer(c.bits), pointer(c.faults),
    )  # fmt: skip
    results = Results(
        pointer(d.recorded), pointer(d.spikes), pointer(d.u), pointer(d.v), pointer(d.pop_counts),
        pointer(d.con_counts), pointer(d.refused),
    )  # fmt: skip
    raster, refusing = pointer(raster_array), pointer(refusing_array)
    whole = row(tables.whole, 0)
    for first in range(0, whole.batch, whole.together):
        samples = min(whole.together, whole.batch - first)
        begin(whole, arenas, scratch, samples)
        for t in range(0, whole.steps, whole.stretch):
            to = min(t + whole.stretch, whole.steps)
            for s in range(samples):
                for step in range(t, to):
                    read_input(isa, tables, scratch, raster, first + s, s, step)
            advance_all(isa, tables, arenas, scratch, results, first, samples, t, to)
            ended = False
            for s in range(samples):
                ended |= settle(tables, scratch, results, refusing, first + s, s, t, to)
            if ended:
                break
