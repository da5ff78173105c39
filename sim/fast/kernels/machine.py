"""The vector engine: a few samples together, a stretch of steps at a time, population after population, tile by tile.

A tile keeps its state and its weights in the nearest cache for all steps of the stretch before the next tile begins.
Populations that read one another, whatever the lag, advance together step by step instead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.kernels.arguments import LoopPlace, Made, Membranes, Work
from sim.fast.kernels.counting import TALLY, count_synops, settle
from sim.fast.kernels.events import (
    are_equal,
    list_fired,
    list_graded,
    list_messages,
    list_sent,
    pack_bits,
    record_spikes,
    record_state,
    repeat,
)
from sim.fast.kernels.slots import sent, written
from sim.fast.kernels.sums import SUM_BYTES, sum_steps
from sim.fast.layout.records import BARE, Arenas, Scratch, Tables
from sim.fast.vector.calls import call_counting
from sim.fast.vector.jit import kernel, part
from sim.fast.vector.pointers import int32s, pointer, pointer_to, pointers, row
from sim.outcome import Outcome

__all__ = ["run_samples"]


@part
def membranes_of(work: Any, p: Any, moment: Any) -> Any:
    """Return the states of a population, which before step 0 are the initial ones."""
    at = moment.s * row(work.tables.sizes, 0).lanes + p.first
    u, v = pointer_to(work.scratch.u, at), pointer_to(work.scratch.v, at)
    before_u = pointer_to(work.arenas.u0, p.first) if moment.t == 0 else u
    before_v = pointer_to(work.arenas.v0, p.first) if moment.t == 0 else v
    return Membranes(
        before_u=before_u,
        before_v=before_v,
        u=u,
        v=v,
        counters=pointer_to(work.scratch.counters, at),
        rest=pointer_to(work.scratch.rest, at * row(work.tables.sizes, 0).rests),
    )


@part
def record(work: Any, p: Any, tile: Any, moment: Any, later: int, fired: Any, since: int) -> None:
    """Write the spikes of a tile in a step, or so many steps later, where they are recorded."""
    if p.spikes_at >= 0:
        sizes, source = row(work.tables.sizes, 0), row(work.tables.sources, tile.place + 1)
        step = moment.b * sizes.steps + moment.t + later
        out = pointer_to(work.outcome.spikes, step * sizes.spikes_size + p.spikes_at)
        record_spikes(source, tile, fired.events, fired.ends, since, out)


@part
def record_states(work: Any, p: Any, tile: Any, moment: Any, membranes: Any) -> None:
    """Write u and v of a tile where they are recorded."""
    sizes, source = row(work.tables.sizes, 0), row(work.tables.sources, tile.place + 1)
    step, outcome = moment.b * sizes.steps + moment.t, work.outcome
    if p.u_at >= 0:
        record_state(source, tile, membranes.u, pointer_to(outcome.u, step * sizes.u_size + p.u_at))
    if p.v_at >= 0:
        record_state(source, tile, membranes.v, pointer_to(outcome.v, step * sizes.v_size + p.v_at))


@part
def advance(isa: Any, work: Any, tile: Any, moment: Any, steps: int, previous: int) -> Any:
    """Advance one tile of one sample by one step or two.

    ``previous`` says which half of the room for sums holds those of the step before, -1 that none does. Returned is the
    same for the next step.
    """
    sizes, scratch = row(work.tables.sizes, 0), work.scratch
    p = row(work.tables.populations, tile.place)
    first_half, half = sum_steps(work, p, tile, moment, steps, previous)
    first, second = written(work, tile.place, moment, 0), written(work, tile.place, moment, steps - 1)
    sums = pointer_to(scratch.sums, first_half * sizes.sums_size * SUM_BYTES)
    now = Made(sums, scratch.spikes, scratch.sent, first.faults)
    sums, spikes = (
        pointer_to(scratch.sums, half * sizes.sums_size * SUM_BYTES),
        pointer_to(scratch.spikes, sizes.spikes_room),
    )
    later = Made(sums, spikes, pointer_to(scratch.sent, sizes.sums_size * sizes.many), second.faults)
    membranes = membranes_of(work, p, moment)
    loop = p.two_steps if steps == 2 else p.one_step
    active = call_counting(loop, (p, tile, membranes, work.arenas.registers, now, later))
    work.outcome.pop_counts[(moment.b * sizes.places + tile.place) * TALLY + 1] += active
    for i in range(steps):
        fired = first if i == 0 else second
        made = now if i == 0 else later
        if p.most > 1:
            pixels = row(work.tables.sources, tile.place + 1).pixels
            n = list_sent(p.pitch, tile, made.spikes, made.sent, fired.events, fired.ends, pixels)
        else:
            n = list_fired(isa, p.pitch, tile, made.spikes, fired.events, fired.ends)
        record(work, p, tile, moment, i, fired, n)
    record_states(work, p, tile, moment, membranes)
    return half


@part
def advance_all(isa: Any, work: Any, b: int, samples: int, t: int, to: int) -> None:
    """Advance every population through the stretch of steps t..to.

    A run of one population goes tile by tile, all samples and steps of each; a stepwise run step by step, all tiles.
    """
    for r in range(row(work.tables.sizes, 0).runs):
        run = row(work.tables.runs, r)
        k, s, step, previous = run.tiles, 0, t, -1
        while k < run.tiles_to and s < samples:
            tile = row(work.tables.tiles, k)
            p = row(work.tables.populations, tile.place)
            steps = 1 if run.stepwise or step + 1 == to or p.u_at >= 0 or p.v_at >= 0 else 2
            previous = advance(isa, work, tile, LoopPlace(b + s, s, step, t), steps, previous)
            if run.stepwise:
                k, previous = k + 1, -1
                if k == run.tiles_to:
                    k, step = run.tiles, step + 1
                if step == to:
                    step, s = t, s + 1
            else:
                step += steps
                if step == to:
                    step, s, previous = t, s + 1, -1
                if s == samples:
                    s, k = 0, k + 1


@part
def read_input(isa: Any, work: Any, raster: Any, moment: Any) -> None:
    """List, and pack, the messages of one sample and step."""
    sizes, source, scratch, s, t = (
        row(work.tables.sizes, 0),
        row(work.tables.sources, 0),
        work.scratch,
        moment.s,
        moment.t,
    )
    mine = sent(sizes, source, scratch, 0, s, t)
    step = pointer_to(raster, (moment.b * sizes.steps + t) * sizes.inputs)
    room = ((sizes.batch - moment.b) * sizes.steps - t) * sizes.inputs
    same = t > 0 and are_equal(step, pointer_to(step, -sizes.inputs), sizes.inputs)
    scratch.same[s * source.slots + (t & (source.slots - 1))] = same
    if same:
        repeat(sizes, source, sent(sizes, source, scratch, 0, s, t - 1), mine)
        return
    if sizes.graded:
        list_graded(sizes, source, int32s(step), mine)
    elif source.form != BARE:
        list_messages(isa, source, step, room, scratch.block, mine.events, mine.ends)
    if sizes.bits_size > 0:
        messages = pack_bits(sizes, step, room, mine.bits)
        if source.form == BARE:
            mine.ends[source.pixels] = messages


@kernel
def run_samples(
    isa: Any,
    raster_array: NDArray[np.uint8],  # b t i; of graded messages the bytes
    tables: Tables,
    arenas: Arenas,
    scratch: Scratch,
    outcome: Outcome,
    refusing_array: NDArray[np.uint8],  # place (wrap, clip)
) -> None:
    """Run every sample from the initial state to the last step, or past its first refusal."""
    work = Work(pointers(tables), pointers(arenas), pointers(scratch), pointers(outcome))
    raster, refusing, sizes = pointer(raster_array), pointer(refusing_array), row(work.tables.sizes, 0)
    for first in range(0, sizes.batch, sizes.together):
        samples = min(sizes.together, sizes.batch - first)
        for lane in range(sizes.rests * sizes.together * sizes.lanes):
            work.scratch.rest[lane] = 0
        for t in range(0, sizes.steps, sizes.stretch):
            to = min(t + sizes.stretch, sizes.steps)
            for s in range(samples):
                for step in range(t, to):
                    read_input(isa, work, raster, LoopPlace(first + s, s, step, t))
            advance_all(isa, work, first, samples, t, to)
            ended = False
            for s in range(samples):
                count_synops(work, raster, LoopPlace(first + s, s, t, t), to)
                ended |= settle(work, refusing, LoopPlace(first + s, s, t, t), to)
            if ended:
                break
