"""Chips as rows of data: what their registers hold, and where each number comes from.

A row is a TOML file (`snn2hw/chips`); a user's own chip is one more file of the same form, named by its path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast, get_args

from sim.border import TOML_BYTES, parse_toml, read_bytes
from sim.errors import InputError
from sim.program import REGISTERS
from sim.validate import EXPONENTS, MAX_LAG, REGISTER_RANGES
from sim.weight_rule import LOIHI_BITS, SIGNED_BITS

__all__ = ["TARGETS", "CoreLimits", "Target", "WeightRule", "get_target", "read_target"]

WeightRule = Literal["loihi", "signed"]
Span = tuple[int, int]

TARGETS = ("loihi1", "loihi2", "fixed")
"""The rows that come with the package."""

RULE_BITS = {"loihi": (LOIHI_BITS[0], LOIHI_BITS[-1]), "signed": (SIGNED_BITS[0], SIGNED_BITS[-1])}
MOST = 1 << 53
"""No chip holds more of anything."""
SOURCED = ("weights.rule", "weights.exponent", "registers.du", "registers.vth", "registers.bias_mantissa")


@dataclass(frozen=True)
class CoreLimits:
    """What one core holds; None where no limit is known."""

    neurons: int | None = None
    synapse_bits: int | None = None
    axons_in: int | None = None
    axons_out: int | None = None
    vth_configs: int | None = None
    decay_configs: int | None = None


@dataclass(frozen=True)
class Target:
    """A chip's integer machine; every pair is (least, greatest)."""

    name: str
    title: str
    arithmetic: Literal["loihi"]
    weight_rule: WeightRule
    weight_bits: Span
    weight_exponent: Span
    du: Span
    dv: Span
    vth: Span
    bias_mantissa: Span
    bias_exponent: Span
    resets: tuple[str, ...]
    delay_steps: int
    graded_input: bool
    per_neuron: tuple[str, ...]
    core: CoreLimits
    cores: int | None
    sources: Mapping[str, str]
    """Field ("weights.rule") to the text that says where its value comes from."""


def get_target(target: "str | Path | Target") -> Target:
    """Return a target by name, or from a TOML file; a Target is returned as it is.

    >>> get_target("loihi1").vth
    (0, 131071)
    """
    if isinstance(target, Target):
        return target
    if str(target) in TARGETS:
        packaged = resources.files("snn2hw.chips").joinpath(f"{target}.toml")
        return _parse(packaged.read_bytes(), f"target {target}")
    if Path(target).suffix == ".toml":
        return read_target(target)
    raise InputError(f"target {str(target)!r} is unknown", f"use one of {', '.join(TARGETS)}, or a .toml file")


def read_target(path: Path | str) -> Target:
    """Read a user's own chip."""
    return _parse(read_bytes(path, TOML_BYTES, "name a TOML file of a target"), str(path))


def _parse(text: bytes, where: str) -> Target:
    read = _Reader(where, parse_toml(text, where, "see docs/targets.md for a whole file"))
    rule = read.one_of("weights", "rule", get_args(WeightRule))
    target = Target(
        name=read.text("name"),
        title=read.text("title"),
        arithmetic=cast("Literal['loihi']", read.one_of(None, "arithmetic", ("loihi",))),
        weight_rule=cast("WeightRule", rule),
        weight_bits=read.span("weights", "bits", RULE_BITS[rule]),
        weight_exponent=read.span("weights", "exponent", EXPONENTS),
        du=read.span("registers", "du", REGISTER_RANGES["du"]),
        dv=read.span("registers", "dv", REGISTER_RANGES["dv"]),
        vth=read.span("registers", "vth", REGISTER_RANGES["vth"]),
        bias_mantissa=read.span("registers", "bias_mantissa", REGISTER_RANGES["bias_mantissa"]),
        bias_exponent=read.span("registers", "bias_exponent", REGISTER_RANGES["bias_exponent"]),
        resets=read.names("behaviour", "resets", ("zero", "subtract")),
        delay_steps=read.count("behaviour", "delay_steps", MAX_LAG),
        graded_input=read.flag("behaviour", "graded_input"),
        per_neuron=read.names("behaviour", "per_neuron", REGISTERS),
        core=CoreLimits(**{f.name: read.optional("core", f.name) for f in fields(CoreLimits)}),
        cores=read.optional("chip", "cores"),
        sources=read.sources(),
    )
    read.refuse_the_rest()
    return target


