"""What a run leaves behind: the recorded registers, and what the run cost in countable things."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Arithmetic, Int, bits_of
from sim.program import INPUT, Population, Program
from sim.summary import Shown, Summary, shape_text
from sim.weight_rule import weight_bits

__all__ = [
    "RECORDABLE",
    "SPIKES",
    "TALLIES",
    "Access",
    "Counts",
    "Record",
    "Tally",
    "Trace",
    "counts_from",
    "recordable",
]

Record = str
"""What may be recorded of a run: the spikes, or a state by its name."""
RECORDABLE: tuple[Record, ...] = ("spikes", "u", "v")
"""All of it in arithmetic ``loihi``."""
SPIKES: tuple[Record, ...] = ("spikes",)

TALLIES = ("spikes", "active", "wraps", "clips", "messages")
"""What an engine counts per population beside the events of its connections."""


@dataclass(frozen=True, eq=False)
class Access:
    """``count[b]`` accesses of ``bits`` bits each to one kind of memory word."""

    what: str
    """One of message, weight and accumulator, or the name of a state."""
    bits: int
    count: Int  # b


@dataclass(frozen=True, eq=False)
class Tally:
    """What an engine counts for one population, per sample.

    An event is a non-zero message delivered by one connection; a synop is one event meeting one synapse whose weight
    is not zero.
    """

    events: Int  # connection b
    synops: Int  # connection b
    spikes: Int  # b: the sum of all messages
    active: Int  # b: neuron-steps that end with u != 0, v != 0 or a spike
    wraps: Int  # b
    clips: Int  # b
    messages: Int  # b: those that are not 0; as many as spikes where a neuron sends one a step


@dataclass(frozen=True, eq=False)
class Counts:
    """The cost of a run per population and per sample; every array has the batch as its last axis."""

    events: Mapping[str, Int]  # connection b
    synops_by_connection: Mapping[str, Int]  # connection b
    synops: Mapping[str, Int]  # b
    spikes: Mapping[str, Int]  # b
    updates: Mapping[str, Int]  # b: neurons * steps
    active: Mapping[str, Int]  # b
    wraps: Mapping[str, Int]  # b
    clips: Mapping[str, Int]  # b
    messages: Mapping[str, Int]  # b
    reads: Mapping[str, tuple[Access, ...]]
    writes: Mapping[str, tuple[Access, ...]]


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Shown):
    """Local time, (B, T, *shape): spikes as uint8, u after the update, v after the reset, both int32.

    ``spikes`` are messages: 0 or 1, or as many spikes as a neuron sent in the step. ``output`` is the v of the last
    population where it never fires, its spikes where it does. What other states an arithmetic has stands in ``others``
    by their names; a state that it lacks is empty.
    """

    digest: str
    spikes: Mapping[str, NDArray[np.uint8]]
    u: Mapping[str, NDArray[np.int32]]
    v: Mapping[str, NDArray[np.int32]]
    counts: Counts
    output: NDArray[np.uint8] | NDArray[np.int32]
    others: Mapping[str, Mapping[str, NDArray[np.int32]]] = field(default_factory=dict)

    def _summary(self) -> Summary:
        kept = {"spikes": self.spikes, "u": self.u, "v": self.v, **self.others}
        samples, steps, *shape = self.output.shape
        tallies = self.counts.synops, self.counts.spikes, self.counts.wraps, self.counts.clips
        return Summary(
            title=f"Trace of program {self.digest[:12]}",
            facts=[
                f"{samples} samples of {steps} steps, output {shape_text(shape)} ({self.output.dtype})",
                f"recorded: {', '.join(name for name, values in kept.items() if values) or 'the output alone'}",
            ],
            header=("population", "synops/sample", "spikes/sample", "wraps/sample", "clips/sample"),
            rows=[(name, *(f"{n[name].mean():,.1f}" for n in tallies)) for name in self.counts.spikes],
        )


def recordable(program: Program) -> tuple[Record, ...]:
    """Return all that may be recorded of a program's run."""
    return ("spikes", *(state.name for state in program.described.states))


def counts_from(program: Program, steps: int, tallies: Mapping[str, Tally]) -> Counts:
    """Complete an engine's tallies with what follows from them: neuron updates and memory accesses.

    The memory model: an event reads its message once per connection; a synop reads its weight and reads and writes one
    accumulator; a neuron update reads and clears its accumulator and reads and writes u and v; whatever it sends is one
    message written.
    """
    pops = program.populations
    updates = {p.name: np.full_like(tallies[p.name].spikes, p.size * steps) for p in pops}
    return Counts(
        events={p.name: tallies[p.name].events for p in pops},
        synops_by_connection={p.name: tallies[p.name].synops for p in pops},
        synops={p.name: tallies[p.name].synops.sum(axis=0) for p in pops},
        spikes={p.name: tallies[p.name].spikes for p in pops},
        updates=updates,
        active={p.name: tallies[p.name].active for p in pops},
        wraps={p.name: tallies[p.name].wraps for p in pops},
        clips={p.name: tallies[p.name].clips for p in pops},
        messages={p.name: tallies[p.name].messages for p in pops},
        reads={p.name: _reads(program, p, tallies[p.name], updates[p.name]) for p in pops},
        writes={p.name: _writes(program, p, tallies[p.name], updates[p.name]) for p in pops},
    )


def _message_bits(program: Program, source: str) -> int:
    if source == INPUT:
        return bits_of((program.input.lo, program.input.hi))
    return bits_of((0, program.by_name[source].most_sent))


def _reads(program: Program, population: Population, tally: Tally, updates: Int) -> tuple[Access, ...]:
    per_connection = [
        access
        for index, connection in enumerate(population.inputs)
        for access in (
            Access("message", _message_bits(program, connection.source), tally.events[index]),
            Access("weight", weight_bits(program, population, index), tally.synops[index]),
        )
    ]
    return (*per_connection, *_state(program.described, tally, updates))


def _writes(program: Program, population: Population, tally: Tally, updates: Int) -> tuple[Access, ...]:
    sent = Access("message", _message_bits(program, population.name), tally.messages)
    return (*_state(program.described, tally, updates), sent)


def _state(arithmetic: Arithmetic, tally: Tally, updates: Int) -> tuple[Access, ...]:
    return (
        Access("accumulator", arithmetic.accumulator.bits, tally.synops.sum(axis=0) + updates),
        *(Access(state.name, state.bits, updates) for state in arithmetic.states),
    )
