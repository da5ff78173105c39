"""The parts of a Program as plain data: input, wirings, connections, populations, and all of them together as a Draft.

Frozen, read-only, canonical. Integers are kept as integers; whether the parts fit together is `sim.validate`'s to say.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.arithmetic.description import Arithmetic, Neurons, PropertyValue, Reset
from sim.arithmetic.registry import DEFAULT, ELSEWHERE, get_arithmetic
from sim.errors import ProgramError, UnsupportedError

__all__ = [
    "INPUT",
    "Connection",
    "Conv",
    "Dense",
    "Draft",
    "Input",
    "Json",
    "Population",
    "RegisterArray",
    "Reset",
    "Weight",
    "Wiring",
    "narrowest",
]

INPUT = "input"
"""The name under which connections read the program's input."""

Weight = NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32]
RegisterArray = NDArray[np.int32]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def _integers(values: ArrayLike, what: str) -> NDArray[np.integer]:
    """Take integers as integers and refuse everything else: nothing is rounded on the way into a Program."""
    array = np.asarray(values)
    if array.dtype == np.bool_ or not np.issubdtype(array.dtype, np.integer):
        raise ProgramError(f"{what}: expected integers, got {array.dtype}", "quantise before building a Program")
    return array


def narrowest(array: NDArray[np.integer], what: str) -> Weight:
    """Return the values in the narrowest of int8, int16 and int32 that holds them, in C order."""
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return cast("Weight", np.array(array, dtype=dtype, order="C"))
    raise ProgramError(f"{what}: {low}..{high} do not fit 32 bits", "scale them down")


def _weight(values: ArrayLike, ndim: int, what: str) -> Weight:
    """Make the canonical form of a weight array: C order, read-only, the narrowest of int8, int16 and int32."""
    array = _integers(values, what)
    if array.ndim != ndim or array.size == 0:
        raise ProgramError(f"{what}: expected {ndim} axes, none of length 0, got shape {array.shape}")
    narrow = narrowest(array, what)
    narrow.setflags(write=False)
    return narrow


def _register(values: Any, shape: tuple[int, ...], what: str) -> RegisterArray:
    if type(values) is int and -(1 << 31) <= values < 1 << 31:  # most registers are one number
        return np.broadcast_to(np.asarray(values, dtype=np.int32), shape)
    array = _integers(values, what)
    if array.size and (int(array.min()) < -(2**31) or int(array.max()) >= 2**31):
        raise ProgramError(f"{what}: {array.min()}..{array.max()} is no register value")
    try:
        return np.broadcast_to(array.astype(np.int32), shape)
    except ValueError:
        fix = "give one value, or an array that broadcasts to the population's shape"
        raise ProgramError(f"{what}: shape {array.shape} does not fit {shape}", fix) from None


@dataclass(frozen=True, eq=False)
class Dense:
    """All to all: ``out = weight @ message``, the message read in C order. ``weight`` is (n_out, n_in)."""

    weight: Weight

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight(self.weight, 2, "Dense weight"))


@dataclass(frozen=True, eq=False)
class Conv:
    """Cross-correlation as in torch, ``weight`` (C_out, C_in / groups, kh, kw); one-dimensional is height 1."""

    weight: Weight
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight(self.weight, 4, "Conv weight"))
        for name, least in (("stride", 1), ("padding", 0), ("dilation", 1)):
            pair = tuple(int(v) for v in _integers(getattr(self, name), f"Conv {name}").reshape(-1))
            if len(pair) != 2 or min(pair) < least:
                raise ProgramError(f"Conv {name}: expected two integers of at least {least}, got {pair}")
            object.__setattr__(self, name, pair)
        groups = int(_integers(self.groups, "Conv groups"))
        if groups < 1 or self.weight.shape[0] % groups:
            raise ProgramError(f"Conv groups: {groups} does not divide {self.weight.shape[0]} output channels")
        object.__setattr__(self, "groups", groups)


Wiring = Dense | Conv


@dataclass(frozen=True, eq=False)
class Connection:
    """One source read through one wiring: ``shift(W . s[t - lag], exponent)``.

    ``port`` is the place of a neuron at which it arrives, where the arithmetic has several.
    """

    source: str
    wiring: Wiring
    exponent: int = 0
    lag: int = 0
    port: int = 0

    def kept_port(self) -> dict[str, int]:
        """Return the port as file and digest hold it: not at all where it is 0."""
        return {"port": self.port} if self.port else {}


