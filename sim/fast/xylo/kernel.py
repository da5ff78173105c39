"""One sample of a Xylo program in compiled code: `sim.arrival` and `sim.arithmetic.xylo`, neuron by neuron."""

from typing import Any

from sim.fast.vector.jit import inline, kernel

__all__ = ["run_sample"]

LEAST, MOST = -32768, 32767


@inline
def _receive(layout: Any, place: int, port: int, t: int, raster: Any, sent: Any, out: Any, scratch: Any) -> None:
    """Add what arrives at one port of a population to its state."""
    first, size, begin, end, _, _ = layout.populations[place]
    states, sums, events, clipped = scratch
    up, down = sums[0], sums[1]
    found = 0
    for c in range(begin, end):
        is_input, source, sources, lag, own_port, weights, fans, index = layout.connections[c]
        if own_port != port or t < lag:
            continue
        counted, synops = 0, 0
        for j in range(sources):
            z = raster[t - lag, j] if is_input else sent[t - lag, source + j]
            if z == 0:
                continue
            counted += 1
            synops += z * layout.fan_out[fans + j]
            events[0, found], events[1, found] = weights + j * size, z
            found += 1
        out[5][index, 0] += counted
        out[5][index, 1] += synops
    if found == 0:
        return
    up[:size] = 0
    down[:size] = 0
    for e in range(found):
        row, z = layout.weights[events[0, e] : events[0, e] + size], events[1, e]
        for n in range(size):
            up[n] += max(row[n], 0) * z
            down[n] += min(row[n], 0) * z
    state = states[port]
    for n in range(size):
        x = state[first + n]
        if x + up[n] <= MOST and x + down[n] >= LEAST:
            state[first + n] = x + up[n] + down[n]
            continue
        for e in range(found):
            grown = x + layout.weights[events[0, e] + n] * events[1, e]
            x = min(max(grown, LEAST), MOST)
            if x != grown:
                clipped[n] = 1
        state[first + n] = x


@inline
def _lost(x: int, n: int) -> int:
    lost = x >> n
    return 1 if lost == 0 and x > 0 else lost


@inline
def _advance(layout: Any, first: int, size: int, most: int, t: int, out: Any, scratch: Any, counts: Any) -> None:
    """Advance the neurons of a population, and count and record what they do."""
    states, clipped = scratch[0], scratch[3]
    sent, rec_i, rec_i2, rec_v = out[0], out[1], out[2], out[3]
    syn, syn2, mem, thetas, biases = layout.registers[:5]
    spikes = active = clips = messages = 0
    for n in range(size):
        k = first + n
        i, i2, v = states[0, k], states[1, k], states[2, k]
        i -= _lost(i, syn[k])
        i2 -= _lost(i2, syn2[k])
        lost = _lost(v, mem[k])
        change = (LEAST if lost == LEAST else -lost) + i + i2
        biased = min(max(change, LEAST), MOST) + biases[k]
        raised = v + min(max(biased, LEAST), MOST)
        outside = (min(change, min(biased, raised)) < LEAST) or (max(change, max(biased, raised)) > MOST)
        v = min(max(raised, LEAST), MOST)
        z = 0
        if most > 0 and v >= thetas[k]:
            z = min(most, v // thetas[k])
            v -= z * thetas[k]
            spikes += z
            messages += 1
        states[0, k], states[1, k], states[2, k] = i, i2, v
        sent[t, k] = z
        active += i != 0 or i2 != 0 or v != 0 or z != 0
        clips += outside or clipped[n] != 0
    counts[0] += spikes
    counts[1] += active
    counts[3] += clips
    counts[4] += messages
    if len(rec_i):
        rec_i[t, first : first + size] = states[0, first : first + size]
    if len(rec_i2):
        rec_i2[t, first : first + size] = states[1, first : first + size]
    if len(rec_v):
        rec_v[t, first : first + size] = states[2, first : first + size]


@kernel
def run_sample(layout: Any, raster: Any, out: Any, scratch: Any) -> None:
    """Run all steps of one sample; ``out`` is (spikes, i, i2, v, counts of populations, counts of connections).

    States of no steps are not recorded. ``scratch`` is (states, sums, events, clipped): (3, neurons), (2, neurons of a
    population), (2, sources), (neurons of a population,).
    """
    sent, _, _, _, of_populations, _ = out
    states, _, _, clipped = scratch
    for k in range(3):
        states[k] = layout.registers[5 + k]
    for t in range(len(raster)):
        for place in range(len(layout.populations)):
            first, size, _, _, fires, most = layout.populations[place]
            clipped[:size] = 0
            for port in range(2):
                _receive(layout, place, port, t, raster, sent, out, scratch)
            _advance(layout, first, size, fires * most, t, out, scratch, of_populations[place])
