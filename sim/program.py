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


@dataclass(frozen=True, eq=False)
class Program(Draft):
    """A network that keeps every rule of the machine."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "record", MappingProxyType(canonical_record(self.record)))
        validate(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that a Program says: two Programs with one digest are the same Program."""
        return digest(self)


def require_program(given: object) -> None:
    """Refuse anything but a Program where one is wanted, the name of its file above all."""
    if not isinstance(given, Program):
        fix = "give a Program, such as read_program(file) or compile(source) returns"
        raise InputError(
            f"{given!r} is no Program" if isinstance(given, str) else f"a {type(given).__name__} is no Program", fix
        )
