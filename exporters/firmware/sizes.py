"""What the firmware takes, stated from the program alone: flash for tables and code, RAM, stack."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.bounds import Int
from exporters.firmware.plan import FORGETS, FirmwarePlan, Unit
from exporters.rtl_export.plan import three
from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.program import Program

__all__ = ["FirmwareSizes", "RegisterTables", "input_type", "registers_of", "sizes_of_plan"]

NEVER = 1 << 30
"""A bar that no v reaches."""

CODE_BYTES = 10240
"""The runtime and the compiler's helpers with every loop in use: 9612 bytes measured on RV32IM, 6176 on Cortex-M."""

STACK_BYTES = 1024
STRUCTURES = {"population": 80, "connection": 64, "bank": 20, "source": 36, "register": 8, "tap": 12}
"""Bytes of one of each on a processor of 32 bits, at most."""


@dataclass(frozen=True)
class FirmwareSizes:
    """Bytes: ``tables`` and ``ram`` follow from the program, ``code`` and ``stack`` are its upper limits."""

    tables: int
    code: int
    ram: int
    stack: int


@dataclass(frozen=True, eq=False)
class RegisterTables:
    """The registers of one population, channels last: ``step`` is 0 if all positions share them."""

    bias: Int
    bar: Int
    step: int
    initial: dict[str, Int]
    keep: dict[str, NDArray[np.uint16]]


def input_type(program: Program) -> str:
    """Return the narrowest type of C that holds every message of the input."""
    for bits in (8, 16):
        if -(1 << (bits - 1)) <= program.input.lo and program.input.hi < 1 << (bits - 1):
            return f"int{bits}_t"
    return "int32_t"


def registers_of(unit: Unit) -> RegisterTables:
    """Derive them: bias = mantissa << exponent; bar = the least v that fires."""
    p, n = unit.population, unit.population.neurons
    bias = n["bias_mantissa"] << n["bias_exponent"]
    bar = (n["vth"] << VTH_SHIFT) + (0 if p.properties["at_threshold"] else 1)
    if not p.fires:
        bar = np.full_like(bar, NEVER)
    laid = {"bias": _channels_last(unit, bias, 0), "bar": _channels_last(unit, bar, NEVER)}
    shared = all(bool((values == values[:1]).all()) for values in laid.values())
    bias, bar = (values[0] if shared else values.reshape(-1) for values in laid.values())
    states = {"v0": n["v0"]} | ({"u0": n["u0"]} if unit.keeps_u else {})
    initial = {name: _channels_last(unit, x, 0).reshape(-1) for name, x in states.items() if x.any()}
    kept = {"u_keep": (unit.u_fade, FORGETS - n["du"]), "v_keep": (unit.v_fade, DECAY_ONE - n["dv"])}
    keep = {
        name: _channels_last(unit, values, 0).reshape(-1).astype(np.uint16)
        for name, (fade, values) in kept.items()
        if fade.each
    }
    return RegisterTables(bias, bar, 0 if shared else unit.place.span, initial, keep)


def _channels_last(unit: Unit, values: Int, dummy: int) -> Int:
    """Return (positions, span) of a register, dummies filled in."""
    channels, height, width = three(unit.population.shape)
    last = values.reshape(channels, height * width).T
    return np.pad(last, ((0, 0), (0, unit.place.span - channels)), constant_values=dummy)


def sizes_of_plan(plan: FirmwarePlan) -> FirmwareSizes:
    """Count every table and every buffer."""
    entry, width = plan.input, int(input_type(plan.program)[3:-2]) // 8
    ram = entry.neurons * entry.ring * width + 4 * plan.scratch_words + 4 * (len(plan.units) + 1) + 1
    ram += sum(map(_ram_of, plan.units))
    tables = STRUCTURES["source"] * (len(plan.units) + 1) + sum(map(_tables_of, plan.units))
    return FirmwareSizes(tables, CODE_BYTES, ram, STACK_BYTES)


def _ram_of(unit: Unit) -> int:
    place = unit.place
    spikes = 4 * place.positions * place.words if place.form == "bits" else place.neurons
    held = 4 * unit.sums.words if unit.sums.held else 0
    return place.neurons * (4 + 4 * unit.keeps_u + unit.rests) + spikes * place.ring + held


def _tables_of(unit: Unit) -> int:
    registers = registers_of(unit)
    size = STRUCTURES["population"] + STRUCTURES["bank"] * len(unit.sums.banks)
    size += STRUCTURES["register"] * len(registers.bias)
    size += sum(x.size * 4 for x in registers.initial.values()) + sum(x.nbytes for x in registers.keep.values())
    for read in unit.sums.reads:
        lists = (*read.rows.rows, *read.rows.columns)
        taps = STRUCTURES["tap"] * sum(map(len, lists)) + 2 * (len(lists) + 2)
        size += read.words.nbytes + STRUCTURES["connection"] + taps
    return size