class _Reader:
    """Takes fields out of a parsed file, one by one; what is left over at the end was misspelt."""

    def __init__(self, where: str, table: Mapping[str, Any]) -> None:
        self.where = where
        self.left = {k: dict(v) if isinstance(v, dict) else v for k, v in table.items()}

    def take(self, section: str | None, name: str, *, needed: bool = True) -> Any:
        place: Any = self.left if section is None else self.left.get(section, {})
        label = name if section is None else f"[{section}] {name}"
        if not isinstance(place, dict):
            raise InputError(f"{self.where}: {section} is no table", f"write [{section}] on a line of its own")
        if name not in place and needed:
            raise InputError(f"{self.where}: {label} is missing", "see docs/targets.md for a whole file")
        return place.pop(name, None)

    def fail(self, section: str | None, name: str, value: object, wanted: str) -> InputError:
        label = name if section is None else f"[{section}] {name}"
        return InputError(f"{self.where}: {label} is {value!r}", f"write {wanted}")

    def text(self, name: str) -> str:
        value = self.take(None, name)
        if not isinstance(value, str) or not value:
            raise self.fail(None, name, value, "a text")
        return value

    def one_of(self, section: str | None, name: str, known: tuple[str, ...]) -> str:
        value = self.take(section, name)
        if not isinstance(value, str) or value not in known:
            raise self.fail(section, name, value, f"one of: {', '.join(known)}")
        return value

    def span(self, section: str, name: str, outer: Span) -> Span:
        value = self.take(section, name)
        wanted = f"[least, greatest] within {outer[0]}..{outer[1]}, the range of the machine"
        if not isinstance(value, list) or len(value) != 2 or not all(type(v) is int for v in value):
            raise self.fail(section, name, value, wanted)
        low, high = value
        if not outer[0] <= low <= high <= outer[1]:
            raise self.fail(section, name, value, wanted)
        return low, high

    def names(self, section: str, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        value = self.take(section, name)
        if not isinstance(value, list) or not all(isinstance(v, str) and v in known for v in value):
            raise self.fail(section, name, value, f"a list of: {', '.join(known)}")
        return tuple(dict.fromkeys(value))

    def count(self, section: str, name: str, most: int) -> int:
        value = self.take(section, name)
        if type(value) is not int or not 0 <= value <= most:
            raise self.fail(section, name, value, f"an integer in 0..{most}")
        return value

    def flag(self, section: str, name: str) -> bool:
        value = self.take(section, name)
        if not isinstance(value, bool):
            raise self.fail(section, name, value, "true or false")
        return value

    def optional(self, section: str, name: str) -> int | None:
        value = self.take(section, name, needed=False)
        if value is not None and (type(value) is not int or not 1 <= value <= MOST):
            raise self.fail(section, name, value, f"an integer in 1..{MOST}, or leave it out")
        return value

    def sources(self) -> Mapping[str, str]:
        given = self.left.pop("sources", {})
        if not isinstance(given, dict) or not all(isinstance(v, str) and v for v in given.values()):
            raise InputError(
                f"{self.where}: [sources] holds more than texts", "write field = where its value comes from"
            )
        missing = [name for name in SOURCED if name not in given]
        if missing:
            raise InputError(f"{self.where}: [sources] lacks {', '.join(missing)}", "say where each number comes from")
        return given

    def refuse_the_rest(self) -> None:
        rest = []
        for name, value in self.left.items():
            inside = value if isinstance(value, dict) else {"": 0}
            rest += [f"[{name}] {key}" if key else name for key in inside]
        if rest:
            raise InputError(f"{self.where}: unknown: {', '.join(rest)}", "check the spelling against docs/targets.md")
