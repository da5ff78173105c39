"""Chips as rows of data: what their registers hold, and where each number comes from.

A row is a TOML file (`snn2hw/chips`); a user's own chip is one more file of the same form, named by its path.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from sim.arithmetic.description import MAX_LAG, Arithmetic, Span
from sim.arithmetic.registry import ARITHMETICS, get_arithmetic
from sim.border import TOML_BYTES, parse_toml, read_bytes
from sim.cures import one_of
from sim.errors import InputError
from sim.plugins import Group, added, load_added, named
from sim.summary import Shown, Summary, span_text
from sim.weight_rule import RULES

__all__ = ["TARGETS", "BlockLimits", "CoreLimits", "Target", "Updates", "get_target", "read_target", "target_names"]

TARGETS = ("loihi1", "loihi2", "xylo2", "fixed")
"""The rows that come with the package."""

GROUP: Group = "snn2hw.chips"

Updates = Literal["clocked", "event"]
"""Whether a neuron at rest is updated in every step, or only where something arrives or is left."""

MOST = 1 << 53
"""No chip holds more of anything."""

SOURCED = ("weights.rule", "weights.exponent")
"""What must say where it comes from, beside the registers."""


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
class BlockLimits:
    """What a chip holds that has blocks in place of cores: channels of its input, hidden neurons, outputs."""

    input: int
    hidden: int
    output: int


@dataclass(frozen=True, repr=False)
class Target(Shown):
    """A chip's integer machine; every pair is (least, greatest)."""

    name: str
    title: str
    arithmetic: str
    weight_rule: str
    weight_bits: Span
    weight_exponent: Span
    registers: Mapping[str, Span]
    """What each register of the arithmetic holds on this chip, but those that hold a state before step 0."""
    properties: Mapping[str, Span]
    """The same of the arithmetic's properties."""
    resets: tuple[str, ...]
    delay_steps: int
    graded_input: bool
    per_neuron: tuple[str, ...]
    updates: Updates | None
    """None where the file does not say."""
    core: CoreLimits
    blocks: BlockLimits | None
    cores: int | None
    sources: Mapping[str, str]
    """Field ("weights.rule") to the text that says where its value comes from."""

    def most(self, name: str) -> int:
        """Return the greatest value that a property may have: 1 or 0 of one that its arithmetic lacks."""
        return self.properties.get(name, (0, int(name == "most")))[1]

    def _summary(self) -> Summary:
        weights = {"weight_bits": self.weight_bits, "weight_exponent": self.weight_exponent}
        core = {f.name: getattr(self.core, f.name) for f in fields(self.core)}
        return Summary(
            title=f"Target {self.name}: {self.title}",
            facts=[f"weights by the rule {self.weight_rule}, arithmetic {self.arithmetic}"],
            header=("what", "allowed"),
            rows=[
                *((name, span_text(*span)) for name, span in {**weights, **self.registers, **self.properties}.items()),
                ("resets", ", ".join(self.resets)),
                *((name, span_text(*span)) for name, span in self.properties.items() if span[0] != span[1]),
                ("longest delay, steps", str(self.delay_steps)),
                ("graded input", "yes" if self.graded_input else "no"),
                *([("neurons at rest", self.updates)] if self.updates else []),
                *((f"{name} of a core", f"{limit:,}") for name, limit in core.items() if limit is not None),
                *(
                    (f"{name} block", f"{limit:,}")
                    for name, limit in (asdict(self.blocks) if self.blocks else {}).items()
                ),
                *([("cores", f"{self.cores:,}")] if self.cores is not None else []),
            ],
        )


def get_target(target: "str | Path | Target") -> Target:
    """Return a target by name, or from a TOML file; a Target is returned as it is.

    >>> get_target("loihi1").registers["vth"]
    (0, 131071)
    """
    if isinstance(target, Target):
        return target
    if str(target) in TARGETS:
        packaged = resources.files("snn2hw.chips").joinpath(f"{target}.toml")
        return _parse(packaged.read_bytes(), f"target {target}")
    if Path(target).suffix == ".toml":
        return read_target(target)
    if target in added(GROUP, TARGETS):
        return read_target(load_added(GROUP, str(target)))
    raise InputError(
        f"target {str(target)!r} is unknown", f"use {one_of(str(target), target_names())}, or a .toml file"
    )


def target_names() -> tuple[str, ...]:
    """Return every target with a name: ours, and those that installed packages add."""
    return named(GROUP, TARGETS)


