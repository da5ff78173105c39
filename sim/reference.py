"""The meaning of a Program, one step at a time: the definition that every other engine is judged against.

a = sum over connections  shift(W . s[t - lag], exponent)
states, z = step(neurons, states, a)

``step`` belongs to the program's arithmetic: `sim.arithmetic.loihi` has that of today's chips.
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int, Stepped, power, shift
from sim.arrival import Arrivals
from sim.errors import MachineError
from sim.order import step_order
from sim.program import INPUT, Population, Program
from sim.request import Request
from sim.trace import TALLIES, Record, Tally, Trace, counts_from, recordable
from sim.wiring import apply, fan_out

__all__ = ["simulate"]

Messages = Mapping[str, list[Int]]


def simulate(program: Program, raster: NDArray[np.integer], request: Request) -> Trace:
    """Run a batch (B, T, *input shape) from the initial state."""
    record = request.record
    batch, steps = raster.shape[:2]
    states = {p.name: _State(program, p, (batch, steps), record) for p in program.populations}
    order = step_order(program.populations)
    sent: dict[str, list[Int]] = {INPUT: [], **{p.name: [] for p in program.populations}}
    for t in range(steps):
        sent[INPUT].append(raster[:, t].astype(np.int64))
        for population in order:
            state = states[population.name]
            sent[population.name].append(state.step(t, state.deliver(sent, t)))
            state.refuse(t, allow_wrap=request.allow_wrap, clip_allowed=population.name not in request.clip_free)
        _forget(program, sent, t)
        if request.progress is not None:
            request.progress(batch)
    last = states[program.output.name]
    recorded = {
        state.name: {name: s.recorded[state.name] for name, s in states.items()}
        for state in program.described.states
        if state.name in record
    }
    return Trace(
        digest=program.digest,
        spikes={name: s.recorded["spikes"] for name, s in states.items() if "spikes" in record},
        u=recorded.pop("u", {}),
        v=recorded.pop("v", {}),
        counts=counts_from(program, steps, {name: s.tally() for name, s in states.items()}),
        output=last.recorded["spikes" if program.output.fires else program.described.readout],
        others=recorded,
    )


def _forget(program: Program, sent: dict[str, list[Int]], t: int) -> None:
    """Keep only the messages that some lag still reaches."""
    for source, messages in sent.items():
        reach = max((c.lag for p in program.populations for c in p.inputs if c.source == source), default=0)
        if t - reach >= 0:
            messages[t - reach] = np.empty(0, dtype=np.int64)


class _State:
    """The registers of one population while it runs, and what has been counted of it."""

    def __init__(
        self, program: Program, population: Population, size: tuple[int, int], record: Collection[Record]
    ) -> None:
        (batch, steps), output = size, population is program.output
        self.program, self.population = program, population
        full = (batch, *population.shape)
        self.arithmetic, self.neurons, self.full = program.described, population.neurons, full
        self.states: Mapping[str, Int] = {
            s.name: np.broadcast_to(self.neurons[s.initial], full) for s in self.arithmetic.states
        }
        clocks: Int = np.zeros(full, dtype=np.int64)
        self.states = {**self.states, **dict.fromkeys(self.arithmetic.clocks, clocks)}
        self.fan_out = [fan_out(c.wiring, program.shape_of(c.source), population.shape) for c in population.inputs]
        self.events: Int = np.zeros((len(population.inputs), batch), dtype=np.int64)
        self.synops: Int = np.zeros((len(population.inputs), batch), dtype=np.int64)
        self.arrivals = Arrivals(program, population) if self.arithmetic.receiving else None
        self.clipped: NDArray[np.bool_] | None = None
        self.spikes, self.active, self.wraps, self.clips, self.messages = (
            np.zeros(batch, dtype=np.int64) for _ in range(len(TALLIES))
        )
        wanted = set(record) | ({"spikes" if population.fires else self.arithmetic.readout} if output else set())
        self.recorded = {
            what: np.zeros((batch, steps, *population.shape), dtype=np.uint8 if what == "spikes" else np.int32)
            for what in recordable(program)
            if what in wanted
        }

    def deliver(self, sent: Messages, t: int) -> Int:
        """Return a: what all messages that arrive at step t come to, counting them on the way."""
        heard = [self._heard(index, sent, t) for index in range(len(self.population.inputs))]
        if self.arrivals is not None:
            receiving = [np.asarray(self.states[name]) for name in self.arithmetic.receiving]
            a, self.clipped = self.arrivals.add(receiving, heard)
            return a
        a = np.zeros(self.full, dtype=np.int64)
        for connection, messages in zip(self.population.inputs, heard, strict=True):
            if messages is not None:
                source = self.program.shape_of(connection.source)
                a += shift(apply(connection.wiring, messages, source, self.population.shape), connection.exponent)
        limit = self.arithmetic.accumulator.limit
        if limit is not None:
            self._refuse_beyond(a, limit, t, f"|a| >= {power(limit)} leaves the accumulator")
        return a

    def _heard(self, index: int, sent: Messages, t: int) -> Int | None:
        """Return the messages that one connection delivers at step t, counted; None from before step 0."""
        connection = self.population.inputs[index]
        if t < connection.lag:
            return None
        messages = sent[connection.source][t - connection.lag]
        present = messages != 0
        self.events[index] += _per_sample(present)
        met = present if self.arithmetic.synop_of == "message" else np.abs(messages)
        self.synops[index] += _per_sample(met * self.fan_out[index])
        return messages

    def step(self, t: int, a: Int) -> Int:
        """Advance every neuron by one local step and return the messages sent."""
        made = self.arithmetic.step(self.neurons, self.states, a)
        self.states = made.states
        for state in self.arithmetic.states:
            if state.refused_from is not None:
                what = f"|{state.name}| >= {power(state.refused_from)} after repeated wraps"
                self._refuse_beyond(made.states[state.name], state.refused_from, t, what)
        self._count(made)
        for what, values in (("spikes", made.sent), *made.states.items()):
            if what in self.recorded:
                self.recorded[what][:, t] = values
        return made.sent

    def _count(self, made: Stepped) -> None:
        alive = made.sent != 0
        for state in self.arithmetic.states:
            alive = alive | (made.states[state.name] != 0)
        self.spikes += _per_sample(made.sent)
        self.messages += _per_sample(made.sent != 0)
        self.active += _per_sample(alive)
        self.wraps += _per_sample(made.wraps)
        self.clips += _per_sample(made.clips if self.clipped is None else made.clips | self.clipped)

    def refuse(self, t: int, *, allow_wrap: bool, clip_allowed: bool) -> None:
        """Raise if this step wrapped or clipped a state where that is an error."""
        where = f"population {self.population.name!r}"
        if not allow_wrap and self.wraps.any():
            what = f"{where}: {self._states_that('wraps')} at step {t} in sample {int(self.wraps.argmax())}"
            raise MachineError(what, "compile with a lower scale, or run with allow_wrap")
        if not clip_allowed and self.clips.any():
            what = f"{where}: {self._states_that('clips')} at step {t} in sample {int(self.clips.argmax())}"
            raise MachineError(f"{what}, against its certificate", "certify this program and this input range again")

    def _states_that(self, overflow: str) -> str:
        return " or ".join(f"{s.name} {overflow}" for s in self.arithmetic.states if s.overflow == overflow)

    def tally(self) -> Tally:
        """Return what was counted."""
        return Tally(self.events, self.synops, **{name: getattr(self, name) for name in TALLIES})

    def _refuse_beyond(self, values: Int, limit: int, t: int, what: str) -> None:
        beyond = np.abs(values) >= limit
        if beyond.any():
            sample, *neuron = (int(i[0]) for i in np.nonzero(beyond))
            where = f"population {self.population.name!r}: neuron {tuple(neuron)} at step {t} of sample {sample}"
            raise MachineError(f"{where}: {what}", "lower the weights, the fan-in or the weight exponent")


def _per_sample(values: NDArray[np.generic]) -> Int:
    sums: Int = values.reshape(len(values), -1).sum(axis=1, dtype=np.int64)
    return sums
