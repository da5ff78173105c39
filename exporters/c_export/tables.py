"""The generated half of a C export: a Program as constant tables."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program, RegisterArray, Weight, narrowest

__all__ = ["program_c", "program_h", "state_bytes", "table_bytes"]

PER_LINE = 24
TYPES = {np.dtype(np.int8): "i8", np.dtype(np.int16): "i16", np.dtype(np.int32): "i32"}


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
    return (
        (8 + _rests(program)) * n["NEURONS"] + n["SPIKES"] + 4 * n["INPUT_SIZE"] * n["INPUT_RING"] + 12 * n["LARGEST"]
    )


def table_bytes(program: Program) -> int:
    """Return the bytes of constant data: weights, and registers that differ between neurons."""
    weights = sum(c.wiring.weight.nbytes for p in program.populations for c in p.inputs)
    registers = sum(
        narrowest(values, name).nbytes
        for p in program.populations
        for name, values in p.registers.items()
        if _per_neuron(values)
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
            if _per_neuron(values):
                yield from _table(f"{name}_{i}", narrowest(values, name).reshape(-1))
        for k, connection in enumerate(population.inputs):
            yield from _table(f"weight_{i}_{k}", _weights(connection))
        if population.inputs:
            yield f"static const struct snn_connection inputs_{i}[{len(population.inputs)}] = {{\n"
            yield from (
                _connection(program, connection, f"weight_{i}_{k}") for k, connection in enumerate(population.inputs)
            )
            yield "};\n\n"
    yield from _populations(program)
    yield _state(program)


def _per_neuron(values: RegisterArray) -> bool:
    return bool((values != values.reshape(-1)[0]).any())


def _weights(connection: Connection) -> Weight:
    weight = connection.wiring.weight
    match connection.wiring:
        case Dense():
            return narrowest(weight.T, "weight").reshape(-1)  # one row per message, so that reads are in sequence
        case Conv():
            return weight.reshape(-1)


def _table(name: str, values: NDArray[np.integer]) -> Iterator[str]:
    yield f"static const {values.dtype}_t {name}[{values.size}] = {{\n"
    for start in range(0, values.size, PER_LINE):
        yield ",".join(map(str, values[start : start + PER_LINE].tolist())) + ",\n"
    yield "};\n\n"


def _use(name: str, dtype: np.dtype[np.integer]) -> str:
    return "{" + f".{TYPES[np.dtype(dtype)]} = {name}" + "}"


def _pair(values: tuple[int, ...]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 3 else (1, 1, *shape)


def _connection(program: Program, c: Connection, table: str) -> str:
    names = [p.name for p in program.populations]
    source = -1 if c.source == INPUT else names.index(c.source)
    shape = program.shape_of(c.source)
    head = (
        f".source = {source}, .lag = {c.lag}, .exponent = {c.exponent}, .weight = {_use(table, c.wiring.weight.dtype)}"
    )
    match c.wiring:
        case Dense():
            flat = _pair((1, 1, int(np.prod(shape))))
            ones = ".kernel = {1, 1}, .stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1}, .groups = 1"
            return f"    {{.wiring = SNN_DENSE, {head}, .source_shape = {flat}, {ones}}},\n"
        case Conv() as conv:
            geometry = (
                f".kernel = {_pair(conv.weight.shape[2:])}, .stride = {_pair(conv.stride)}, "
                f".padding = {_pair(conv.padding)}, .dilation = {_pair(conv.dilation)}, .groups = {conv.groups}"
            )
            return f"    {{.wiring = SNN_CONV, {head}, .source_shape = {_pair(_three(shape))}, {geometry}}},\n"


def _register(name: str, values: RegisterArray, index: int) -> str:
    if not _per_neuron(values):
        return f".{name} = {{.all = {int(values.reshape(-1)[0])}, .per_neuron = 0}}"
    table = _use(f"{name}_{index}", narrowest(values, name).dtype)
    return f".{name} = {{.each = {table}, .per_neuron = 1}}"


def _properties(population: Population) -> str:
    """Return the fields of the properties that have not their default: what C leaves out is 0."""
    return "".join(f" .{name} = {int(value)}," for name, value in population.kept_properties().items())


def _populations(program: Program) -> Iterator[str]:
    yield f"static const struct snn_population populations[{len(program.populations)}] = {{\n"
    first_register = first_spike = 0
    for i, p in enumerate(program.populations):
        ring = _ring(program, p.name)
        inputs = f"inputs_{i}" if p.inputs else "NULL"
        registers = ",\n     ".join(_register(name, values, i) for name, values in p.registers.items())
        yield (
            f'    {{.name = "{p.name}", .shape = {_pair(_three(p.shape))}, .size = {p.size},\n'
            f"     .inputs = {inputs}, .input_count = {len(p.inputs)},\n     {registers},\n"
            f"     .reset = SNN_RESET_{p.reset.upper()}, .fires = {int(p.fires)},{_properties(p)}\n"
            f"     .first_register = {first_register}, .first_spike = {first_spike}, .ring = {ring}}},\n"
        )
        first_register += p.size
        first_spike += p.size * ring
    yield "};\n\n"


def _state(program: Program) -> str:
    rests = _rests(program)
    names = [p.name for p in program.populations]
    order = _pair(tuple(names.index(p.name) for p in step_order(program.populations)))
    return f"""static const int32_t order[SNN_POPULATIONS] = {order};

const struct snn_program snn_program = {{
    .digest = "{program.digest}",
    .populations = populations,
    .order = order,
    .population_count = SNN_POPULATIONS,
    .input_size = SNN_INPUT_SIZE,
    .input_ring = SNN_INPUT_RING,
}};

static int32_t u[SNN_NEURONS], v[SNN_NEURONS], a[SNN_LARGEST], messages[SNN_INPUT_SIZE * SNN_INPUT_RING];
static int64_t sums[SNN_LARGEST];
static uint8_t spikes[SNN_SPIKES]{", rest[SNN_NEURONS]" if rests else ""};

struct snn_state snn_state = {{
    .u = u, .v = v, .spikes = spikes, .messages = messages, .sums = sums, .a = a, .step = -1, .failed_population = -1,
{"    .rest = rest," + chr(10) if rests else ""}}};
"""
