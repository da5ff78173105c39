"""What a stretch of steps is counted as: synops, spikes, wraps and clips; and the first refusal of a sample."""

from typing import Any

from sim.fast.kernels.events import synops_of, synops_of_steps
from sim.fast.kernels.slots import sent
from sim.fast.layout.records import BARE
from sim.fast.vector.jit import part
from sim.fast.vector.pointers import pointer_to, row
from sim.refusal import CLIPPED, NEVER, OUT_OF_SIGHT, UNSURE, WRAPPED

__all__ = ["TALLY", "count_synops", "settle"]

TALLY, REFUSAL = 5, 5
"""Numbers in a row of the counts of populations, and in one of the refusals."""


@part
def messages_in(work: Any, place: int, source: Any, listed: Any) -> Any:
    """Return how many messages a list holds: as many as entries, unless a message may be several spikes."""
    many = 0
    if place > 0:
        many = int(row(work.tables.populations, place - 1).most > 1)
    return listed.ends[source.pixels + many]


@part
def count_synops(work: Any, raster: Any, moment: Any, to: int) -> None:
    """Count what every connection has delivered, or will deliver before the last step, of a stretch up to step ``to``.

    The input's messages are looked up one by one. A population has counted the spikes of every neuron on the way; what
    its last steps send beyond the end of the run is taken off again.
    """
    sizes, t = row(work.tables.sizes, 0), moment.t
    for k in range(sizes.connections):
        c = row(work.tables.connections, k)
        source = row(work.tables.sources, c.source)
        delivered = sizes.steps - c.lag if sizes.steps > c.lag else 0  # steps of which the messages still arrive
        counts = pointer_to(work.outcome.con_counts, (moment.b * sizes.connections + k) * 2)
        count_listed(work, c, source, counts, moment, to, delivered)
        if c.fan_each < 0 and c.source == 0 and source.form == BARE:
            last = to if to < delivered else delivered
            here = pointer_to(raster, (moment.b * sizes.steps + t) * sizes.inputs)
            fan_out = pointer_to(work.arenas.integers, c.fan_at)
            counts[1] += synops_of_steps(here, source.size, last - t, source.size, fan_out, work.scratch.heard)
        if c.fan_each < 0 and c.source > 0:
            p = row(work.tables.populations, c.source - 1)
            counters = pointer_to(work.scratch.counters, moment.s * sizes.lanes + p.first)
            fan_out = pointer_to(work.arenas.integers, c.fan_at)
            lanes, synops = source.pixels * source.pitch, 0
            for i in range(lanes):
                synops += counters[i] * fan_out[i]
            counts[1] += synops


@part
def count_listed(work: Any, c: Any, source: Any, counts: Any, moment: Any, to: int, delivered: int) -> None:
    """Count the events of a connection, and the synops that follow from the lists of its source."""
    sizes, scratch, s, synops = row(work.tables.sizes, 0), work.scratch, moment.s, 0
    for step in range(moment.t, to):
        mine = sent(sizes, source, scratch, c.source, s, step)
        n = messages_in(work, c.source, source, mine)
        counts[0] += n if step < delivered else 0
        if c.fan_each >= 0:
            counts[1] += n * c.fan_each if step < delivered else 0
        elif c.source == 0 and step < delivered:
            if source.form != BARE:
                if step == moment.t or scratch.same[s * source.slots + (step & (source.slots - 1))] == 0:
                    synops = synops_of(c, source, work.arenas.integers, mine.events, mine.ends)
                counts[1] += synops
        elif c.source > 0 and step >= delivered:
            counts[1] -= synops_of(c, source, work.arenas.integers, mine.events, mine.ends)


@part
def settle(work: Any, refusing: Any, moment: Any, to: int) -> bool:
    """Add up what a stretch fired, wrapped and clipped; note the first refusal and return whether there was one."""
    sizes, scratch, s = row(work.tables.sizes, 0), work.scratch, moment.s
    refused = pointer_to(work.outcome.refused, moment.b * REFUSAL)
    lanes, counters = sizes.lanes, pointer_to(scratch.counters, s * sizes.lanes)
    for i in range(lanes):
        counters[i] = 0
    for step in range(moment.t, to):
        for place in range(sizes.places):
            source = row(work.tables.sources, place + 1)
            counts = pointer_to(work.outcome.pop_counts, (moment.b * sizes.places + place) * TALLY)
            n = sent(sizes, source, scratch, place + 1, s, step).ends[source.pixels]
            counts[0] += n
            counts[4] += messages_in(work, place + 1, source, sent(sizes, source, scratch, place + 1, s, step))
            for check in range(2):
                at = ((s * sizes.stretch + step - moment.t) * sizes.places + place) * 2 + check
                count = scratch.faults[at]
                scratch.faults[at] = 0
                counts[2 + check] += count
                refuses = count > 0 and refusing[place * 2 + check] != 0
                if refused[0] == NEVER and (refuses or count >= OUT_OF_SIGHT):
                    refused[0] = step
                    refused[1] = place
                    refused[2] = UNSURE if count >= OUT_OF_SIGHT else WRAPPED if check == 0 else CLIPPED
                    refused[4] = count
    return bool(refused[0] != NEVER)
