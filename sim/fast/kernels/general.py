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
from sim.fast.layout.checked import SUBTRACT, ZERO, CheckedTables, tables
from sim.fast.vector.jit import inline, kernel, part
from sim.fast.vector.pointers import pointer, pointer_to, pointers, row
from sim.outcome import Outcome
from sim.program import Program
from sim.refusal import CLIPPED, OVERFLOWED, STORED, WRAPPED

__all__ = ["runner", "simulate_samples"]

TALLY, REGISTERS = 5, 4
"""Numbers in a row of the counts of populations, and of the registers of neurons."""


class Ring(NamedTuple):
    """What every source sent in its last steps: slot by neuron of all sources, the input's first."""

    neuron: Any
    value: Any
    n: Any  # slot by source
    slots: int
    inputs: int
    neurons: int
    sources: int


class Listed(NamedTuple):
    """The messages of one step of one source that are not zero."""

    neuron: Any
    value: Any
    n: int


class NeuronMemory(NamedTuple):
    """The neurons of a sample, or from the first of a population on; and the sums that arrive at a population."""

    u: Any
    v: Any
    rest: Any  # steps in which v stays where it is
    a: Any
    sums: Any  # of one connection


class Noted(NamedTuple):
    """What is counted of one population of one sample, why the sample ends, and what would end it."""

    counts: Any  # spikes, active, wraps, clips, messages
    refused: Any  # step, place, check, neuron, how many
    refusing: Any  # a wrap, a clip


@inline
def decay(x: int, factor: int) -> int:
    """Return ``sign(x) * ((|x| * factor) >> 12)``."""
    return (x * factor) >> 12 if x >= 0 else -((-x * factor) >> 12)


@inline
def refuse(refused: Any, step: int, place: int, check: int, neuron: int, count: int) -> None:
    """Note why a sample ends here."""
    refused[0] = step
    refused[1] = place
    refused[2] = check
    refused[3] = neuron
    refused[4] = count


@inline
def listed_at(ring: Ring, slot: int, source: int, first: int) -> Any:
    """Return the list of a source in a slot; ``first`` is its first neuron, -1 for the input."""
    at = slot * (ring.inputs + ring.neurons) + (ring.inputs + first if source > 0 else 0)
    return Listed(pointer_to(ring.neuron, at), pointer_to(ring.value, at), ring.n[slot * ring.sources + source])


@inline
def read_input(raster: Any, size: int, listed: Listed) -> int:
    """List the messages of one step; return how many."""
    n = 0
    for i in range(size):
        if raster[i] != 0:
            listed.neuron[n] = i
            listed.value[n] = raster[i]
            n += 1
    return n


@inline
def scatter_dense(weight: Any, outs: int, sums: Any, listed: Listed) -> None:
    """Add the column of each event: ``sums += W[:, neuron] * value``, ``weight`` being W transposed."""
    for event in range(listed.n):
        row, message = listed.neuron[event] * outs, listed.value[event]
        for o in range(outs):
            sums[o] += weight[row + o] * message


@inline
def scatter_conv(c: Any, weight: Any, sums: Any, listed: Listed) -> None:
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
def deliver(c: Any, tables: Any, neurons: NeuronMemory, size: int, listed: Listed, count: Any) -> None:
    """Add what one connection brings to ``neurons.a``, and count its events and synops."""
    weight, a, sums = pointer_to(tables.weights, c.weight_at), neurons.a, neurons.sums
    for i in range(size):
        sums[i] = 0
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
    fan_out = pointer_to(tables.fan_out, c.fan_at)
    for event in range(listed.n):
        count[1] += fan_out[listed.neuron[event]]


@part
def collect(tables: Any, ring: Ring, neurons: NeuronMemory, p: Any, t: int, counts: Any) -> None:
    """Sum in ``neurons.a`` what arrives at one population in step t."""
    for i in range(p.size):
        neurons.a[i] = 0
    for k in range(p.connections, p.connections_to):
        c = row(tables.connections, k)
        if t >= c.lag:
            first = row(tables.populations, c.source - 1).first if c.source > 0 else -1
            listed = listed_at(ring, (t - c.lag) % ring.slots, c.source, first)
            deliver(c, tables, neurons, p.size, listed, pointer_to(counts, 2 * k))


