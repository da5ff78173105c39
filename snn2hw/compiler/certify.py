"""Bounds on a and on every state that hold for every input in the message range, by interval arithmetic.

How the ends of an interval go through a step is the arithmetic's to say (`Arithmetic.interval`). In ``loihi``, for
step t, with every message anywhere in its range, whatever was sent before (all functions are monotone):

    a in [a-, a+]: each weight meets the end of the range that pushes its way; the shift of a connection keeps the order
    u+[t] = decay(u+[t-1], du + 1) + (a+ << 6),     u+[-1] = u0                      (and the same for u-)
    v+[t] = decay(w+[t-1], dv) + u+[t] + bias,      w+[-1] = v0                      (before the clip)
    w[t]  = hull of what stays ([v-, min(v+, theta)]) and what a reset leaves (0, or v - theta), theta = vth << 6

The certificate states the extremes over t < steps and over all neurons of a population. |a| < 2^21 and |u| < 2^23 are
demanded; v may clip where no bound below 2^23 exists, and the certificate then says so.

A population that sends several spikes in a message sends at most min(most, v+ // theta). Since v+ depends on what
others send, all begin with their ``most``, and bounds are taken again until no message gets smaller.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arithmetic.description import Arithmetic, Int, Span, StateVariable, power
from sim.arithmetic.registry import get_arithmetic
from sim.border import MAX_CHECKED_STEPS
from sim.errors import UnsupportedError
from sim.program import INPUT, Population, Program
from sim.summary import Shown, Summary, span_text
from snn2hw.compiler.sums import sums_at

__all__ = ["Certificate", "ProvenBounds", "bounds_of", "certify", "greatest_message", "prove"]


@dataclass(frozen=True)
class ProvenBounds:
    """(least, greatest) of a, and of each state before it wraps or clips, over a population's neurons and all steps."""

    arithmetic: Arithmetic
    a: Span
    states: Mapping[str, Span]

    @property
    def u(self) -> Span:
        """Return the bounds of the synaptic current."""
        return self.states["u"]

    @property
    def v(self) -> Span:
        """Return the bounds of the potential."""
        return self.states["v"]

    @property
    def safe(self) -> bool:
        """Whether the accumulator never leaves its range and no state wraps."""
        limit = self.arithmetic.accumulator.limit
        fits = limit is None or max(map(abs, self.a)) < limit
        return fits and all(max(map(abs, self.states[name])) < limit for name, limit in _wrapping(self.arithmetic))

    @property
    def beyond(self) -> Mapping[str, int]:
        """Return by how much each state that clips may go beyond its ends; nothing where none does."""
        limits = {s.name: self.arithmetic.limits_of(s) for s in self.arithmetic.states if s.overflow == "clips"}
        over = {n: max(low - self.states[n][0], self.states[n][1] - high) for n, (low, high) in limits.items()}
        return {name: by for name, by in over.items() if by > 0}

    @property
    def reach(self) -> float:
        """Return how far a and the states that wrap reach towards their limits; where none wraps, those that clip."""
        limit, wrapping = self.arithmetic.accumulator.limit, dict(_wrapping(self.arithmetic))
        shares = [] if limit is None else [max(map(abs, self.a)) / limit]
        ends = wrapping or {s.name: self.arithmetic.limits_of(s)[1] for s in self.arithmetic.states}
        return max(shares + [max(map(abs, self.states[name])) / end for name, end in ends.items()])

    @property
    def clip_free(self) -> bool:
        """Whether no state clips."""
        return not self.beyond

    def to_json(self) -> dict[str, list[int]]:
        """Return plain JSON values."""
        return {"a": list(self.a), **{name: list(ends) for name, ends in self.states.items()}}


def _wrapping(arithmetic: Arithmetic) -> Iterator[tuple[str, int]]:
    """Yield each state that may wrap, and the magnitude at which it does."""
    for state in arithmetic.states:
        if state.overflow == "wraps":
            yield state.name, arithmetic.limits_of(state)[1]


SCHEMA = "snn2hw.certificate/1"


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """What was proven of one Program: its digest, the assumptions, and the bounds of every population."""

    digest: str
    steps: int
    """The bounds hold for samples of at most this many steps."""
    messages: tuple[int, int]
    """The input messages lie in this range."""
    bounds: Mapping[str, ProvenBounds]

    @property
    def clip_free(self) -> tuple[str, ...]:
        """Return the populations in which v never clips: what an engine takes as ``clip_free``."""
        return tuple(name for name, bounds in self.bounds.items() if bounds.clip_free)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "steps": self.steps,
            "messages": list(self.messages),
            "bounds": {name: bounds.to_json() for name, bounds in self.bounds.items()},
        }

    def _summary(self) -> Summary:
        states = next(iter(self.bounds.values())).arithmetic.states
        return Summary(
            title=f"Certificate of program {self.digest[:12]}",
            facts=[f"messages {span_text(*self.messages)}, at most {self.steps} steps"],
            header=(
                "population",
                "a",
                *(f"{s.name}{_BEFORE[s.overflow]}" for s in states),
                f"{_clipping(states)} clips",
            ),
            rows=[
                (name, *(span_text(*ends) for ends in (b.a, *b.states.values())), _may(b))
                for name, b in self.bounds.items()
            ],
        )