def read_target(path: Path | str) -> Target:
    """Read a user's own chip."""
    return _parse(read_bytes(path, TOML_BYTES, "name a TOML file of a target"), str(path))


def _parse(text: bytes, where: str) -> Target:
    read = _Reader(where, parse_toml(text, where, "see docs/targets.md for a whole file"))
    arithmetic = get_arithmetic(read.one_of(None, "arithmetic", tuple(ARITHMETICS)))
    rule = read.one_of("weights", "rule", arithmetic.weight_rules)
    updates = read.updates()
    target = Target(
        name=read.text("name"),
        title=read.text("title"),
        arithmetic=arithmetic.name,
        weight_rule=rule,
        weight_bits=read.span("weights", "bits", RULES[rule].bits),
        weight_exponent=read.span("weights", "exponent", arithmetic.exponents),
        registers=_registers(read, arithmetic),
        properties=_properties(read, arithmetic),
        resets=read.names("behaviour", "resets", arithmetic.resets),
        delay_steps=read.count("behaviour", "delay_steps", MAX_LAG),
        graded_input=read.flag("behaviour", "graded_input"),
        per_neuron=read.names("behaviour", "per_neuron", tuple(arithmetic.spans)),
        updates=updates,
        core=CoreLimits(**{f.name: read.optional("core", f.name) for f in fields(CoreLimits)}),
        blocks=_blocks(read),
        cores=read.optional("chip", "cores"),
        sources=read.sources((*_sourced(arithmetic), *(["behaviour.updates"] if updates else []))),
    )
    read.refuse_the_rest()
    return target


def _registers(read: "_Reader", arithmetic: Arithmetic) -> Mapping[str, Span]:
    """Read the registers; an optional one that the file does not name has its default only."""
    spans = {
        r.name: read.span("registers", r.name, r.span, absent=(r.default, r.default) if r.optional else None)
        for r in arithmetic.registers
        if r.name not in arithmetic.initial
    }
    return MappingProxyType(spans)


def _properties(read: "_Reader", arithmetic: Arithmetic) -> Mapping[str, Span]:
    """Read the properties, [least, greatest] like registers; what the file does not name has its default only."""
    spans = {
        p.name: read.span("properties", p.name, p.span, absent=(int(p.default), int(p.default)))
        for p in arithmetic.properties
    }
    return MappingProxyType(spans)


def _blocks(read: "_Reader") -> BlockLimits | None:
    """Read the blocks, all of them or none."""
    if "blocks" not in read.left:
        return None
    return BlockLimits(**{f.name: read.block(f.name) for f in fields(BlockLimits)})


def _sourced(arithmetic: Arithmetic) -> tuple[str, ...]:
    """Return the fields that must say where they come from: an optional register's may be missing with it."""
    registers = [
        r.name for r in arithmetic.registers if not (r.optional or r.sourced_by or r.name in arithmetic.initial)
    ]
    return (*SOURCED, *(f"registers.{name}" for name in registers))


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

    def span(self, section: str, name: str, outer: Span, *, absent: Span | None = None) -> Span:
        value = self.take(section, name, needed=absent is None)
        if value is None and absent is not None:
            return absent
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

    def block(self, name: str) -> int:
        value: int | None = self.optional("blocks", name)
        if value is None:
            raise InputError(f"{self.where}: [blocks] {name} is missing", "write input, hidden and output")
        return value

    def updates(self) -> Updates | None:
        value = self.take("behaviour", "updates", needed=False)
        known: tuple[Updates, ...] = get_args(Updates)
        found = next((name for name in known if name == value), None)
        if value is not None and found is None:
            raise self.fail("behaviour", "updates", value, f"one of: {', '.join(known)}, or leave it out")
        return found

    def optional(self, section: str, name: str) -> int | None:
        value = self.take(section, name, needed=False)
        if value is not None and (type(value) is not int or not 1 <= value <= MOST):
            raise self.fail(section, name, value, f"an integer in 1..{MOST}, or leave it out")
        return value

    def sources(self, needed: tuple[str, ...]) -> Mapping[str, str]:
        given = self.left.pop("sources", {})
        if not isinstance(given, dict) or not all(isinstance(v, str) and v for v in given.values()):
            raise InputError(
                f"{self.where}: [sources] holds more than texts", "write field = where its value comes from"
            )
        missing = [name for name in needed if name not in given]
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
