"""Samples of a Xylo program in compiled code, step by step, population after population."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.fast.kernels.events import mask_at, synops_of_steps
from sim.fast.vector.calls import call
from sim.fast.vector.isa import append
from sim.fast.vector.jit import kernel, part
from sim.fast.vector.pointers import pointer, pointer_to, pointers, row
from sim.fast.xylo.layout import ChipArenas, ChipTables
from sim.fast.xylo.neurons import ChipNeurons, ChipSent, advance
from sim.fast.xylo.sums import ChipHeard

__all__ = ["ChipMemory", "ChipOutcome", "run_samples"]

TALLY, STATES, MASK = 5, 3, 32


class ChipMemory(NamedTuple):
    """What one thread writes while it runs a sample."""

    states: NDArray[np.int16]  # state lane
    clipped: NDArray[np.int16]  # lane
    events: NDArray[np.uint16]  # slot lane, those of the input behind the others
    found: NDArray[np.int32]  # step source: messages
    sent: NDArray[np.uint8]  # step lane: spikes
    heard: NDArray[np.int32]  # lane


class ChipOutcome(NamedTuple):
    """What a run leaves behind; what is not recorded has no steps."""

    spikes: NDArray[np.uint8]  # b t neuron
    i: NDArray[np.int32]
    i2: NDArray[np.int32]
    v: NDArray[np.int32]
    of_populations: NDArray[np.int64]  # b place tally
    of_connections: NDArray[np.int64]  # b connection (events, synops)


class ChipWork(NamedTuple):
    """All that a call of the kernel reads and writes; counts of steps and of what a step has."""

    tables: Any
    arenas: Any
    memory: Any
    outcome: Any
    loops: Any  # addresses of the loops that sum pieces
    steps: int
    inputs: int
    lanes: int
    places: int
    connections: int
    neurons: int
    mask: int  # the bits of a step that tell its slot


@part
def events_of(work: Any, source: int, t: int) -> Any:
    """Return the list of a source in a step."""
    slot = (t & work.mask) * (work.lanes + work.inputs + 64)
    first = work.lanes if source == 0 else row(work.tables.populations, source - 1).first
    return pointer_to(work.memory.events, slot + first)


@part
def heard_from(work: Any, source: int, t: int, raster: Any) -> Any:
    """Return what a source sent in a step."""
    if source == 0:
        values = pointer_to(raster, t * work.inputs)
    else:
        values = pointer_to(work.memory.sent, t * work.lanes + row(work.tables.populations, source - 1).first)
    n = int(work.memory.found[t * (work.places + 1) + source])
    return ChipHeard(events_of(work, source, t), n, values)


@part
def list_input(isa: Any, work: Any, raster: Any, t: int, room: int) -> None:
    """List the messages of the input; up to ``room`` of them may be read."""
    n, step, events = 0, pointer_to(raster, t * work.inputs), events_of(work, 0, t)
    for i in range(0, work.inputs, MASK):
        n = append(isa, mask_at(step, i, work.inputs, room - t * work.inputs), i, events, n)
    work.memory.found[t * (work.places + 1)] = n


@part
def receive(work: Any, p: Any, t: int, raster: Any) -> None:
    """Add what arrives at a population to its currents."""
    clipped = pointer_to(work.memory.clipped, p.first)
    for k in range(p.connections, p.connections_to):
        c = row(work.tables.connections, k)
        if t >= c.lag:
            heard = heard_from(work, c.source, t - c.lag, raster)
            state = pointer_to(work.memory.states, c.port * work.lanes + p.first)
            if heard.n > 0:
                for j in range(c.pieces, c.pieces_to):
                    piece = row(work.tables.pieces, j)
                    own = pointer_to(state, piece.lane), pointer_to(clipped, piece.lane)
                    call(work.loops[j], (heard, pointer_to(work.arenas.weights, piece.weights), c, own[0], own[1]))


@part
def record(work: Any, p: Any, b: int, t: int, recorded: Any) -> None:
    """Write the spikes and states of a population in a step where they are recorded."""
    at, outcome, states = (b * work.steps + t) * work.neurons + p.neuron, work.outcome, work.memory.states
    for n in range(p.size * recorded[0]):
        outcome.spikes[at + n] = work.memory.sent[t * work.lanes + p.first + n]
    for n in range(p.size * recorded[1]):
        outcome.i[at + n] = states[p.first + n]
    for n in range(p.size * recorded[2]):
        outcome.i2[at + n] = states[work.lanes + p.first + n]
    for n in range(p.size * recorded[3]):
        outcome.v[at + n] = states[2 * work.lanes + p.first + n]


@part
def count(work: Any, b: int, raster: Any) -> None:
    """Count what every connection has delivered in a sample."""
    for k in range(work.connections):
        c = row(work.tables.connections, k)
        counts = pointer_to(work.outcome.of_connections, (b * work.connections + c.place) * 2)
        steps = work.steps - c.lag
        for t in range(steps):
            counts[0] += work.memory.found[t * (work.places + 1) + c.source]
        fan_out, heard = pointer_to(work.arenas.fan_out, c.fan_at), work.memory.heard
        if c.source == 0:
            counts[1] += synops_of_steps(raster, work.inputs, steps, work.inputs, fan_out, heard)
        else:
            p = row(work.tables.populations, c.source - 1)
            counts[1] += synops_of_steps(
                pointer_to(work.memory.sent, p.first), work.lanes, steps, p.size, fan_out, heard
            )


@part
def begin(work: Any) -> None:
    """Set the states to what they are before step 0."""
    for i in range(STATES * work.lanes):
        work.memory.states[i] = work.arenas.first[i]
    for i in range(work.lanes):
        work.memory.clipped[i] = 0


@part
def advance_population(isa: Any, work: Any, place: int, b: int, t: int, raster: Any) -> None:
    """Advance a population by one step, and count what it does."""
    p = row(work.tables.populations, place)
    receive(work, p, t, raster)
    own = ChipNeurons(
        i=pointer_to(work.memory.states, p.first),
        i2=pointer_to(work.memory.states, work.lanes + p.first),
        v=pointer_to(work.memory.states, 2 * work.lanes + p.first),
        clipped=pointer_to(work.memory.clipped, p.first),
        registers=pointer_to(work.arenas.registers, p.first),
        stride=work.lanes,
    )
    sent = ChipSent(events_of(work, place + 1, t), pointer_to(work.memory.sent, t * work.lanes + p.first))
    counts = pointer_to(work.outcome.of_populations, (b * work.places + place) * TALLY)
    work.memory.found[t * (work.places + 1) + place + 1] = advance(isa, p, own, sent, counts)


@kernel
def run_samples(
    isa: Any,
    raster: NDArray[np.uint8],  # b t i
    tables: ChipTables,
    arenas: ChipArenas,
    loops: NDArray[np.int64],  # piece
    memory: ChipMemory,
    outcome: ChipOutcome,
    slots: int,
) -> None:
    """Run every sample from the initial state to the last step."""
    samples, steps, inputs = raster.shape
    recorded = (
        int(outcome.spikes.size > 0),
        int(outcome.i.size > 0),
        int(outcome.i2.size > 0),
        int(outcome.v.size > 0),
    )
    work = ChipWork(
        tables=pointers(tables),
        arenas=pointers(arenas),
        memory=pointers(memory),
        outcome=pointers(outcome),
        loops=pointer(loops),
        steps=steps,
        inputs=inputs,
        lanes=memory.clipped.size,
        places=tables.populations.size,
        connections=tables.connections.size,
        neurons=outcome.v.shape[2],
        mask=slots - 1,
    )
    for b in range(samples):
        sample = pointer_to(pointer(raster), b * steps * inputs)
        begin(work)
        for t in range(steps):
            list_input(isa, work, sample, t, (samples - b) * steps * inputs)
            for place in range(work.places):
                advance_population(isa, work, place, b, t, sample)
                record(work, row(work.tables.populations, place), b, t, recorded)
        count(work, b, sample)
