"""One sample of a Xylo program in compiled code: `sim.arrival` and `sim.arithmetic.xylo`, neuron by neuron."""

from typing import Any

import numpy as np

from sim.fast.vector.jit import inline, kernel

__all__ = ["run_sample"]

LEAST, MOST = -32768, 32767


@inline
def _add(up: Any, down: Any, row: Any, z: int) -> None:
    """Add z spikes through one row of weights to the sums of either sign."""
    for n in range(len(row)):
        up[n] += max(row[n], 0) * z
        down[n] += min(row[n], 0) * z


@inline
def _listed(messages: Any, weights: int, size: int, events: Any, found: int) -> int:
    """List the messages that are not 0, each with the place of its row of weights; return how many."""
    rows, values, places = events[0][found:], events[1][found:], events[2][found:]
    counted = 0
    for j in range(len(messages)):
        if messages[j] != 0:
            rows[counted], values[counted], places[counted] = weights + j * size, messages[j], j
            counted += 1
    return counted


@inline
def _receive(layout: Any, place: int, port: int, t: int, raster: Any, sent: Any, out: Any, scratch: Any) -> None:
    """Add what arrives at one port of a population to its state."""
    first, size, begin, end, _, _ = layout.populations[place]
    states, sums, events, clipped, _ = scratch
    up, down = sums[0], sums[1]
    found = 0
    for c in range(begin, end):
        is_input, source, sources, lag, own_port, weights, fans, index = layout.connections[c]
        if own_port != port or t < lag:
            continue
        messages = raster[t - lag] if is_input else sent[t - lag][source : source + sources]
        counted = _listed(messages, weights, size, events, found)
        for e in range(found, found + counted):
            out[5][index, 1] += events[1, e] * layout.fan_out[fans + events[2, e]]
        found += counted
        out[5][index, 0] += counted
    if found == 0:
        return
    up[:size] = 0
    down[:size] = 0
    for e in range(found):
        _add(up, down, layout.weights[events[0, e] : events[0, e] + size], events[1, e])
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
def _lost(x: Any, n: Any) -> Any:
    """Return the dash, without a branch."""
    lost = np.int32(x >> n)
    return np.int32(lost + np.int32((lost == 0) & (x > 0)))


@inline
def _saturated(x: Any) -> Any:
    return np.int32(min(max(x, np.int32(LEAST)), np.int32(MOST)))


@inline
def _leak(i: Any, dash: Any) -> None:
    for n in range(len(i)):
        i[n] = np.int32(i[n] - _lost(i[n], dash[n]))


@inline
def _change(changed: Any, v: Any, dash: Any, i: Any, i2: Any) -> None:
    """Set what currents and leak add to v; -(-32768) is -32768."""
    for n in range(len(changed)):
        lost = _lost(v[n], dash[n])
        changed[n] = np.int32(np.int32(-lost - np.int32(65536) * np.int32(lost == LEAST)) + np.int32(i[n] + i2[n]))


@inline
def _raise(changed: Any, v: Any, bias: Any, clipped: Any) -> None:
    """Add it and the bias to v, each sum saturating; ``clipped`` is not 0 where one did."""
    for n in range(len(changed)):
        change = np.int32(_saturated(changed[n]))
        biased = np.int32(change + bias[n])
        raised = np.int32(v[n] + _saturated(biased))
        over = np.int32(changed[n] - change) | np.int32(biased - _saturated(biased))
        clipped[n] |= over | np.int32(raised - _saturated(raised))
        v[n] = _saturated(raised)


@inline
def _fire(v: Any, theta: Any, most: int, sent: Any, counts: Any) -> None:
    """Take as many thresholds off v as it sends spikes."""
    over: Any = 0
    for n in range(len(v)):
        over += np.int32(v[n] >= theta[n])
    if over == 0 or most == 0:
        return
    counts[4] += over
    for n in range(len(v)):
        if v[n] >= theta[n]:
            z = 1 if v[n] < 2 * theta[n] else v[n] // theta[n]
            z = min(z, most)
            v[n] -= z * theta[n]
            sent[n] = z
            counts[0] += z


@inline
def _advance(layout: Any, first: int, size: int, most: int, t: int, out: Any, scratch: Any, counts: Any) -> None:
    """Advance the neurons of a population, and count and record what they do."""
    own = slice(first, first + size)
    registers, states, clipped, changed = layout.registers, scratch[0], scratch[3][:size], scratch[4][:size]
    i, i2, v, sent = states[0][own], states[1][own], states[2][own], out[0][t][own]
    _leak(i, registers[0][own])
    _leak(i2, registers[1][own])
    _change(changed, v, registers[2][own], i, i2)
    _raise(changed, v, registers[4][own], clipped)
    sent[:] = 0
    _fire(v, registers[3][own], most, sent, counts)
    active: Any = 0
    clips: Any = 0
    for n in range(size):
        active += np.int32((i[n] | i2[n] | v[n] | sent[n]) != 0)
    for n in range(size):
        clips += np.int32(clipped[n] != 0)
    counts[1] += active
    counts[3] += clips
    if len(out[1]):
        out[1][t][own] = i
    if len(out[2]):
        out[2][t][own] = i2
    if len(out[3]):
        out[3][t][own] = v


@kernel
def run_sample(layout: Any, raster: Any, out: Any, scratch: Any) -> None:
    """Run all steps of one sample; ``out`` is (spikes, i, i2, v, counts of populations, counts of connections).

    States of no steps are not recorded. ``scratch`` is (states, sums, events, clipped, changed): (3, neurons),
    (2, size), (3, sources), (size,), (size,), of which size is that of the largest population.
    """
    sent, _, _, _, of_populations, _ = out
    states, _, _, clipped, _ = scratch
    for k in range(3):
        states[k] = layout.registers[5 + k]
    for t in range(len(raster)):
        for place in range(len(layout.populations)):
            first, size, _, _, fires, most = layout.populations[place]
            clipped[:size] = 0
            for port in range(2):
                _receive(layout, place, port, t, raster, sent, out, scratch)
            _advance(layout, first, size, fires * most, t, out, scratch, of_populations[place])
