"""What a Program is: an input, populations of neurons, and the integer connections between them.

Data only: frozen, read-only, canonical. What a Program *means* is `sim.reference`; which Programs exist is
`sim.validate`, called on construction, so a Program that exists is a legal one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import prod
from types import MappingProxyType
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError, ProgramError
from sim.summary import Shown, Summary, shape_text, span_text

__all__ = [
    "INPUT",
    "REGISTERS",
    "Arithmetic",
    "Connection",
    "Conv",
    "Dense",
    "Input",
    "Json",
    "Population",
    "Program",
    "Register",
    "Reset",
    "Weight",
    "Wiring",
    "narrowest",
    "require_program",
]

INPUT = "input"
"""The name under which connections read the program's input."""

REGISTERS = ("du", "dv", "vth", "bias_mantissa", "bias_exponent", "u0", "v0")
"""The per-neuron registers of a population, in the order of the file and of the digest."""

Reset = Literal["zero", "subtract"]
Arithmetic = Literal["loihi"]
Weight = NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32]
Register = NDArray[np.int32]
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


def _register(values: ArrayLike, shape: tuple[int, ...], what: str) -> Register:
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
    """One source read through one wiring: ``shift(W . s[t - lag], exponent)``."""

    source: str
    wiring: Wiring
    exponent: int = 0
    lag: int = 0


@dataclass(frozen=True, eq=False, init=False)
class Population:
    """An array of neurons, its registers (each an int32 array of ``shape``) and the connections that arrive at it.

    u = wrap(decay(u, du + 1) + (a << 6));  v = clip(decay(v, dv) + u + (bias_mantissa << bias_exponent));
    z = fires and v > (vth << 6);  then v = 0 (reset "zero") or v - (vth << 6) (reset "subtract") where z.
    """

    name: str
    shape: tuple[int, ...]
    inputs: tuple[Connection, ...]
    vth: Register
    du: Register
    dv: Register
    bias_mantissa: Register
    bias_exponent: Register
    u0: Register
    v0: Register
    reset: Reset
    fires: bool

    def __init__(
        self,
        name: str,
        shape: Iterable[int],
        inputs: Iterable[Connection] = (),
        vth: ArrayLike = 0,
        du: ArrayLike = 4095,
        dv: ArrayLike = 0,
        bias_mantissa: ArrayLike = 0,
        bias_exponent: ArrayLike = 0,
        u0: ArrayLike = 0,
        v0: ArrayLike = 0,
        reset: Reset = "zero",
        fires: bool = True,
    ) -> None:
        """Take every register as one value, or as an array that broadcasts to ``shape``."""
        put = partial(object.__setattr__, self)
        put("name", name)
        put("shape", tuple(int(n) for n in shape))
        put("inputs", tuple(inputs))
        put("reset", reset)
        put("fires", bool(fires))
        for register, values in zip(REGISTERS, (du, dv, vth, bias_mantissa, bias_exponent, u0, v0), strict=True):
            put(register, _register(values, self.shape, f"population {name!r}: {register}"))

    @property
    def size(self) -> int:
        """Return the number of neurons."""
        return prod(self.shape)


@dataclass(frozen=True)
class Input:
    """What arrives from outside: messages of ``shape``, integers in lo..hi, 0 meaning no message."""

    shape: tuple[int, ...]
    lo: int = 0
    hi: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))


@dataclass(frozen=True, eq=False, repr=False)
class Program(Shown):
    """A whole network for the integer machine; the last population is the output."""

    input: Input
    populations: tuple[Population, ...]
    arithmetic: Arithmetic = "loihi"
    record: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from sim.digest import canonical_record
        from sim.validate import validate

        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "record", MappingProxyType(canonical_record(self.record)))
        validate(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything above: two Programs with one digest are the same Program."""
        from sim.digest import digest

        return digest(self)

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

    def _summary(self) -> Summary:
        neurons, weights = sum(p.size for p in self.populations), 0
        rows = []
        for p in self.populations:
            held = sum(c.wiring.weight.size for c in p.inputs)
            reads = ", ".join(f"{c.source} (lag {c.lag})" if c.lag else c.source for c in p.inputs)
            weights += held
            fires = f"above {span_text(p.vth.min(), p.vth.max())}" if p.fires else "never"
            rows.append((p.name, shape_text(p.shape), reads or "nothing", f"{held:,}", fires, p.reset))
        read = f"input {shape_text(self.input.shape)} of {span_text(self.input.lo, self.input.hi)}"
        origin = f", {self.record['origin']}" if "origin" in self.record else ""
        return Summary(
            title=f"Program {self.digest[:12]}{origin}",
            facts=[f"{read}; {len(self.populations)} populations, {neurons:,} neurons, {weights:,} weights"],
            header=("population", "shape", "reads", "weights", "fires", "reset"),
            rows=rows,
        )


def require_program(given: object) -> None:
    """Refuse anything but a Program where one is wanted, the name of its file above all."""
    if not isinstance(given, Program):
        fix = "give a Program, such as read_program(file) or compile(source) returns"
        raise InputError(
            f"{given!r} is no Program" if isinstance(given, str) else f"a {type(given).__name__} is no Program", fix
        )
