"""What an arithmetic is, as one piece of data: every rule, file and table that depends on it is driven by this.

An `Arithmetic` names the registers of a neuron and what they hold, the states that a neuron keeps from step to step,
the resets, the limits of messages, weights and sums, and two functions: the step, and the same neuron without rounding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_LAG",
    "Accumulator",
    "Arithmetic",
    "Int",
    "Neurons",
    "Property",
    "PropertyValue",
    "Reached",
    "RealDynamics",
    "Register",
    "Reset",
    "Span",
    "StateVariable",
    "Stepped",
    "bits_of",
    "power",
    "shift",
]

Int = NDArray[np.int64]
Span = tuple[int, int]
"""The least and the greatest value."""

Reset = Literal["zero", "subtract", "none"]
PropertyValue = int | bool

MAX_LAG = 4096
"""Steps that a message may be late; a program's own limit, whatever the arithmetic."""


def bits_of(span: Span) -> int:
    """Return the fewest bits that hold every value of a span, in two's complement if it has negative ones.

    >>> bits_of((0, 255)), bits_of((-4096, 4095)), bits_of((0, 0))
    (8, 13, 1)
    """
    low, high = span
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0, 1) + (low < 0)


def power(limit: int) -> str:
    """Return a number as messages say it, a power of two as such.

    >>> power(1 << 21), power(100)
    ('2^21', '100')
    """
    return f"2^{limit.bit_length() - 1}" if limit > 0 and limit & (limit - 1) == 0 else str(limit)


def shift(x: Int, exponent: int) -> Int:
    """Apply a weight exponent to the sum of one connection: left if positive, else arithmetic right (floor).

    >>> shift(np.array([-3, 3]), -1).tolist(), shift(np.array([-3, 3]), 2).tolist()
    ([-2, 1], [-12, 12])
    """
    result: Any = x << exponent if exponent >= 0 else x >> -exponent
    return np.asarray(result, dtype=np.int64)


@dataclass(frozen=True)
class Register:
    """A number that each neuron has for itself.

    ``optional``: where all neurons of a population have the default, the register enters neither file nor digest, and a
    chip's file that does not name it has the default only. ``sourced_by``: the register whose source, in a chip's file,
    says where this one's range comes from as well.
    """

    name: str
    span: Span
    default: int = 0
    optional: bool = False
    sourced_by: str = ""

    @property
    def bits(self) -> int:
        """Return how wide a memory word for it is."""
        return bits_of(self.span)


@dataclass(frozen=True)
class Property:
    """A number, or yes or no, that a population has as a whole; at its default it enters neither file nor digest."""

    name: str
    default: PropertyValue
    span: Span = (0, 1)


@dataclass(frozen=True)
class StateVariable:
    """A number that a neuron keeps from one step to the next."""

    name: str
    initial: str
    """The register that holds it before step 0."""
    bits: int
    """The width of its memory word on a chip."""
    overflow: Literal["wraps", "clips"]
    """What happens at the end of its range; engines count it."""
    refused_from: int | None = None
    """An engine refuses a step after which the magnitude reaches this: no machine could hold it."""


@dataclass(frozen=True)
class Accumulator:
    """Where the messages of a step add up; an engine refuses a step in which the magnitude reaches ``limit``.

    Without a limit there is nothing to refuse: messages are added to states that clip (`Arithmetic.receiving`).
    """

    limit: int | None
    bits: int


@dataclass(frozen=True, eq=False)
class Neurons:
    """One population as its step sees it: ``neurons["vth"]`` is that register, in int64."""

    registers: Mapping[str, Int]
    properties: Mapping[str, PropertyValue]
    reset: Reset
    fires: bool

    def __getitem__(self, register: str) -> Int:
        return self.registers[register]


@dataclass(frozen=True, eq=False)
class Stepped:
    """What one step makes of a batch: the states after it, the messages sent, and where a state wrapped or clipped."""

    states: Mapping[str, Int]
    sent: Int
    wraps: NDArray[np.bool_]
    clips: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reached:
    """What one step makes of states of which only the ends are known: (2, *shape), the least and the greatest values.

    ``before_overflow`` holds each state before it wraps or clips, ``after`` where it may be when the step is over.
    """

    before_overflow: Mapping[str, Int]
    after: Mapping[str, Int]


