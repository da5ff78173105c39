"""The generated half of a C export: a Program as constant tables."""

from collections.abc import Iterator

import numpy as np

from exporters.c_export import xylo_tables
from exporters.c_export.text import constant_table, differ, pair, register_field, table_field
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program, Weight, narrowest

__all__ = ["program_c", "program_h", "state_bytes", "table_bytes"]


def _ring(program: Program, source: str) -> int:
    """Return how many steps of messages a source must keep."""
    return 1 + max((c.lag for p in program.populations for c in p.inputs if c.source == source), default=0)


def _sizes(program: Program) -> dict[str, int]:
    populations = program.populations
    return {
        "INPUT_SIZE": int(np.prod(program.input.shape)),
        "INPUT_RING": _ring(program, INPUT),
        "POPULATIONS": len(populations),
        "NEURONS": sum(p.size for p in populations),
        "SPIKES": sum(p.size * _ring(program, p.name) for p in populations),
        "LARGEST": max(p.size for p in populations),
    }


def _rests(program: Program) -> bool:
    return any(p.properties.get("refractory") for p in program.populations)


def state_bytes(program: Program) -> int:
    """Return the bytes of RAM that the buffers of one state take."""
    n = _sizes(program)
    if program.arithmetic == "xylo":
        return 12 * n["NEURONS"] + n["SPIKES"] + n["INPUT_SIZE"] * n["INPUT_RING"]
    return (
        (8 + _rests(program)) * n["NEURONS"] + n["SPIKES"] + 4 * n["INPUT_SIZE"] * n["INPUT_RING"] + 12 * n["LARGEST"]
    )


def table_bytes(program: Program) -> int:
    """Return the bytes of constant data: weights, and registers that differ between neurons."""
    if program.arithmetic == "xylo":
        weights = xylo_tables.row_bytes(program)
    else:
        weights = sum(c.wiring.weight.nbytes for p in program.populations for c in p.inputs)
    registers = sum(
        narrowest(values, name).nbytes
        for p in program.populations
        for name, values in p.registers.items()
        if differ(values)
    )
    return weights + registers


def program_h(program: Program) -> str:
    """Return program.h: the sizes of everything, stated."""
    defines = "\n".join(f"#define SNN_{name} {value}" for name, value in _sizes(program).items())
    indices = "\n".join(f"/* {i}: {p.name}, shape {p.shape} */" for i, p in enumerate(program.populations))
    return f"""/* Generated from program {program.digest}. */
#ifndef SNN_PROGRAM_H
#define SNN_PROGRAM_H

#include "snn_runtime.h"

{defines}

/* Messages of the input lie in {program.input.lo}..{program.input.hi}; shape {program.input.shape}, C order.
 * State: {state_bytes(program)} bytes of RAM. Tables: {table_bytes(program)} bytes of constants. */

{indices}
#define SNN_OUTPUT {len(program.populations) - 1}

extern const struct snn_program snn_program;
extern struct snn_state snn_state;

#endif
"""


def program_c(program: Program) -> Iterator[str]:
    """Yield program.c piece by piece: a large one is never held in memory as a whole."""
    yield f'/* Generated from program {program.digest}. */\n#include "program.h"\n\n#include <stddef.h>\n\n'
    for i, population in enumerate(program.populations):
        for name, values in population.registers.items():
            if differ(values):
                yield from constant_table(f"{name}_{i}", narrowest(values, name).reshape(-1))
        if program.arithmetic == "xylo":
            yield from xylo_tables.connections(program, population, i)
        else:
            yield from _connections(program, population, i)
    yield from _populations(program)
    yield _state(program)


def _connections(program: Program, population: Population, i: int) -> Iterator[str]:
    """Yield the weights of all connections of a population, then the connections."""
    for k, connection in enumerate(population.inputs):
        yield from constant_table(f"weight_{i}_{k}", _weights(connection))
    if population.inputs:
        yield f"static const struct snn_connection inputs_{i}[{len(population.inputs)}] = {{\n"
        yield from (
            _connection(program, connection, f"weight_{i}_{k}") for k, connection in enumerate(population.inputs)
        )
        yield "};\n\n"