@dataclass(frozen=True, eq=False, init=False)
class Population:
    """An array of neurons, its registers (each an int32 array of ``shape``) and the connections that arrive at it.

    Which registers and properties there are is said by the arithmetic: `sim.arithmetic.loihi` has ``du, dv, vth,
    bias_mantissa, bias_exponent, u0, v0``. Every register is an attribute too: ``population.vth``.
    """

    name: str
    shape: tuple[int, ...]
    inputs: tuple[Connection, ...]
    reset: Reset
    fires: bool
    arithmetic: str
    registers: Mapping[str, RegisterArray]
    properties: Mapping[str, PropertyValue]

    def __init__(
        self,
        name: str,
        shape: Iterable[int],
        inputs: Iterable[Connection] = (),
        *,
        reset: Reset | None = None,
        fires: bool = True,
        arithmetic: str = DEFAULT,
        **values: Any,
    ) -> None:
        """Take registers, as one value or an array that broadcasts to ``shape``, and properties, all by their names.

        What is not given has the arithmetic's default. ``registers`` and ``properties`` take several at once, as
        `dataclasses.replace` hands them over; what is given by its own name goes before.
        """
        described = get_arithmetic(arithmetic)
        given = {**values.pop("registers", {}), **values.pop("properties", {}), **values}
        made = tuple(int(n) for n in shape)
        registers = {
            r.name: _register(given.pop(r.name, r.default), made, f"population {name!r}: {r.name}")
            for r in described.registers
        }
        properties = {p.name: given.pop(p.name, p.default) for p in described.properties}
        if given:
            known = ", ".join([*registers, *properties])
            what = f"population {name!r}: arithmetic {arithmetic!r} has no register {', '.join(given)}"
            raise ProgramError(what, f"use any of: {known}")
        facts: dict[str, Any] = {
            "name": name,
            "shape": made,
            "inputs": tuple(inputs),
            "reset": described.resets[0] if reset is None else reset,
            "fires": bool(fires),
            "arithmetic": arithmetic,
            "registers": MappingProxyType(registers),
            "properties": MappingProxyType(properties),
        }
        for key, value in facts.items():
            object.__setattr__(self, key, value)

    def __getattr__(self, name: str) -> RegisterArray:
        registers: Mapping[str, RegisterArray] = self.__dict__.get("registers", {})
        if name not in registers:
            raise AttributeError(f"a population of arithmetic {self.__dict__.get('arithmetic')!r} has no {name!r}")
        return registers[name]

    @property
    def size(self) -> int:
        """Return the number of neurons."""
        return prod(self.shape)

    @property
    def most_sent(self) -> int:
        """Return the greatest message that it may send: 0 where it never fires, 1 for plain spikes."""
        return get_arithmetic(self.arithmetic).most_of(self.properties, fires=self.fires)

    @cached_property
    def neurons(self) -> Neurons:
        """Return what a step of the arithmetic takes: the registers in int64, the properties, the reset."""
        wide = {name: values.astype(np.int64) for name, values in self.registers.items()}
        return Neurons(wide, self.properties, self.reset, self.fires)

    def kept_registers(self) -> Mapping[str, RegisterArray]:
        """Return the registers that file and digest hold: all but optional ones that have their default everywhere."""
        optional = {r.name: r.default for r in get_arithmetic(self.arithmetic).registers if r.optional}
        return {n: v for n, v in self.registers.items() if n not in optional or bool((v != optional[n]).any())}

    def kept_properties(self) -> Mapping[str, PropertyValue]:
        """Return the properties that file and digest hold: those that have not their default."""
        defaults = {p.name: p.default for p in get_arithmetic(self.arithmetic).properties}
        return {name: value for name, value in self.properties.items() if value != defaults[name]}

    def require_known(self, registers: Collection[str], properties: Collection[str], who: str) -> None:
        """Refuse what ``who`` has not learnt: a register or a property, by name, that has not its default everywhere.

        `require_arithmetic` goes by the arithmetic's name; what that gets one more of has to be noticed here.
        """
        defaults = {r.name: r.default for r in get_arithmetic(self.arithmetic).registers}
        beyond = [n for n, v in self.registers.items() if n not in registers and bool((v != defaults[n]).any())]
        beyond += [name for name in self.kept_properties() if name not in properties]
        if beyond:
            raise UnsupportedError(f"population {self.name!r}: has {beyond[0]}, which {who} does not know", ELSEWHERE)


@dataclass(frozen=True)
class Input:
    """What arrives from outside: messages of ``shape``, integers in lo..hi, 0 meaning no message."""

    shape: tuple[int, ...]
    lo: int = 0
    hi: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))


@dataclass(frozen=True, eq=False)
class Draft:
    """A whole network for the integer machine, not checked yet; the last population is the output."""

    input: Input
    populations: tuple[Population, ...]
    arithmetic: str = DEFAULT
    record: Mapping[str, Json] = field(default_factory=dict)

    @property
    def described(self) -> Arithmetic:
        """Return the arithmetic as data."""
        return get_arithmetic(self.arithmetic)

    @cached_property
    def by_name(self) -> Mapping[str, Population]:
        """Return the populations by name."""
        return MappingProxyType({p.name: p for p in self.populations})

    @property
    def output(self) -> Population:
        """Return the last population."""
        return self.populations[-1]

    def shape_of(self, source: str) -> tuple[int, ...]:
        """Return the shape of a message source: the input or a population."""
        return self.input.shape if source == INPUT else self.by_name[source].shape