@part
def step_neuron(p: Any, registers: Any, u: int, v: int, rest: int, a: int) -> Any:
    """Advance one neuron; return u, v, steps of rest, whether u wrapped and v clipped, and the spikes that it sends."""
    threshold = registers[2]
    grown = decay(u, registers[0]) + (a << VTH_SHIFT)
    u = grown - 2 * WRAP if grown > WRAP else (grown + 2 * WRAP if grown <= -WRAP else grown)
    wrapped = u != grown
    if rest > 0:
        return u, v, rest - 1, wrapped, False, 0
    raised = decay(v, registers[1]) + u + registers[3]
    v = min(max(raised, -V_MAX), V_MAX)
    clipped, spikes = v != raised, 0
    if p.fires != 0 and v >= threshold + p.below:
        spikes = 1 if p.most == 1 else min(p.most, (v - p.below) // threshold)
        rest = p.pause
        if p.reset == ZERO:
            v = 0
        elif p.reset == SUBTRACT:
            v = v - spikes * threshold
    return u, v, rest, wrapped, clipped, spikes


@inline
def update(p: Any, registers: Any, neurons: NeuronMemory, fired: Listed, noted: Noted, t: int, place: int) -> int:
    """Advance the neurons of one population, list their spikes, count; return how many spiked."""
    n, total, wraps, clips, active, refused = 0, 0, 0, 0, 0, noted.refused
    for i in range(p.size):
        a = neurons.a[i]
        if (a >= A_LIMIT or a <= -A_LIMIT) and (refused[0] != t or refused[2] != OVERFLOWED):
            refuse(refused, t, place, OVERFLOWED, i, 1)
        own = pointer_to(registers, i * REGISTERS)
        u, v, rest, wrapped, clipped, spikes = step_neuron(p, own, neurons.u[i], neurons.v[i], neurons.rest[i], a)
        if (u >= U_STORED or u <= -U_STORED) and refused[0] != t:
            refuse(refused, t, place, STORED, i, 1)
        wraps += wrapped
        clips += clipped
        if spikes > 0:
            fired.neuron[n] = i
            fired.value[n] = spikes
            n += 1
        neurons.u[i] = u
        neurons.v[i] = v
        neurons.rest[i] = rest
        total += spikes
        active += spikes > 0 or u != 0 or v != 0
    noted.counts[0] += total
    noted.counts[1] += active
    noted.counts[2] += wraps
    noted.counts[3] += clips
    noted.counts[4] += n
    if refused[0] != t and wraps > 0 and noted.refusing[0]:
        refuse(refused, t, place, WRAPPED, 0, wraps)
    if refused[0] != t and clips > 0 and noted.refusing[1]:
        refuse(refused, t, place, CLIPPED, 0, clips)
    return n


@part
def advance(tables: Any, ring: Ring, neurons: NeuronMemory, sample: Any, recorded: Any, refusing: Any, t: int) -> bool:
    """Advance all populations of a sample by one step; return whether it goes on."""
    now, refused = t % ring.slots, sample.refused
    for place in range(ring.sources - 1):
        p = row(tables.populations, place)
        collect(tables, ring, neurons, p, t, sample.con_counts)
        state = pointer_to(neurons.u, p.first), pointer_to(neurons.v, p.first), pointer_to(neurons.rest, p.first)
        own = NeuronMemory(*state, neurons.a, neurons.sums)
        fired = listed_at(ring, now, place + 1, p.first)
        noted = Noted(pointer_to(sample.pop_counts, place * TALLY), refused, pointer_to(refusing, 2 * place))
        n = update(p, pointer_to(tables.registers, p.first * REGISTERS), own, fired, noted, t, place)
        ring.n[now * ring.sources + place + 1] = n
        if refused[0] == t:
            return False
        if recorded[0, 0] <= p.first < recorded[0, 1]:
            out = pointer_to(sample.spikes, t * (recorded[0, 1] - recorded[0, 0]) + p.first - recorded[0, 0])
            for i in range(n):
                out[fired.neuron[i]] = fired.value[i]
    for i in range(recorded[1, 0], recorded[1, 1]):
        sample.u[t * (recorded[1, 1] - recorded[1, 0]) + i - recorded[1, 0]] = neurons.u[i]
    for i in range(recorded[2, 0], recorded[2, 1]):
        sample.v[t * (recorded[2, 1] - recorded[2, 0]) + i - recorded[2, 0]] = neurons.v[i]
    return True


@part
def of_sample(outcome: Outcome, b: int) -> Any:
    """Return what one sample leaves behind, as pointers."""
    o = outcome
    return Outcome(
        recorded=o.recorded,
        spikes=pointer(o.spikes[b]),
        u=pointer(o.u[b]),
        v=pointer(o.v[b]),
        pop_counts=pointer(o.pop_counts[b]),
        con_counts=pointer(o.con_counts[b]),
        refused=pointer(o.refused[b]),
    )


@kernel
def simulate_samples(
    raster: NDArray[np.integer],  # b t i
    tables: CheckedTables,
    slots: int,
    outcome: Outcome,
    refusing: NDArray[np.uint8],  # population (wrap, clip)
) -> None:
    """Run every sample from the initial state to its last step, or to its first refusal."""
    count, inputs, sources = tables.initial.shape[1], raster.shape[2], len(tables.populations) + 1
    u, v, rest = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    a, sums = np.empty(count, np.int64), np.empty(count, np.int64)
    neuron, value = np.empty(slots * (inputs + count), np.int64), np.empty(slots * (inputs + count), np.int64)
    n = np.zeros(slots * sources, np.int64)
    ring = Ring(
        neuron=pointer(neuron),
        value=pointer(value),
        n=pointer(n),
        slots=slots,
        inputs=inputs,
        neurons=count,
        sources=sources,
    )
    neurons = NeuronMemory(pointer(u), pointer(v), pointer(rest), pointer(a), pointer(sums))
    for b in range(raster.shape[0]):
        u[:] = tables.initial[0]
        v[:] = tables.initial[1]
        rest[:] = 0
        sample = of_sample(outcome, b)
        for t in range(raster.shape[1]):
            now = t % slots
            n[now * sources] = read_input(pointer(raster[b, t]), inputs, listed_at(ring, now, 0, -1))
            if not advance(pointers(tables), ring, neurons, sample, outcome.recorded, pointer(refusing), t):
                break


def runner(program: Program, refusing: NDArray[np.bool_]) -> Callable[[NDArray[np.integer[Any]], Outcome], None]:
    """Return the function that runs a group of samples (B, T, inputs) and writes what comes of it."""
    laid_out = tables(program)
    reach = max((c.lag for p in program.populations for c in p.inputs), default=0)

    def run(raster: NDArray[np.integer[Any]], outcome: Outcome) -> None:
        slots = 1 + min(reach, raster.shape[1])  # a lag beyond the last step is never looked up
        simulate_samples(raster, laid_out, slots, outcome, refusing.view(np.uint8))

    return run