_BEFORE = {"wraps": "", "clips": " before its clip"}


def _clipping(states: tuple[StateVariable, ...]) -> str:
    return " or ".join(s.name for s in states if s.overflow == "clips")


def _may(bounds: ProvenBounds) -> str:
    """Say whether a state clips; by how much, where that is not what a spike takes away."""
    if bounds.clip_free:
        return "never"
    if bounds.arithmetic.receiving:
        return "can: " + ", ".join(f"{name} by {by:,}" for name, by in bounds.beyond.items())
    return "may"


def certify(program: Program, steps: int) -> Certificate:
    """Prove that no sum leaves the accumulator and no u wraps within ``steps`` steps, or name the population."""
    certificate = prove(program, steps)
    for name, bounds in certificate.bounds.items():
        if not bounds.safe:
            limit = bounds.arithmetic.accumulator.limit
            limits = {**({} if limit is None else {"a": limit}), **dict(_wrapping(bounds.arithmetic))}
            may = " and ".join([f"a may reach {bounds.a}", *(f"{n} {bounds.states[n]}" for n in limits if n != "a")])
            needed = " and ".join(f"|{n}| < {power(limit)}" for n, limit in limits.items())
            verb = "is" if len(limits) == 1 else "are"
            what = f"population {name!r}: within {steps} steps {may}; {needed} {verb} needed"
            raise UnsupportedError(what, "compile with a lower scale")
    return certificate


def prove(program: Program, steps: int) -> Certificate:
    """Return the bounds as they are, good or bad."""
    if steps > MAX_CHECKED_STEPS:
        what = f"a certificate for {steps} steps: at most {MAX_CHECKED_STEPS} are checked"
        raise UnsupportedError(what, "cut the samples, or certify for fewer steps")
    ranges = {INPUT: (program.input.lo, program.input.hi)} | {p.name: (0, p.most_sent) for p in program.populations}
    bounds = {p.name: bounds_of(p, ranges, program.shape_of, steps) for p in program.populations}
    while True:
        tighter = {p.name: (0, greatest_message(p, bounds[p.name])) for p in program.populations}
        heard = {name for name, span in tighter.items() if span != ranges[name]}
        if not heard:
            return Certificate(program.digest, steps, ranges[INPUT], bounds)
        ranges |= tighter
        for p in program.populations:
            if any(c.source in heard for c in p.inputs):
                bounds[p.name] = bounds_of(p, ranges, program.shape_of, steps)


def greatest_message(population: Population, bounds: ProvenBounds) -> int:
    """Return the greatest message of a population with such bounds."""
    greatest = bounds.arithmetic.greatest
    if population.most_sent <= 1 or greatest is None:
        return population.most_sent
    return greatest(population.neurons, list(bounds.states.values())[-1][1])


def bounds_of(
    population: Population,
    messages: Mapping[str, tuple[int, int]],
    shape_of: Callable[[str], tuple[int, ...]],
    steps: int,
) -> ProvenBounds:
    """Return the bounds of one population from the message range and the shape of each of its sources."""
    arithmetic, neurons = get_arithmetic(population.arithmetic), population.neurons
    by_port = [np.stack(sums_at(population, port, messages, shape_of)) for port in range(arithmetic.ports)]
    a = np.stack(by_port) if arithmetic.receiving else by_port[0]
    lost = {name: 2 * limit for name, limit in _wrapping(arithmetic)}
    states: Mapping[str, Int] = {s.name: np.stack([neurons[s.initial]] * 2) for s in arithmetic.states}
    least, most = dict.fromkeys(states, sys.maxsize), dict.fromkeys(states, -sys.maxsize)
    for _ in range(steps):
        reached = arithmetic.interval(neurons, states, a)
        for name, (low, high) in reached.before_overflow.items():
            least[name], most[name] = min(least[name], int(low.min())), max(most[name], int(high.max()))
        if any(max(-least[name], most[name]) >= limit for name, limit in lost.items()):
            break  # lost already; the numbers must not outgrow 64 bits
        if all(np.array_equal(reached.after[name], before) for name, before in states.items()):
            break  # nothing will ever change again
        states = reached.after
    return ProvenBounds(
        arithmetic,
        (min(int(x[0].min()) for x in by_port), max(int(x[1].max()) for x in by_port)),
        {name: (least[name], most[name]) for name in states},
    )
