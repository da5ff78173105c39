"""The kernels that run every Program: events, 64-bit sums, every check of the reference, one sample after another.

Numbers are laid out as the Program has them (channels first, C order), and all populations share one array of states.
`sim.fast.layout.checked` writes the tables that these kernels read; the rows of the tables are named there.
What a neuron does in a step stands in `step_neuron` alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.fast.layout.checked import CheckedTables, tables
from sim.fast.vector.jit import inline, kernel
from sim.outcome import Outcome
from sim.program import Program
from sim.refusal import CLIPPED, OVERFLOWED, STORED, WRAPPED

__all__ = ["runner", "simulate_samples"]

Int = NDArray[np.int64]


class Listed(NamedTuple):
    """The messages of one step of one source that are not zero."""

    neuron: Int
    value: Int
    n: int


class Neurons(NamedTuple):
    """The neurons of one population."""

    registers: Int  # neuron by (factor of u, factor of v, threshold, bias)
    a: Int
    u: Int
    v: Int


class Noted(NamedTuple):
    """What is counted of one population of one sample, why the sample ends, and what would end it."""

    counts: Int  # spikes, active, wraps, clips
    refused: Int  # step, place, check, neuron, how many
    refusing: NDArray[np.bool_]  # a wrap, a clip


@inline
def decay(x: int, factor: int) -> int:
    """Return ``sign(x) * ((|x| * factor) >> 12)``."""
    return (x * factor) >> 12 if x >= 0 else -((-x * factor) >> 12)


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
def scatter_dense(weight: Int, outs: int, sums: Int, listed: Listed) -> None:
    """Add the column of each event: ``sums += W[:, index] * value``, ``weight`` being W transposed."""
    for event in range(listed.n):
        row, message = listed.neuron[event] * outs, listed.value[event]
        for o in range(outs):
            sums[o] += weight[row + o] * message


@inline
def scatter_conv(c: Any, weight: Int, sums: Int, listed: Listed) -> None:
    """Add each event through every kernel tap that reaches an output; ``weight`` is (C_in, kh, kw, C_out / groups)."""
    pixels = c.out_height * c.out_width
    for event in range(listed.n):
        message = listed.value[event]
        channel, pixel = divmod(listed.neuron[event], c.height * c.width)
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
def deliver(c: Any, tables: CheckedTables, a: Int, sums: Int, listed: Listed, count: Int) -> None:
    """Add what one connection brings to ``a``, and count its events and synops."""
    size, weight = a.size, tables.weights[c.weight_at :]
    sums[:size] = 0
    if c.conv:
        scatter_conv(c, weight, sums, listed)
    else:
        scatter_dense(weight, size, sums, listed)
    if c.exponent >= 0:
        for i in range(size):
            a[i] += sums[i] << c.exponent
    else:
        for i in range(size):
            a[i] += sums[i] >> -c.exponent
    count[0] += listed.n
    fan = tables.fan_out[c.fan_at :]
    for event in range(listed.n):
        count[1] += fan[listed.neuron[event]]


@inline
def step_neuron(p: Any, neurons: Neurons, i: int) -> tuple[bool, bool, bool]:
    """Advance one neuron; return whether u wrapped, v clipped, and it fired."""
    registers, threshold = neurons.registers, neurons.registers[i, 2]
    grown = decay(neurons.u[i], registers[i, 0]) + (neurons.a[i] << VTH_SHIFT)
    u = grown - 2 * WRAP if grown > WRAP else (grown + 2 * WRAP if grown <= -WRAP else grown)
    raised = decay(neurons.v[i], registers[i, 1]) + u + registers[i, 3]
    v = min(max(raised, -V_MAX), V_MAX)
    clipped = v != raised
    fired = p.fires != 0 and v > threshold
    if fired:
        v = v - threshold if p.subtract != 0 else 0
    neurons.u[i] = u
    neurons.v[i] = v
    return u != grown, clipped, fired


@inline
def update(p: Any, neurons: Neurons, index: Int, noted: Noted, t: int, place: int) -> int:
    """Advance the neurons of one population, list their spikes, count; return how many spiked."""
    n, wraps, clips, active, refused = 0, 0, 0, 0, noted.refused
    for i in range(p.size):
        a = neurons.a[i]
        if (a >= A_LIMIT or a <= -A_LIMIT) and (refused[0] != t or refused[2] != OVERFLOWED):
            refuse(refused, t, place, OVERFLOWED, i, 1)
        wrapped, clipped, fired = step_neuron(p, neurons, i)
        u = neurons.u[i]
        if (u >= U_STORED or u <= -U_STORED) and refused[0] != t:
            refuse(refused, t, place, STORED, i, 1)
        wraps += wrapped
        clips += clipped
        if fired:
            index[n] = i
            n += 1
        active += fired or u != 0 or neurons.v[i] != 0
    noted.counts[0] += n
    noted.counts[1] += active
    noted.counts[2] += wraps
    noted.counts[3] += clips
    if refused[0] != t and wraps > 0 and noted.refusing[0]:
        refuse(refused, t, place, WRAPPED, 0, wraps)
    if refused[0] != t and clips > 0 and noted.refusing[1]:
        refuse(refused, t, place, CLIPPED, 0, clips)
    return n


class Ring(NamedTuple):
    """What every source sent in its last steps: slot by neuron of all sources, the input's first."""

    neuron: Int
    value: Int
    n: Int  # slot by source


