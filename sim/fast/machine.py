"""The vector engine: a few samples together, a stretch of steps at a time, population after population, tile by tile.

A tile keeps its state and its weights in the nearest cache for all steps of the stretch before the next tile begins.
Populations that read one another, whatever the lag, advance together step by step instead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.counting import TALLY, count_synops, settle
from sim.fast.events import (
    are_equal,
    list_fired,
    list_graded,
    list_messages,
    pack_bits,
    record_spikes,
    record_state,
    repeat,
)
from sim.fast.jit import kernel, part
from sim.fast.lanes import beyond, int32s, pointer, row
from sim.fast.neurons import update
from sim.fast.records import BARE, Arenas, Results, Scratch, State, Tables
from sim.fast.slots import sent, written
from sim.fast.sums import sum_steps

__all__ = ["run_samples"]


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
    first_at, here = sum_steps(isa, tables, arenas, scratch, p, tile, s, t, steps, kept)
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
