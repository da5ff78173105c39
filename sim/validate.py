"""Which Programs are legal: every rule names the population it found broken, and the cure."""

import re

import numpy as np

from sim.arithmetic.description import MAX_LAG, Arithmetic, Property, PropertyValue, Span, bits_of
from sim.errors import ProgramError
from sim.order import step_order
from sim.parts import INPUT, Connection, Draft, Input, Population
from sim.weight_rule import check_weights
from sim.wiring import output_shape

__all__ = ["NAME", "RESERVED", "validate"]

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
RESERVED = {INPUT, "output"}
MAX_ELEMENTS = 1 << 31


def validate(program: Draft) -> None:
    """Raise a ProgramError for the first broken rule."""
    arithmetic = program.described
    _check_input(program.input, arithmetic)
    if not program.populations:
        raise ProgramError("a program needs at least one population")
    names: set[str] = set()
    for population in program.populations:
        _check_name(population.name, names)
        names.add(population.name)
    for population in program.populations:
        _check_population(population, arithmetic)
        for connection in population.inputs:
            _check_connection(program, population, connection)
    step_order(program.populations)
    check_weights(program)


def _check_shape(shape: tuple[int, ...], where: str) -> None:
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ProgramError(f"{where}: shape {shape}", "use (N,) or (C, H, W), every side at least 1; 1-d is (C, 1, L)")
    if int(np.prod(shape, dtype=np.float64)) >= MAX_ELEMENTS:
        raise ProgramError(f"{where}: shape {shape} has 2^31 elements or more", "split the population")


def _check_input(described: Input, arithmetic: Arithmetic) -> None:
    _check_shape(described.shape, "input")
    (least, most), lo, hi = arithmetic.messages, described.lo, described.hi
    if not isinstance(lo, int) or not isinstance(hi, int) or not least <= lo <= 0 <= hi <= most:
        fix = f"give a range of {bits_of(arithmetic.messages)}-bit integers that holds 0 (no message)"
        raise ProgramError(f"input: messages {lo}..{hi}", fix)


def _check_name(name: str, taken: set[str]) -> None:
    if name in RESERVED:
        raise ProgramError(f"population {name!r}: the name is reserved", "choose another name")
    if not NAME.fullmatch(name):
        raise ProgramError(f"population {name!r}: illegal name", "use letters, digits, '_', '.' and '-'")
    if name in taken:
        raise ProgramError(f"population {name!r}: the name is used twice", "give every population its own name")


def _check_population(p: Population, arithmetic: Arithmetic) -> None:
    where = f"population {p.name!r}"
    _check_shape(p.shape, where)
    if p.arithmetic != arithmetic.name:
        fix = f"make the population with arithmetic={arithmetic.name!r}"
        raise ProgramError(f"{where}: of arithmetic {p.arithmetic!r}, the program is of {arithmetic.name!r}", fix)
    if p.reset not in arithmetic.resets:
        raise ProgramError(f"{where}: reset {p.reset!r}", f"use {' or '.join(map(repr, arithmetic.resets))}")
    for register in arithmetic.registers:
        values = p.registers[register.name]
        least, most = int(values.min()), int(values.max())
        low, high = register.span
        if least < low or most > high:
            what = f"{where}: {register.name} {least}..{most} is outside the register's {low}..{high}"
            raise ProgramError(what, "rescale the population, or choose registers that exist")
    for described in arithmetic.properties:
        _check_property(p.properties[described.name], described, where)
    broken = None if arithmetic.rule is None else arithmetic.rule(p.neurons)
    if broken is not None:
        raise ProgramError(f"{where}: {broken[0]}", broken[1])


def _check_property(value: PropertyValue, described: Property, where: str) -> None:
    low, high = described.span
    if type(value) is not type(described.default) or not low <= value <= high:
        allowed = "True or False" if isinstance(described.default, bool) else f"an integer in {low}..{high}"
        raise ProgramError(f"{where}: {described.name} {value!r}", f"use {allowed}")


def _check_range(c: Connection, span: Span, where: str) -> None:
    least, most = int(c.wiring.weight.min()), int(c.wiring.weight.max())
    if least < span[0] or most > span[1]:
        what = f"{where} with weights {least}..{most}"
        raise ProgramError(what, f"use integers in {span[0]}..{span[1]}, and the weight exponent for what is beyond")


def _check_connection(program: Draft, p: Population, c: Connection) -> None:
    where = f"population {p.name!r}: reads {c.source!r}"
    if c.source != INPUT and c.source not in program.by_name:
        known = ", ".join([INPUT, *program.by_name])
        raise ProgramError(f"{where}, which does not exist", f"read one of: {known}")
    limits: tuple[tuple[str, int, Span], ...] = (
        ("exponent", c.exponent, program.described.exponents),
        ("lag", c.lag, (0, MAX_LAG)),
        ("port", c.port, (0, program.described.ports - 1)),
    )
    for what, value, (low, high) in limits:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ProgramError(f"{where} with {what} {value!r}", f"use an integer {what} in {low}..{high}")
    if program.described.weights is not None:
        _check_range(c, program.described.weights, where)
    try:
        made = output_shape(c.wiring, program.shape_of(c.source), p.shape)
    except ProgramError as error:
        raise ProgramError(f"{where}: {error.what}", error.fix) from None
    if made != p.shape:
        raise ProgramError(f"{where}: the wiring makes {made}, the population is {p.shape}", "make the shapes equal")