@dataclass(frozen=True, eq=False)
class RealDynamics:
    """A population without rounding, wraps and clips, in units of a weight; what NIR and float simulators understand.

    u = (1 - share_u) u + a;    v = (1 - share_v) v + u + drive;    a spike where v > threshold
    """

    share_u: NDArray[np.float64]
    share_v: NDArray[np.float64]
    drive: NDArray[np.float64]
    threshold: NDArray[np.float64]
    v0: NDArray[np.float64]


@dataclass(frozen=True)
class Arithmetic:
    """One way to compute a neuron in integers."""

    name: str
    registers: tuple[Register, ...]
    """In the order of the file and of the digest."""
    states: tuple[StateVariable, ...]
    """In the order in which a step computes them; the last one is the output of a population that never fires."""
    accumulator: Accumulator
    resets: tuple[Reset, ...]
    """Those that there are, the default first."""
    exponents: Span
    """Of weights."""
    messages: Span
    """Of the program's input; a range within it holds 0, no message."""
    weight_rules: tuple[str, ...]
    """Which of `sim.weight_rule.RULES` a record may state."""
    step: Callable[[Neurons, Mapping[str, Int], Int], Stepped] = field(repr=False)
    """(neurons, states before, a) -> what the step makes of them; a batch, one sample per first index.

    The states it takes and returns are those of ``states``, and of ``clocks``.
    """
    interval: Callable[[Neurons, Mapping[str, Int], Int], Reached] = field(repr=False)
    """The step where states and a may be anywhere between two ends: what certificates are proven by."""
    dynamics: Callable[[Neurons], RealDynamics] = field(repr=False)
    """The same neurons without rounding."""
    properties: tuple[Property, ...] = ()
    clocks: tuple[str, ...] = ()
    """What a neuron also keeps from step to step, 0 before step 0, and nobody records: steps that it still rests."""
    synop_of: Literal["message", "spike"] = "message"
    """What meets a synapse once: a message, whatever its value, or each of the spikes that it stands for."""
    greatest: Callable[[Neurons, int], int] | None = field(default=None, repr=False)
    """(neurons, the greatest value of the last state) -> the greatest message; without it, that is ``most``."""
    rule: Callable[[Neurons], tuple[str, str] | None] | None = field(default=None, repr=False)
    """What no span says of registers and properties together: (what is wrong, fix), or None for legal neurons."""
    receiving: tuple[str, ...] = ()
    """The states that messages are added to one after the other, each sum clipped, by the port of a connection.

    Sources arrive in order: the input first, then populations as the program lists them, neurons ascending. ``a`` is
    what became of a state by that, (ports, B, *shape). Without such a state, a connection has no port and ``a`` is the
    one sum of a step, (B, *shape).
    """
    decays: tuple[str, str] | None = None
    """The registers that say which share of a current and of a potential is lost in a step."""
    weights: Span | None = None
    """What a weight may be before its exponent; any 32-bit integer unless given."""

    @property
    def ports(self) -> int:
        """Return at how many places of a neuron a connection may arrive."""
        return max(1, len(self.receiving))

    @cached_property
    def spans(self) -> Mapping[str, Span]:
        """Return what each register holds, by its name."""
        return MappingProxyType({r.name: r.span for r in self.registers})

    @cached_property
    def initial(self) -> Mapping[str, str]:
        """Return the state that a register is the first value of, by the register's name."""
        return MappingProxyType({s.initial: s.name for s in self.states})

    def limits_of(self, state: StateVariable) -> Span:
        """Return between which ends a state neither wraps nor clips."""
        return self.spans[state.initial]

    def most_of(self, properties: Mapping[str, PropertyValue], *, fires: bool) -> int:
        """Return the greatest message of neurons with such properties: ``most``, 1 where there is no such thing."""
        return int(properties.get("most", 1)) if fires else 0

    @property
    def readout(self) -> str:
        """Return the state that is the output of a population that never fires."""
        return self.states[-1].name
