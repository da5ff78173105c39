"""The kernels that run every Program: events, 64-bit sums, every check of the reference, one sample after another.

Numbers are laid out as the Program has them (channels first, C order), and all populations share one array of states.
`sim.fast.tables` writes the tables that these kernels read; the rows of the tables are named there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.fast.jit import inline, kernel
from sim.fast.records import Results
from sim.fast.refusal import CLIP, STORED, A
from sim.fast.refusal import WRAP as WRAPPED
from sim.fast.tables import GeneralTables, tables
from sim.program import Program

__all__ = ["runner", "simulate_samples"]

Int = NDArray[np.int64]


@inline
def decay(x: int, kept: int) -> int:
    """Return ``sign(x) * ((|x| * kept) >> 12)``."""
    return (x * kept) >> 12 if x >= 0 else -((-x * kept) >> 12)


@inline
def refuse(refused: Int, step: int, place: int, check: int, neuron: int, count: int) -> None:
    """Note why a sample ends here."""
    refused[0] = step
    refused[1] = place
    refused[2] = check
    refused[3] = neuron
    refused[4] = count


@inline
def read_input(raster: NDArray[np.integer], index: Int, value: Int) -> int:
    """List the messages of one step; return how many."""
    n = 0
    for i in range(raster.size):
        if raster[i] != 0:
            index[n] = i
            value[n] = raster[i]
            n += 1
    return n


@inline
def scatter_dense(weight: Int, outs: int, sums: Int, index: Int, value: Int, n: int) -> None:
    """Add the column of each event: ``sums += W[:, index] * value``, ``weight`` being W transposed."""
    for event in range(n):
        row, message = index[event] * outs, value[event]
        for o in range(outs):
            sums[o] += weight[row + o] * message


@inline
def scatter_conv(c: Any, weight: Int, sums: Int, index: Int, value: Int, n: int) -> None:
    """Add each event through every kernel tap that reaches an output; ``weight`` is (C_in, kh, kw, C_out / groups)."""
    pixels = c.out_height * c.out_width
    for event in range(n):
        message = value[event]
        channel, pixel = divmod(index[event], c.height * c.width)
        y, x = divmod(pixel, c.width)
        first = (channel // c.ins) * c.outs
        for ky in range(c.kernel_y):
            oy, off_y = divmod(y + c.pad_y - ky * c.gap_y, c.stride_y)
            if off_y != 0 or oy < 0 or oy >= c.out_height:
                continue
            for kx in range(c.kernel_x):
                ox, off_x = divmod(x + c.pad_x - kx * c.gap_x, c.stride_x)
                if off_x != 0 or ox < 0 or ox >= c.out_width:
                    continue
                row = ((channel * c.kernel_y + ky) * c.kernel_x + kx) * c.outs
                place = first * pixels + oy * c.out_width + ox
                for o in range(c.outs):
                    sums[place + o * pixels] += weight[row + o] * message


@inline
def deliver(
    c: Any, weights: Int, fan_out: Int, a: Int, sums: Int, index: Int, value: Int, n: int, count: Int, size: int
) -> None:
    """Add what one connection brings to ``a``, and count its events and synops."""
    sums[:size] = 0
    weight = weights[c.weight_at :]
    if c.conv:
        scatter_conv(c, weight, sums, index, value, n)
    else:
        scatter_dense(weight, size, sums, index, value, n)
    if c.exponent >= 0:
        for i in range(size):
            a[i] += sums[i] << c.exponent
    else:
        for i in range(size):
            a[i] += sums[i] >> -c.exponent
    count[0] += n
    fan = fan_out[c.fan_at :]
    for event in range(n):
        count[1] += fan[index[event]]


@inline
def update(
    p: Any,
    registers: Int,
    a: Int,
    u: Int,
    v: Int,
    index: Int,
    count: Int,
    refused: Int,
    step: int,
    place: int,
    refusing: NDArray[np.bool_],
) -> int:
    """Advance the neurons of one population, list their spikes, count; return how many spiked."""
    n, wraps, clips, active = 0, 0, 0, 0
    for i in range(p.size):
        kept_u, kept_v, threshold, bias = registers[i, 0], registers[i, 1], registers[i, 2], registers[i, 3]
        if (a[i] >= A_LIMIT or a[i] <= -A_LIMIT) and (refused[0] != step or refused[2] != A):
            refuse(refused, step, place, A, i, 1)
        grown = decay(u[i], kept_u) + (a[i] << VTH_SHIFT)
        x = grown - 2 * WRAP if grown > WRAP else (grown + 2 * WRAP if grown <= -WRAP else grown)
        if (x >= U_STORED or x <= -U_STORED) and refused[0] != step:
            refuse(refused, step, place, STORED, i, 1)
        wraps += x != grown
        raised = decay(v[i], kept_v) + x + bias
        y = min(max(raised, -V_MAX), V_MAX)
        clips += y != raised
        fired = p.fires != 0 and y > threshold
        if fired:
            index[n] = i
            n += 1
            y = y - threshold if p.subtract != 0 else 0
        u[i] = x
        v[i] = y
        active += fired or x != 0 or y != 0
    count[0] += n
    count[1] += active
    count[2] += wraps
    count[3] += clips
    if refused[0] != step and wraps > 0 and refusing[place, 0]:
        refuse(refused, step, place, WRAPPED, 0, wraps)
    if refused[0] != step and clips > 0 and refusing[place, 1]:
        refuse(refused, step, place, CLIP, 0, clips)
    return n


@kernel
def simulate_samples(
    raster: NDArray[np.integer],  # b t i
    tables: GeneralTables,
    slots: int,
    results: Results,
    refusing: NDArray[np.bool_],  # population (wrap, clip)
) -> None:
    """Run every sample from the initial state to its last step, or to its first refusal."""
    populations, connections, initial = tables.populations, tables.connections, tables.initial
    recorded, refused = results.recorded, results.refused
    neurons, inputs = initial.shape[1], raster.shape[2]
    u, v = np.empty(neurons, np.int64), np.empty(neurons, np.int64)
    widest = max(neurons, inputs)
    a, sums = np.empty(widest, np.int64), np.empty(widest, np.int64)
    index = np.empty((slots, inputs + neurons), np.int64)  # of every source, the events of its last steps
    value = np.ones((slots, inputs + neurons), np.int64)
    sent = np.zeros((slots, len(populations) + 1), np.int64)
    for b in range(raster.shape[0]):
        u[:] = initial[0]
        v[:] = initial[1]
        for t in range(raster.shape[1]):
            now = t % slots
            sent[now, 0] = read_input(raster[b, t], index[now, :inputs], value[now, :inputs])
            for place in range(len(populations)):
                p = populations[place]
                size, first = p.size, p.first
                a[:size] = 0
                for k in range(p.connections, p.connections_to):
                    c = connections[k]
                    if t >= c.lag:
                        then, source = (t - c.lag) % slots, c.source
                        start = 0 if source == 0 else inputs + populations[source - 1].first
                        n = sent[then, source]
                        at = index[then, start : start + n]
                        deliver(
                            c, tables.weights, tables.fan_out, a, sums, at, value[then, start:], n,
                            results.con_counts[b, k], size,
                        )  # fmt: skip
                end, mine = first + size, inputs + first
                sent[now, place + 1] = update(
                    p, tables.registers[first:end], a, u[first:end], v[first:end], index[now, mine : mine + size],
                    results.pop_counts[b, place], refused[b], t, place, refusing,
                )  # fmt: skip
                if refused[b, 0] == t:
                    break
                if recorded[0, 0] <= first < recorded[0, 1]:
                    for i in range(sent[now, place + 1]):
                        results.spikes[b, t, first - recorded[0, 0] + index[now, mine + i]] = 1
            if refused[b, 0] == t:
                break
            for i in range(recorded[1, 0], recorded[1, 1]):
                results.u[b, t, i - recorded[1, 0]] = u[i]
            for i in range(recorded[2, 0], recorded[2, 1]):
                results.v[b, t, i - recorded[2, 0]] = v[i]


def runner(program: Program, refusing: NDArray[np.bool_]) -> Callable[[NDArray[np.integer[Any]], Results], None]:
    """Return the function that runs a group of samples (B, T, inputs) and writes its results."""
    laid_out = tables(program)
    reach = max((c.lag for p in program.populations for c in p.inputs), default=0)

    def run(raster: NDArray[np.integer[Any]], results: Results) -> None:
        slots = 1 + min(reach, raster.shape[1])  # a lag beyond the last step is never looked up
        simulate_samples(raster, laid_out, slots, results, refusing)

    return run
