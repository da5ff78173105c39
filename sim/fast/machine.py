"""The vector engine: a few samples together, a stretch of steps at a time, population after population, tile by tile.

A tile keeps its state and its weights in the nearest cache for all steps of the stretch before the next tile begins.
Populations that read one another, whatever the lag, advance together step by step instead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.events import (
    are_equal,
    list_fired,
    list_graded,
    list_messages,
    pack_bits,
    record_spikes,
    record_state,
    repeat,
    synops_of,
    synops_of_raster,
)
from sim.fast.gather import deliver
from sim.fast.jit import inline, kernel, part
from sim.fast.lanes import beyond, int32s, pointer, row
from sim.fast.neurons import LANES, update
from sim.fast.product import multiply_both, seldom
from sim.fast.records import BARE, GROUPED, Arenas, Fired, Results, Scratch, State, Step, Tables
from sim.fast.refusal import CLIP, FAR, NEVER, UNSURE, WRAP

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
def add_shifted(sums16: Any, sums32: Any, scratch: Any, wide: int, size: int, shift: int) -> None:
    """Add the sums of one connection, shifted to the right."""
    if wide:
        for i in range(size):
            sums32[i] += scratch.part32[i] >> shift
    else:
        for i in range(size):
            sums16[i] += scratch.part16[i] >> shift


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


@part
def advance(
    isa: Any, tables: Any, arenas: Any, scratch: Any, results: Any, tile: Any, b: int, s: int, t: int, since: int,
    steps: int, kept: int,
) -> Any:  # fmt: skip
    """Advance one tile of one sample by one step or two; ``since`` is the first step of the stretch.

    There is room for two steps' sums; ``kept`` says which holds those of the step before, -1 that none does. Returned
    is the same for the next step.
    """
    whole, place = row(tables.whole, 0), tile.place
    p, source = row(tables.populations, place), row(tables.sources, place + 1)
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
    apart, first_at = (here - first_at) * whole.sums_size, first_at * whole.sums_size
    first = written(tables, scratch, place, s, t, since)
    second = written(tables, scratch, place, s, t + steps - 1, since)
    spikes, later = scratch.spikes, beyond(scratch.spikes, whole.spikes_room)
    at = s * whole.lanes + p.first
    u, v = beyond(scratch.u, at), beyond(scratch.v, at)
    state = State(
        beyond(arenas.u0, p.first) if t == 0 else u, beyond(arenas.v0, p.first) if t == 0 else v, u, v,
        beyond(scratch.counters, at),
    )  # fmt: skip
    if p.wide:
        sums = beyond(scratch.sums32, first_at)
        active = update(
            isa, p, tile, state, sums, apart, arenas.registers, spikes, later, first.faults, second.faults, steps
        )
    else:
        sums16 = beyond(scratch.sums16, first_at)
        active = update(
            isa, p, tile, state, sums16, apart, arenas.registers, spikes, later, first.faults, second.faults, steps
        )
    n = list_fired(isa, p.pitch, tile, spikes, first.events, first.ends)
    m = list_fired(isa, p.pitch, tile, later, second.events, second.ends) if steps == 2 else n
    results.pop_counts[(b * whole.places + place) * TALLY + 1] += active
    step = b * whole.steps + t
    if p.spikes_at >= 0:
        out = beyond(results.spikes, step * whole.spikes_size + p.spikes_at)
        record_spikes(source, tile, first.events, first.ends, n, out)
        if steps == 2:
            record_spikes(source, tile, second.events, second.ends, m, beyond(out, whole.spikes_size))
    if p.u_at >= 0:
        record_state(source, tile, u, beyond(results.u, step * whole.u_size + p.u_at))
    if p.v_at >= 0:
        record_state(source, tile, v, beyond(results.v, step * whole.v_size + p.v_at))
    return here


@part
def advance_all(
    isa: Any, tables: Any, arenas: Any, scratch: Any, results: Any, b: int, samples: int, t: int, to: int
) -> None:
    """Advance every population through the stretch of steps t..to.

    A run of one population goes tile by tile, all samples and steps of each; a stepwise run step by step, all tiles.
    """
    for r in range(row(tables.whole, 0).runs):
        run = row(tables.runs, r)
        k, s, step, kept = run.tiles, 0, t, -1
        while k < run.tiles_to and s < samples:
            tile = row(tables.tiles, k)
            p = row(tables.populations, tile.place)
            steps = 1 if run.stepwise or step + 1 == to or p.u_at >= 0 or p.v_at >= 0 else 2
            kept = advance(isa, tables, arenas, scratch, results, tile, b + s, s, step, t, steps, kept)
            if run.stepwise:
                k, kept = k + 1, -1
                if k == run.tiles_to:
                    k, step = run.tiles, step + 1
                if step == to:
                    step, s = t, s + 1
            else:
                step += steps
                if step == to:
                    step, s, kept = t, s + 1, -1
                if s == samples:
                    s, k = 0, k + 1


@part
def read_input(isa: Any, tables: Any, scratch: Any, raster: Any, b: int, s: int, t: int) -> None:
    """List, and pack, the messages of one sample and step."""
    whole, source = row(tables.whole, 0), row(tables.sources, 0)
    mine = sent(whole, source, scratch, 0, s, t)
    step = beyond(raster, (b * whole.steps + t) * whole.inputs)
    room = ((whole.batch - b) * whole.steps - t) * whole.inputs
    same = t > 0 and are_equal(step, beyond(step, -whole.inputs), whole.inputs)
    scratch.same[s * source.slots + (t & (source.slots - 1))] = same
    if same:
        repeat(whole, source, sent(whole, source, scratch, 0, s, t - 1), mine)
        return
    if whole.graded:
        list_graded(whole, source, int32s(step), mine.events, mine.ends, mine.values, mine.image)
    elif source.form != BARE:
        list_messages(isa, source, step, room, scratch.block, mine.events, mine.ends)
    if whole.bits_size > 0:
        messages = pack_bits(whole, step, room, mine.bits)
        if source.form == BARE:
            mine.ends[source.pixels] = messages


@part
def count_synops(
    tables: Any, arenas: Any, scratch: Any, results: Any, raster: Any, b: int, s: int, t: int, to: int
) -> None:
    """Count what every connection has delivered, or will deliver before the last step, of the stretch t..to.

    The input's messages are looked up one by one. A population has counted the spikes of every neuron on the way; what
    its last steps send beyond the end of the run is taken off again.
    """
    whole = row(tables.whole, 0)
    for k in range(whole.connections):
        c = row(tables.connections, k)
        source = row(tables.sources, c.source)
        delivered = whole.steps - c.lag if whole.steps > c.lag else 0  # steps of which the messages still arrive
        counts, synops = beyond(results.con_counts, (b * whole.connections + k) * 2), 0
        for step in range(t, to):
            mine = sent(whole, source, scratch, c.source, s, step)
            n = mine.ends[source.pixels]
            counts[0] += n if step < delivered else 0
            if c.fan_each >= 0:
                counts[1] += n * c.fan_each if step < delivered else 0
            elif c.source == 0 and step < delivered:
                if source.form != BARE:
                    if step == t or scratch.same[s * source.slots + (step & (source.slots - 1))] == 0:
                        synops = synops_of(c, source, arenas.fan_out, mine.events, mine.ends)
                    counts[1] += synops
            elif c.source > 0 and step >= delivered:
                counts[1] -= synops_of(c, source, arenas.fan_out, mine.events, mine.ends)
        if c.fan_each < 0 and c.source == 0 and source.form == BARE:
            last = to if to < delivered else delivered
            here = beyond(raster, (b * whole.steps + t) * whole.inputs)
            fan_out = beyond(arenas.fan_out, c.fan_at)
            counts[1] += synops_of_raster(fan_out, here, last - t, source.size, scratch.heard)
        if c.fan_each < 0 and c.source > 0:
            p = row(tables.populations, c.source - 1)
            counters, fan_out = beyond(scratch.counters, s * whole.lanes + p.first), beyond(arenas.fan_out, c.fan_at)
            lanes, synops = source.pixels * source.pitch, 0
            for i in range(lanes):
                synops += counters[i] * fan_out[i]
            counts[1] += synops


@part
def settle(tables: Any, scratch: Any, results: Any, refusing: Any, b: int, s: int, t: int, to: int) -> bool:
    """Add up what the stretch fired, wrapped and clipped; note the first refusal and return whether there was one."""
    whole = row(tables.whole, 0)
    refused = beyond(results.refused, b * REFUSAL)
    lanes, counters = whole.lanes, beyond(scratch.counters, s * whole.lanes)
    for i in range(lanes):
        counters[i] = 0
    for step in range(t, to):
        for place in range(whole.places):
            source = row(tables.sources, place + 1)
            counts = beyond(results.pop_counts, (b * whole.places + place) * TALLY)
            counts[0] += sent(whole, source, scratch, place + 1, s, step).ends[source.pixels]
            for check in range(2):
                at = ((s * whole.stretch + step - t) * whole.places + place) * 2 + check
                count = scratch.faults[at]
                scratch.faults[at] = 0
                counts[2 + check] += count
                refuses = count > 0 and refusing[place * 2 + check] != 0
                if refused[0] == NEVER and (refuses or count >= FAR):
                    refused[0] = step
                    refused[1] = place
                    refused[2] = UNSURE if count >= FAR else WRAP if check == 0 else CLIP
                    refused[4] = count
    return bool(refused[0] != NEVER)


@kernel
def run_samples(
    isa: Any,
    raster_array: NDArray[np.uint8],  # b t i; of graded messages the bytes
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
        pointer(c.u), pointer(c.v), pointer(c.counters), pointer(c.sums16), pointer(c.sums32), pointer(c.part16),
        pointer(c.part32), pointer(c.spikes), pointer(c.lists), pointer(c.ends), pointer(c.window), pointer(c.values),
        pointer(c.bits), pointer(c.image), pointer(c.drawn), pointer(c.faults), pointer(c.heard), pointer(c.block),
        pointer(c.same),
    )  # fmt: skip
    results = Results(
        pointer(d.recorded), pointer(d.spikes), pointer(d.u), pointer(d.v), pointer(d.pop_counts),
        pointer(d.con_counts), pointer(d.refused),
    )  # fmt: skip
    raster, refusing = pointer(raster_array), pointer(refusing_array)
    whole = row(tables.whole, 0)
    for first in range(0, whole.batch, whole.together):
        samples = min(whole.together, whole.batch - first)
        for t in range(0, whole.steps, whole.stretch):
            to = min(t + whole.stretch, whole.steps)
            for s in range(samples):
                for step in range(t, to):
                    read_input(isa, tables, scratch, raster, first + s, s, step)
            advance_all(isa, tables, arenas, scratch, results, first, samples, t, to)
            ended = False
            for s in range(samples):
                count_synops(tables, arenas, scratch, results, raster, first + s, s, t, to)
                ended |= settle(tables, scratch, results, refusing, first + s, s, t, to)
            if ended:
                break
