"""What a run leaves behind: the recorded registers, and what the run cost in countable things."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int, bits_of
from sim.program import INPUT, Program
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
    "Words",
    "counts_from",
    "recordable",
    "words_of",
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


class Words(NamedTuple):
    """A population's neurons, and how wide the words are that it reads and writes."""

    neurons: int
    heard: tuple[tuple[int, int], ...]  # by connection: a message, a weight
    states: tuple[tuple[str, int], ...]  # the accumulator, then every state
    sent: int


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
    words: Mapping[str, Words]

    @cached_property
    def reads(self) -> Mapping[str, tuple[Access, ...]]:
        """Return what every population reads."""
        return {
            name: (
                *(
                    Access(what, bits, counted[index])
                    for index, heard in enumerate(words.heard)
                    for what, bits, counted in (
                        ("message", heard[0], self.events[name]),
                        ("weight", heard[1], self.synops_by_connection[name]),
                    )
                ),
                *self._states(name, words),
            )
            for name, words in self.words.items()
        }

    @cached_property
    def writes(self) -> Mapping[str, tuple[Access, ...]]:
        """Return what every population writes."""
        return {
            name: (*self._states(name, words), Access("message", words.sent, self.messages[name]))
            for name, words in self.words.items()
        }

    def tally(self, name: str) -> Tally:
        """Return what was counted for one population, as an engine hands it to `counts_from`."""
        counted = {what: getattr(self, what)[name] for what in TALLIES}
        return Tally(self.events[name], self.synops_by_connection[name], **counted)

    def _states(self, name: str, words: Words) -> tuple[Access, ...]:
        updates = self.updates[name]
        accumulator, *states = words.states
        return (
            Access(*accumulator, self.synops[name] + updates),
            *(Access(what, bits, updates) for what, bits in states),
        )


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
    words = words_of(program)
    sizes = np.array([[word.neurons * steps] for word in words.values()], dtype=np.int64)
    batch = next(iter(tallies.values())).spikes.shape
    updates = np.broadcast_to(sizes, (len(words), *batch)).copy()
    by_name = {name: tallies[name] for name in words}
    return Counts(
        events={name: tally.events for name, tally in by_name.items()},
        synops_by_connection={name: tally.synops for name, tally in by_name.items()},
        synops={name: tally.synops.sum(axis=0) for name, tally in by_name.items()},
        spikes={name: tally.spikes for name, tally in by_name.items()},
        updates=dict(zip(words, updates, strict=True)),
        active={name: tally.active for name, tally in by_name.items()},
        wraps={name: tally.wraps for name, tally in by_name.items()},
        clips={name: tally.clips for name, tally in by_name.items()},
        messages={name: tally.messages for name, tally in by_name.items()},
        words=words,
    )


_known: "weakref.WeakKeyDictionary[Program, Mapping[str, Words]]" = weakref.WeakKeyDictionary()


def words_of(program: Program) -> Mapping[str, Words]:
    """Return the words of every population of a program, found once."""
    if program not in _known:
        arithmetic = program.described
        states = (("accumulator", arithmetic.accumulator.bits), *((s.name, s.bits) for s in arithmetic.states))
        _known[program] = {
            p.name: Words(
                neurons=p.size,
                heard=tuple(
                    (_message_bits(program, c.source), weight_bits(program, p, index))
                    for index, c in enumerate(p.inputs)
                ),
                states=states,
                sent=_message_bits(program, p.name),
            )
            for p in program.populations
        }
    return _known[program]


def _message_bits(program: Program, source: str) -> int:
    if source == INPUT:
        return bits_of((program.input.lo, program.input.hi))
    return bits_of((0, program.by_name[source].most_sent))
