"""What a Xylo program has of its own in C: rows of weights by source, in the order of arrival, and 16-bit states."""

from collections.abc import Iterator

import numpy as np

from exporters.c_export.text import constant_table, register_field
from sim.arrival import arrival_order
from sim.program import INPUT, Population, Program, Weight, narrowest
from sim.wiring import as_matrix

__all__ = ["connections", "population_fields", "row_bytes", "state_arrays"]


def row_bytes(program: Program) -> int:
    """Return the bytes of all rows of weights: one for each pair of a source neuron and a neuron."""
    return sum(int(np.prod(program.shape_of(c.source))) * p.size for p in program.populations for c in p.inputs)


def _rows(program: Program, p: Population, index: int) -> Weight:
    connection = p.inputs[index]
    matrix = as_matrix(connection.wiring, program.shape_of(connection.source), p.shape)
    return narrowest(matrix, "weight").reshape(-1)


def connections(program: Program, p: Population, i: int) -> Iterator[str]:
    """Yield the rows of all connections of a population, then the connections as they arrive."""
    order = arrival_order(program, p)
    for index in order:
        yield from constant_table(f"weight_{i}_{index}", _rows(program, p, index))
    if not order:
        return
    names = [population.name for population in program.populations]
    yield f"static const struct snn_connection inputs_{i}[{len(order)}] = {{\n"
    for index in order:
        c = p.inputs[index]
        source = -1 if c.source == INPUT else names.index(c.source)
        rows = int(np.prod(program.shape_of(c.source)))
        yield (
            f"    {{.source = {source}, .lag = {c.lag}, .exponent = {c.exponent}, .port = {c.port}, .rows = {rows}, "
            f".weight = weight_{i}_{index}}},\n"
        )
    yield "};\n\n"


def population_fields(p: Population, i: int) -> str:
    """Return the registers of a population, and how many spikes it sends at the most."""
    registers = ",\n     ".join(register_field(name, values, i) for name, values in p.registers.items())
    return f"{registers},\n     .most = {p.most_sent},"


def state_arrays() -> tuple[str, str]:
    """Return the declarations of the buffers, and the fields that point to them."""
    declared = """static int32_t i[SNN_NEURONS], i2[SNN_NEURONS], v[SNN_NEURONS];
static uint8_t spikes[SNN_SPIKES], messages[SNN_INPUT_SIZE * SNN_INPUT_RING];"""
    return declared, ".i = i, .i2 = i2, .v = v, .spikes = spikes, .messages = messages,"
