"""What a Program is: an input, populations of neurons, and the integer connections between them, all of it legal.

The parts are `sim.parts`; what a Program *means* is `sim.reference`; which Programs exist is `sim.validate`, called on
construction, so a Program that exists is a legal one.
"""

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from sim.digest import canonical_record, digest
from sim.errors import InputError
from sim.parts import (
    INPUT,
    Connection,
    Conv,
    Dense,
    Draft,
    Input,
    Json,
    Population,
    RegisterArray,
    Reset,
    Weight,
    Wiring,
    narrowest,
)
from sim.summary import Shown, Summary, shape_text, span_text
from sim.validate import validate

__all__ = [
    "INPUT",
    "Connection",
    "Conv",
    "Dense",
    "Input",
    "Json",
    "Population",
    "Program",
    "RegisterArray",
    "Reset",
    "Weight",
    "Wiring",
    "narrowest",
    "require_program",
]


@dataclass(frozen=True, eq=False, repr=False)
class Program(Shown, Draft):
    """A network that keeps every rule of the machine."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "record", MappingProxyType(canonical_record(self.record)))
        validate(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that a Program says: two Programs with one digest are the same Program."""
        return digest(self)

    def _summary(self) -> Summary:
        neurons, weights = sum(p.size for p in self.populations), 0
        rows = []
        for p in self.populations:
            held = sum(c.wiring.weight.size for c in p.inputs)
            reads = ", ".join(f"{c.source} (lag {c.lag})" if c.lag else c.source for c in p.inputs)
            weights += held
            rows.append((p.name, shape_text(p.shape), reads or "nothing", f"{held:,}", _fires(p), p.reset))
        read = f"input {shape_text(self.input.shape)} of {span_text(self.input.lo, self.input.hi)}"
        origin = f", {self.record['origin']}" if "origin" in self.record else ""
        return Summary(
            title=f"Program {self.digest[:12]}{origin}",
            facts=[f"{read}; {len(self.populations)} populations, {neurons:,} neurons, {weights:,} weights"],
            header=("population", "shape", "reads", "weights", "fires", "reset"),
            rows=rows,
        )


def _fires(population: Population) -> str:
    """Say what a neuron's state must exceed, in the arithmetic's own register."""
    if not population.fires:
        return "never"
    if "vth" not in population.registers:
        return "yes"
    return f"above {span_text(population.vth.min(), population.vth.max())}"


def require_program(given: object) -> None:
    """Refuse anything but a Program where one is wanted, the name of its file above all."""
    if not isinstance(given, Program):
        fix = "give a Program, such as read_program(file) or compile(source) returns"
        raise InputError(
            f"{given!r} is no Program" if isinstance(given, str) else f"a {type(given).__name__} is no Program", fix
        )
