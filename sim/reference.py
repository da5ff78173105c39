"""The meaning of a Program, one step at a time: the definition that every other engine is judged against.

a = sum over connections  shift(W . s[t - lag], exponent)
u = wrap(decay(u, du + 1) + (a << 6))
v = clip(decay(v, dv) + u + bias)                     bias = mantissa << exponent
z = fires and v > (vth << 6)
v = 0 where z  (reset "zero")   |   v - (vth << 6) where z  (reset "subtract")
"""

from collections.abc import Collection, Mapping
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, U_STORED, VTH_SHIFT, Int, clip, decay, shift, wrap
from sim.errors import MachineError
from sim.order import step_order
from sim.program import INPUT, Population, Program
from sim.request import Request
from sim.trace import Record, Tally, Trace, counts_from
from sim.wiring import apply, fan_out

__all__ = ["simulate"]

Messages = Mapping[str, list[Int]]


def simulate(program: Program, raster: NDArray[np.integer], request: Request) -> Trace:
    """Run a batch (B, T, *input shape) from the initial state."""
    record = request.record
    batch, steps = raster.shape[:2]
    states = {p.name: _State(program, p, batch, steps, record, p is program.output) for p in program.populations}
    order = step_order(program.populations)
    sent: dict[str, list[Int]] = {INPUT: [], **{p.name: [] for p in program.populations}}
    for t in range(steps):
        sent[INPUT].append(raster[:, t].astype(np.int64))
        for population in order:
            state = states[population.name]
            state.step(t, state.deliver(sent, t))
            sent[population.name].append(state.z)
            state.refuse(t, allow_wrap=request.allow_wrap, clip_allowed=population.name not in request.clip_free)
        _forget(program, sent, t)
        if request.progress is not None:
            request.progress(batch)
    last = states[program.output.name]
    return Trace(
        digest=program.digest,
        spikes={name: s.recorded["spikes"] for name, s in states.items() if "spikes" in record},
        u={name: s.recorded["u"] for name, s in states.items() if "u" in record},
        v={name: s.recorded["v"] for name, s in states.items() if "v" in record},
        counts=counts_from(program, steps, {name: s.tally() for name, s in states.items()}),
        output=last.recorded["spikes" if program.output.fires else "v"],
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
        self, program: Program, population: Population, batch: int, steps: int, record: Collection[Record], output: bool
    ) -> None:
        self.program, self.population = program, population
        full = (batch, *population.shape)
        self.u: Int = np.broadcast_to(population.u0.astype(np.int64), full)
        self.v: Int = np.broadcast_to(population.v0.astype(np.int64), full)
        self.z: Int = np.zeros(full, dtype=np.int64)
        self.bias: Int = population.bias_mantissa.astype(np.int64) << population.bias_exponent
        self.threshold: Int = population.vth.astype(np.int64) << VTH_SHIFT
        self.fan_out = [fan_out(c.wiring, program.shape_of(c.source), population.shape) for c in population.inputs]
        self.events: Int = np.zeros((len(population.inputs), batch), dtype=np.int64)
        self.synops: Int = np.zeros((len(population.inputs), batch), dtype=np.int64)
        self.spikes, self.active, self.wraps, self.clips = (np.zeros(batch, dtype=np.int64) for _ in range(4))
        wanted = set(record) | ({"spikes" if population.fires else "v"} if output else set())
        self.recorded = {
            what: np.zeros((batch, steps, *population.shape), dtype=np.uint8 if what == "spikes" else np.int32)
            for what in wanted
        }

    def deliver(self, sent: Messages, t: int) -> Int:
        """Return a: the shifted sums of all messages that arrive at step t, counting them on the way."""
        population = self.population
        a = np.zeros(self.u.shape, dtype=np.int64)
        for index, connection in enumerate(population.inputs):
            if t < connection.lag:
                continue  # a message from before step 0 is zero
            messages = sent[connection.source][t - connection.lag]
            source = self.program.shape_of(connection.source)
            a += shift(apply(connection.wiring, messages, source, population.shape), connection.exponent)
            present = messages != 0
            self.events[index] += _per_sample(present)
            self.synops[index] += _per_sample(present * self.fan_out[index])
        self._refuse_beyond(a, A_LIMIT, t, "|a| >= 2^21 leaves the accumulator")
        return a

    def step(self, t: int, a: Int) -> None:
        """Advance every neuron by one local step."""
        population = self.population
        grown = decay(self.u, population.du.astype(np.int64) + 1) + (a << VTH_SHIFT)
        self.u = wrap(grown)
        self._refuse_beyond(self.u, U_STORED, t, "|u| >= 2^31 after repeated wraps")
        raised = decay(self.v, population.dv.astype(np.int64)) + self.u + self.bias
        v = clip(raised)
        self.z = ((v > self.threshold) & population.fires).astype(np.int64)
        match population.reset:
            case "zero":
                self.v = np.where(self.z, 0, v)
            case "subtract":
                self.v = np.where(self.z, v - self.threshold, v)
            case _:
                assert_never(population.reset)
        self.spikes += _per_sample(self.z)
        self.active += _per_sample((self.u != 0) | (self.v != 0) | (self.z != 0))
        self.wraps += _per_sample(self.u != grown)
        self.clips += _per_sample(v != raised)
        for what, values in (("spikes", self.z), ("u", self.u), ("v", self.v)):
            if what in self.recorded:
                self.recorded[what][:, t] = values

    def refuse(self, t: int, *, allow_wrap: bool, clip_allowed: bool) -> None:
        """Raise if this step wrapped u, or clipped v, where that is an error."""
        if not allow_wrap and self.wraps.any():
            what = f"population {self.population.name!r}: u wraps at step {t} in sample {int(self.wraps.argmax())}"
            raise MachineError(what, "compile with a lower scale, or run with allow_wrap")
        if not clip_allowed and self.clips.any():
            what = f"population {self.population.name!r}: v clips at step {t} in sample {int(self.clips.argmax())}"
            raise MachineError(f"{what}, against its certificate", "certify this program and this input range again")

    def tally(self) -> Tally:
        """Return what was counted."""
        return Tally(self.events, self.synops, self.spikes, self.active, self.wraps, self.clips)

    def _refuse_beyond(self, values: Int, limit: int, t: int, what: str) -> None:
        beyond = np.abs(values) >= limit
        if beyond.any():
            sample, *neuron = (int(i[0]) for i in np.nonzero(beyond))
            where = f"population {self.population.name!r}: neuron {tuple(neuron)} at step {t} of sample {sample}"
            raise MachineError(f"{where}: {what}", "lower the weights, the fan-in or the weight exponent")


def _per_sample(values: NDArray[np.generic]) -> Int:
    sums: Int = values.reshape(len(values), -1).sum(axis=1, dtype=np.int64)
    return sums