class Room(NamedTuple):
    """What one sample is computed in."""

    u: Int  # of all neurons
    v: Int
    a: Int
    sums: Int


@inline
def collect(tables: CheckedTables, ring: Ring, room: Room, p: Any, t: int, counts: Int) -> None:
    """Sum in ``room.a`` what arrives at one population in step t."""
    slots, a = ring.n.shape[0], room.a[: p.size]
    a[:] = 0
    for k in range(p.connections, p.connections_to):
        c = tables.connections[k]
        if t >= c.lag:
            then, start = (t - c.lag) % slots, 0
            if c.source > 0:
                start = ring.neuron.shape[1] - room.u.size + tables.populations[c.source - 1].first
            n = ring.n[then, c.source]
            listed = Listed(ring.neuron[then, start : start + n], ring.value[then, start:], n)
            deliver(c, tables, a, room.sums, listed, counts[k])


@inline
def record(outcome: Outcome, room: Room, b: int, t: int) -> None:
    """Write u and v of one step where they are recorded."""
    recorded = outcome.recorded
    for i in range(recorded[1, 0], recorded[1, 1]):
        outcome.u[b, t, i - recorded[1, 0]] = room.u[i]
    for i in range(recorded[2, 0], recorded[2, 1]):
        outcome.v[b, t, i - recorded[2, 0]] = room.v[i]


@inline
def advance(
    tables: CheckedTables, ring: Ring, room: Room, outcome: Outcome, refusing: NDArray[np.bool_], b: int, t: int
) -> bool:
    """Advance all populations of a sample by one step; return whether it goes on."""
    now, inputs = t % ring.n.shape[0], ring.neuron.shape[1] - room.u.size
    recorded, refused = outcome.recorded, outcome.refused[b]
    for place in range(len(tables.populations)):
        p = tables.populations[place]
        first, end = p.first, p.first + p.size
        collect(tables, ring, room, p, t, outcome.con_counts[b])
        neurons = Neurons(tables.registers[first:end], room.a, room.u[first:end], room.v[first:end])
        index = ring.neuron[now, inputs + first : inputs + end]
        noted = Noted(outcome.pop_counts[b, place], refused, refusing[place])
        ring.n[now, place + 1] = update(p, neurons, index, noted, t, place)
        if refused[0] == t:
            return False
        if recorded[0, 0] <= first < recorded[0, 1]:
            for i in range(ring.n[now, place + 1]):
                outcome.spikes[b, t, first - recorded[0, 0] + index[i]] = 1
    return True


@kernel
def simulate_samples(
    raster: NDArray[np.integer],  # b t i
    tables: CheckedTables,
    slots: int,
    outcome: Outcome,
    refusing: NDArray[np.bool_],  # population (wrap, clip)
) -> None:
    """Run every sample from the initial state to its last step, or to its first refusal."""
    neurons, inputs = tables.initial.shape[1], raster.shape[2]
    widest = max(neurons, inputs)
    room = Room(
        np.empty(neurons, np.int64), np.empty(neurons, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    )
    ring = Ring(
        np.empty((slots, inputs + neurons), np.int64),
        np.ones((slots, inputs + neurons), np.int64),
        np.zeros((slots, len(tables.populations) + 1), np.int64),
    )
    for b in range(raster.shape[0]):
        room.u[:] = tables.initial[0]
        room.v[:] = tables.initial[1]
        for t in range(raster.shape[1]):
            now = t % slots
            ring.n[now, 0] = read_input(raster[b, t], ring.neuron[now, :inputs], ring.value[now, :inputs])
            if not advance(tables, ring, room, outcome, refusing, b, t):
                break
            record(outcome, room, b, t)


def runner(program: Program, refusing: NDArray[np.bool_]) -> Callable[[NDArray[np.integer[Any]], Outcome], None]:
    """Return the function that runs a group of samples (B, T, inputs) and writes what comes of it."""
    laid_out = tables(program)
    reach = max((c.lag for p in program.populations for c in p.inputs), default=0)

    def run(raster: NDArray[np.integer[Any]], outcome: Outcome) -> None:
        slots = 1 + min(reach, raster.shape[1])  # a lag beyond the last step is never looked up
        simulate_samples(raster, laid_out, slots, outcome, refusing)

    return run
