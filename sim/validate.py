"""Which Programs are legal: every rule names the population it found broken, and the cure."""

import re

import numpy as np

from sim.arithmetic import V_MAX, WRAP
from sim.errors import ProgramError
from sim.order import step_order
from sim.program import INPUT, Connection, Input, Population, Program
from sim.weight_rule import check_weights
from sim.wiring import output_shape

__all__ = ["MESSAGE_LIMIT", "REGISTER_RANGES", "validate"]

REGISTER_RANGES = {
    "du": (0, 4095),
    "dv": (0, 4095),
    "vth": (0, 131071),
    "bias_mantissa": (-4096, 4095),
    "bias_exponent": (0, 7),
    "u0": (-WRAP + 1, WRAP),
    "v0": (-V_MAX, V_MAX),
}
"""The least and the greatest value of every register, arithmetic ``loihi``."""

EXPONENTS = (-8, 7)
MESSAGE_LIMIT = 1 << 23
"""Graded messages lie strictly between minus and plus this: 24 bit."""

MAX_LAG = 4096
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
RESERVED = {INPUT, "output"}
MAX_ELEMENTS = 1 << 31


def validate(program: Program) -> None:
    """Raise a ProgramError for the first broken rule."""
    if program.arithmetic != "loihi":
        raise ProgramError(f"arithmetic {program.arithmetic!r} is unknown", "use arithmetic='loihi'")
    _check_input(program.input)
    if not program.populations:
        raise ProgramError("a program needs at least one population")
    names: set[str] = set()
    for population in program.populations:
        _check_name(population.name, names)
        names.add(population.name)
    for population in program.populations:
        _check_population(population)
        for connection in population.inputs:
            _check_connection(program, population, connection)
    step_order(program.populations)
    check_weights(program)


def _check_shape(shape: tuple[int, ...], where: str) -> None:
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ProgramError(f"{where}: shape {shape}", "use (N,) or (C, H, W), every side at least 1; 1-d is (C, 1, L)")
    if int(np.prod(shape, dtype=np.float64)) >= MAX_ELEMENTS:
        raise ProgramError(f"{where}: shape {shape} has 2^31 elements or more", "split the population")


def _check_input(described: Input) -> None:
    _check_shape(described.shape, "input")
    lo, hi = described.lo, described.hi
    if not isinstance(lo, int) or not isinstance(hi, int) or not -MESSAGE_LIMIT < lo <= 0 <= hi < MESSAGE_LIMIT:
        raise ProgramError(f"input: messages {lo}..{hi}", "give a range of 24-bit integers that holds 0 (no message)")


def _check_name(name: str, taken: set[str]) -> None:
    if name in RESERVED:
        raise ProgramError(f"population {name!r}: the name is reserved", "choose another name")
    if not NAME.fullmatch(name):
        raise ProgramError(f"population {name!r}: illegal name", "use letters, digits, '_', '.' and '-'")
    if name in taken:
        raise ProgramError(f"population {name!r}: the name is used twice", "give every population its own name")


def _check_population(p: Population) -> None:
    _check_shape(p.shape, f"population {p.name!r}")
    if p.reset not in ("zero", "subtract"):
        raise ProgramError(f"population {p.name!r}: reset {p.reset!r}", "use 'zero' or 'subtract'")
    for register, (low, high) in REGISTER_RANGES.items():
        values = getattr(p, register)
        least, most = int(values.min()), int(values.max())
        if least < low or most > high:
            what = f"population {p.name!r}: {register} {least}..{most} is outside the register's {low}..{high}"
            raise ProgramError(what, "rescale the population, or choose registers that exist")


def _check_connection(program: Program, p: Population, c: Connection) -> None:
    where = f"population {p.name!r}: reads {c.source!r}"
    if c.source != INPUT and c.source not in program.by_name:
        known = ", ".join([INPUT, *program.by_name])
        raise ProgramError(f"{where}, which does not exist", f"read one of: {known}")
    for what, value, (low, high) in (("exponent", c.exponent, EXPONENTS), ("lag", c.lag, (0, MAX_LAG))):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ProgramError(f"{where} with {what} {value!r}", f"use an integer {what} in {low}..{high}")
    try:
        made = output_shape(c.wiring, program.shape_of(c.source), p.shape)
    except ProgramError as error:
        raise ProgramError(f"{where}: {error.what}", error.fix) from None
    if made != p.shape:
        raise ProgramError(f"{where}: the wiring makes {made}, the population is {p.shape}", "make the shapes equal")
