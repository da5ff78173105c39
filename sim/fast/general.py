"""The kernels that run every Program: events, 64-bit sums, every check of the reference, one sample after another.

Numbers are laid out as the Program has them (channels first, C order), and all populations share one array of states.
`sim.fast.plan` writes the tables that these kernels read; the rows of the tables are named there.
"""

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.fast.jit import inline, kernel
from sim.fast.refusal import CLIP, STORED, A
from sim.fast.refusal import WRAP as WRAPPED

__all__ = ["simulate_samples"]

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
def scatter_conv(weight: Int, g: Int, sums: Int, index: Int, value: Int, n: int) -> None:
    """Add each event through every kernel tap that reaches an output; ``weight`` is (C_in, kh, kw, C_out / groups)."""
    height, width, out_height, out_width, kh, kw = g[0], g[1], g[2], g[3], g[4], g[5]
    stride_y, stride_x, pad_y, pad_x, gap_y, gap_x, ins, outs = g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13]
    pixels = out_height * out_width
    for event in range(n):
        message = value[event]
        channel, pixel = divmod(index[event], height * width)
        y, x = divmod(pixel, width)
        first = (channel // ins) * outs
        for ky in range(kh):
            oy, off_y = divmod(y + pad_y - ky * gap_y, stride_y)
            if off_y != 0 or oy < 0 or oy >= out_height:
                continue
            for kx in range(kw):
                ox, off_x = divmod(x + pad_x - kx * gap_x, stride_x)
                if off_x != 0 or ox < 0 or ox >= out_width:
                    continue
                row = ((channel * kh + ky) * kw + kx) * outs
                place = first * pixels + oy * out_width + ox
                for o in range(outs):
                    sums[place + o * pixels] += weight[row + o] * message


@inline
def deliver(
    c: Int, weights: Int, fan_out: Int, a: Int, sums: Int, index: Int, value: Int, n: int, count: Int, size: int
) -> None:
    """Add what one connection brings to ``a``, and count its events and synops."""
    sums[:size] = 0
    weight = weights[c[4] :]
    if c[0] == 0:
        scatter_dense(weight, size, sums, index, value, n)
    else:
        scatter_conv(weight, c[6:], sums, index, value, n)
    exponent = c[3]
    if exponent >= 0:
        for i in range(size):
            a[i] += sums[i] << exponent
    else:
        for i in range(size):
            a[i] += sums[i] >> -exponent
    count[0] += n
    fan = fan_out[c[5] :]
    for event in range(n):
        count[1] += fan[index[event]]


@inline
def update(
    p: Int, registers: Int, a: Int, u: Int, v: Int, index: Int, count: Int, refused: Int, step: int, place: int
) -> int:
    """Advance the neurons of one population, list their spikes, count; return how many spiked."""
    size, subtract, fires = p[0], p[2], p[3]
    n, wraps, clips, active = 0, 0, 0, 0
    for i in range(size):
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
        fired = fires != 0 and y > threshold
        if fired:
            index[n] = i
            n += 1
            y = y - threshold if subtract != 0 else 0
        u[i] = x
        v[i] = y
        active += fired or x != 0 or y != 0
    count[0] += n
    count[1] += active
    count[2] += wraps
    count[3] += clips
    if refused[0] != step and wraps > 0 and p[4] != 0:
        refuse(refused, step, place, WRAPPED, 0, wraps)
    if refused[0] != step and clips > 0 and p[5] != 0:
        refuse(refused, step, place, CLIP, 0, clips)
    return n


@kernel
def simulate_samples(
    raster: NDArray[np.integer],  # b t i
    populations: Int,
    connections: Int,
    weights: Int,
    fan_out: Int,
    registers: Int,  # neuron register
    initial: Int,  # 2 neuron
    slots: int,
    recorded: Int,  # (spikes, u, v) by (first neuron, one past the last)
    spikes: NDArray[np.uint8],  # b t recorded neuron
    u_out: NDArray[np.int32],
    v_out: NDArray[np.int32],
    pop_counts: Int,  # b population tally
    con_counts: Int,  # b connection (events, synops)
    refused: Int,  # b 5
) -> None:
    """Run every sample from the initial state to its last step, or to its first refusal."""
    neurons, inputs = initial.shape[1], raster.shape[2]
    u, v = np.empty(neurons, np.int64), np.empty(neurons, np.int64)
    widest = max(populations[:, 0].max(), inputs)
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
                size, first = p[0], p[1]
                a[:size] = 0
                for k in range(p[6], p[7]):
                    c = connections[k]
                    if t >= c[2]:
                        then, source = (t - c[2]) % slots, c[1]
                        start = 0 if source == 0 else inputs + populations[source - 1, 1]
                        n = sent[then, source]
                        at = index[then, start : start + n]
                        deliver(c, weights, fan_out, a, sums, at, value[then, start:], n, con_counts[b, k], size)
                end, mine = first + size, inputs + first
                sent[now, place + 1] = update(
                    p, registers[first:end], a, u[first:end], v[first:end], index[now, mine : mine + size],
                    pop_counts[b, place], refused[b], t, place,
                )  # fmt: skip
                if refused[b, 0] == t:
                    break
                if recorded[0, 0] <= first < recorded[0, 1]:
                    for i in range(sent[now, place + 1]):
                        spikes[b, t, first - recorded[0, 0] + index[now, mine + i]] = 1
            if refused[b, 0] == t:
                break
            for i in range(recorded[1, 0], recorded[1, 1]):
                u_out[b, t, i - recorded[1, 0]] = u[i]
            for i in range(recorded[2, 0], recorded[2, 1]):
                v_out[b, t, i - recorded[2, 0]] = v[i]
