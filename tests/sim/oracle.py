"""The machine written a second time, from its description: plain Python integers, one synapse at a time.

It shares no code with `sim`: convolutions are lists of (source element, weight, target element) triples, and everything
that is counted is counted by looking at each of them.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sim.program import Conv, Population, Program


@dataclass
class Recorded:
    """What one sample of one population did."""

    spikes: list[list[int]] = field(default_factory=list)
    u: list[list[int]] = field(default_factory=list)
    v: list[list[int]] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    synops: list[int] = field(default_factory=list)
    active: int = 0
    wraps: int = 0
    clips: int = 0
    messages: int = 0


def synapses(wiring: Any, source: tuple[int, ...], target: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """List (source index, target index, weight) for every synapse whose weight is not zero."""
    if not isinstance(wiring, Conv):
        return [(i, o, int(w)) for o, row in enumerate(wiring.weight.tolist()) for i, w in enumerate(row) if w]
    outs, ins, taps_y, taps_x = wiring.weight.shape
    per_group = outs // wiring.groups
    weight = wiring.weight.tolist()
    found = []
    for o, y, x in product(range(outs), range(target[1]), range(target[2])):
        for i, ky, kx in product(range(ins), range(taps_y), range(taps_x)):
            from_y = y * wiring.stride[0] - wiring.padding[0] + ky * wiring.dilation[0]
            from_x = x * wiring.stride[1] - wiring.padding[1] + kx * wiring.dilation[1]
            w = weight[o][i][ky][kx]
            if w and 0 <= from_y < source[1] and 0 <= from_x < source[2]:
                channel = (o // per_group) * ins + i
                read = (channel * source[1] + from_y) * source[2] + from_x
                found.append((read, (o * target[1] + y) * target[2] + x, w))
    return found


def _truncated(x: int, d: int) -> int:
    kept = abs(x) * (4096 - d) // 4096
    return kept if x >= 0 else -kept


class OracleError(Exception):
    """The sample leaves the machine."""


class Neurons:
    """One population of one sample."""

    def __init__(self, program: Program, p: Population) -> None:
        flat = {r: getattr(p, r).reshape(-1).tolist() for r in ("du", "dv", "vth", "u0", "v0")}
        self.du, self.dv, self.vth, self.u, self.v = (flat[r] for r in ("du", "dv", "vth", "u0", "v0"))
        mantissas, exponents = p.bias_mantissa.reshape(-1).tolist(), p.bias_exponent.reshape(-1).tolist()
        self.bias = [m * 2**e for m, e in zip(mantissas, exponents, strict=True)]
        self.p, self.rest = p, [0] * p.size
        self.wires = [synapses(c.wiring, program.shape_of(c.source), p.shape) for c in p.inputs]
        self.out = Recorded(events=[0] * len(p.inputs), synops=[0] * len(p.inputs))

    def step(self, t: int, sent: dict[str, list[list[int]]]) -> list[int]:
        """Advance by one step and return the spikes."""
        a = [0] * self.p.size
        for index, (c, wires) in enumerate(zip(self.p.inputs, self.wires, strict=True)):
            if t - c.lag < 0:
                continue
            messages = sent[c.source][t - c.lag]
            sums = [0] * self.p.size
            for i, o, w in wires:
                sums[o] += w * messages[i]
                self.out.synops[index] += messages[i] != 0
            self.out.events[index] += sum(m != 0 for m in messages)
            for o, total in enumerate(sums):
                a[o] += total * 2**c.exponent if c.exponent >= 0 else total // 2**-c.exponent
        spikes = [self._neuron(n, a[n]) for n in range(self.p.size)]
        self.out.spikes.append(spikes)
        self.out.u.append(list(self.u))
        self.out.v.append(list(self.v))
        return spikes

    def _neuron(self, n: int, a: int) -> int:
        if abs(a) >= 2**21:
            raise OracleError
        u = _truncated(self.u[n], self.du[n] + 1) + a * 64
        if u > 2**23:
            u, self.out.wraps = u - 2**24, self.out.wraps + 1
        elif u <= -(2**23):
            u, self.out.wraps = u + 2**24, self.out.wraps + 1
        if abs(u) >= 2**31:
            raise OracleError
        self.u[n] = u
        if self.rest[n]:
            self.rest[n] -= 1
            self.out.active += bool(u or self.v[n])
            return 0
        raw = _truncated(self.v[n], self.dv[n]) + u + self.bias[n]
        v = min(max(raw, -(2**23 - 1)), 2**23 - 1)
        self.out.clips += v != raw
        spikes, left, theta = 0, v, self.vth[n] * 64
        while self.p.fires and spikes < self.p.properties["most"] and self._fires_at(left, theta):
            spikes, left = spikes + 1, left - theta
        if spikes:
            v = {"zero": 0, "subtract": left, "none": v}[self.p.reset]
            self.rest[n] = self.p.properties["refractory"]
        self.out.active += bool(u or v or spikes)
        self.out.messages += spikes > 0
        self.v[n] = v
        return spikes

    def _fires_at(self, v: int, theta: int) -> bool:
        return v > theta or (v == theta and bool(self.p.properties["at_threshold"]))


def run_sample(program: Program, sample: Any) -> dict[str, Recorded]:
    """Run one sample (T, *input shape)."""
    neurons = {p.name: Neurons(program, p) for p in program.populations}
    sent: dict[str, list[list[int]]] = {"input": [], **{name: [] for name in neurons}}
    for t in range(sample.shape[0]):
        sent["input"].append(sample[t].reshape(-1).tolist())
        waiting = list(program.populations)
        while waiting:  # whoever has all its lag-0 sources of this step goes first
            ready = next(p for p in waiting if all(c.lag or len(sent[c.source]) > t for c in p.inputs))
            waiting.remove(ready)
            sent[ready.name].append(neurons[ready.name].step(t, sent))
    return {name: n.out for name, n in neurons.items()}