def _weights(connection: Connection) -> Weight:
    weight = connection.wiring.weight
    match connection.wiring:
        case Dense():
            return narrowest(weight.T, "weight").reshape(-1)  # one row per message, so that reads are in sequence
        case Conv():
            return weight.reshape(-1)


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 3 else (1, 1, *shape)


def _connection(program: Program, c: Connection, table: str) -> str:
    names = [p.name for p in program.populations]
    source = -1 if c.source == INPUT else names.index(c.source)
    shape = program.shape_of(c.source)
    weight = table_field(table, c.wiring.weight.dtype)
    head = f".source = {source}, .lag = {c.lag}, .exponent = {c.exponent}, .weight = {weight}"
    match c.wiring:
        case Dense():
            flat = pair((1, 1, int(np.prod(shape))))
            ones = ".kernel = {1, 1}, .stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1}, .groups = 1"
            return f"    {{.wiring = SNN_DENSE, {head}, .source_shape = {flat}, {ones}}},\n"
        case Conv() as conv:
            geometry = (
                f".kernel = {pair(conv.weight.shape[2:])}, .stride = {pair(conv.stride)}, "
                f".padding = {pair(conv.padding)}, .dilation = {pair(conv.dilation)}, .groups = {conv.groups}"
            )
            return f"    {{.wiring = SNN_CONV, {head}, .source_shape = {pair(_three(shape))}, {geometry}}},\n"


def _properties(population: Population) -> str:
    """Return the fields of the properties that have not their default: what C leaves out is 0."""
    return "".join(f" .{name} = {int(value)}," for name, value in population.kept_properties().items())


def _fields(p: Population, i: int) -> str:
    """Return the registers, the reset and the properties of a population."""
    registers = ",\n     ".join(register_field(name, values, i) for name, values in p.registers.items())
    return f"{registers},\n     .reset = SNN_RESET_{p.reset.upper()}, .fires = {int(p.fires)},{_properties(p)}"


def _populations(program: Program) -> Iterator[str]:
    yield f"static const struct snn_population populations[{len(program.populations)}] = {{\n"
    first_register = first_spike = 0
    for i, p in enumerate(program.populations):
        ring = _ring(program, p.name)
        inputs = f"inputs_{i}" if p.inputs else "NULL"
        xylo = program.arithmetic == "xylo"
        shape = "" if xylo else f".shape = {pair(_three(p.shape))}, "
        yield (
            f'    {{.name = "{p.name}", {shape}.size = {p.size},\n'
            f"     .inputs = {inputs}, .input_count = {len(p.inputs)},\n     "
            f"{xylo_tables.population_fields(p, i) if xylo else _fields(p, i)}\n"
            f"     .first_register = {first_register}, .first_spike = {first_spike}, .ring = {ring}}},\n"
        )
        first_register += p.size
        first_spike += p.size * ring
    yield "};\n\n"


def _state(program: Program) -> str:
    names = [p.name for p in program.populations]
    order = pair(tuple(names.index(p.name) for p in step_order(program.populations)))
    declared, fields = xylo_tables.state_arrays() if program.arithmetic == "xylo" else _state_arrays(_rests(program))
    return f"""static const int32_t order[SNN_POPULATIONS] = {order};

const struct snn_program snn_program = {{
    .digest = "{program.digest}",
    .populations = populations,
    .order = order,
    .population_count = SNN_POPULATIONS,
    .input_size = SNN_INPUT_SIZE,
    .input_ring = SNN_INPUT_RING,
}};

{declared}

struct snn_state snn_state = {{
    {fields}
}};
"""


def _state_arrays(rests: bool) -> tuple[str, str]:
    """Return the declarations of the buffers, and the fields that point to them."""
    messages = "messages[SNN_INPUT_SIZE * SNN_INPUT_RING]"
    declared = f"""static int32_t u[SNN_NEURONS], v[SNN_NEURONS], a[SNN_LARGEST], {messages};
static int64_t sums[SNN_LARGEST];
static uint8_t spikes[SNN_SPIKES]{", rest[SNN_NEURONS]" if rests else ""};"""
    every = ".u = u, .v = v, .spikes = spikes, .messages = messages, .sums = sums, .a = a, .step = -1,"
    return declared, f"{every} .failed_population = -1,{chr(10) + '    .rest = rest,' if rests else ''}"
