"""What a stretch of steps is counted as: synops, spikes, wraps and clips; and the first refusal of a sample."""

from typing import Any

from sim.fast.events import synops_of, synops_of_raster
from sim.fast.jit import part
from sim.fast.lanes import beyond, row
from sim.fast.records import BARE
from sim.fast.refusal import CLIP, FAR, NEVER, UNSURE, WRAP
from sim.fast.slots import sent

__all__ = ["TALLY", "count_synops", "settle"]

TALLY, REFUSAL = 4, 5
"""Numbers in a row of the counts of populations, and in one of the refusals."""


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
