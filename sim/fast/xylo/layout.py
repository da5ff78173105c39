"""A Xylo program as flat arrays: neurons in the order of computation, connections in the order of arrival."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrival import arrival_order
from sim.parts import Dense
from sim.program import INPUT, Connection, Population, Program
from sim.wiring import apply, fan_out

__all__ = ["REGISTERS", "XyloLayout", "lay_out"]

REGISTERS = ("dash_syn", "dash_syn2", "dash_mem", "theta", "bias", "i0", "i20", "v0")


class XyloLayout(NamedTuple):
    """What follows from a program alone."""

    populations: NDArray[np.int64]  # place (first neuron, size, first connection, one past the last, fires, most)
    connections: NDArray[np.int64]  # c (is input, first source, sources, lag, port, first weight, first fan-out, place)
    weights: NDArray[np.int32]  # row after row by source, exponents applied
    fan_out: NDArray[np.int32]
    registers: NDArray[np.int32]  # register neuron
    sums: NDArray[np.int32] | NDArray[np.int64]  # none of it: what type holds every sum


def lay_out(program: Program, order: tuple[Population, ...]) -> XyloLayout:
    """Return the arrays of a program."""
    ends = np.cumsum([0, *(p.size for p in order)]).tolist()
    first = dict(zip((p.name for p in order), ends, strict=False))
    populations: list[tuple[int, ...]] = []
    connections: list[tuple[int, ...]] = []
    weights: list[NDArray[np.int32]] = []
    fans: list[NDArray[np.int32]] = []
    at = fan_at = place = 0
    heaviest = 0
    for p in order:
        begin = len(connections)
        arriving = 0
        for index in arrival_order(program, p):
            c = p.inputs[index]
            rows = _rows(program, p, c)
            fan = fan_out(c.wiring, program.shape_of(c.source), p.shape).reshape(-1).astype(np.int32)
            is_input = c.source == INPUT
            connections.append(
                (is_input, 0 if is_input else first[c.source], len(rows), c.lag, c.port, at, fan_at, place + index)
            )
            weights.append(rows.reshape(-1))
            fans.append(fan)
            at, fan_at = at + rows.size, fan_at + fan.size
            most = program.input.hi if is_input else program.by_name[c.source].most_sent
            arriving += most * int(np.abs(rows.astype(np.int64)).sum(axis=0).max(initial=0))
        heaviest = max(heaviest, arriving)
        place += len(p.inputs)
        populations.append((first[p.name], p.size, begin, len(connections), p.fires, p.properties["most"]))
    registers = [np.concatenate([p.registers[name].reshape(-1) for p in order]) for name in REGISTERS]
    return XyloLayout(
        populations=np.array(populations, dtype=np.int64),
        connections=np.array(connections, dtype=np.int64).reshape(-1, 8),
        weights=np.concatenate([*weights, np.zeros(0, dtype=np.int32)]),
        fan_out=np.concatenate([*fans, np.zeros(0, dtype=np.int32)]),
        registers=np.stack(registers).astype(np.int32),
        sums=np.zeros(0, np.int32) if heaviest < 1 << 30 else np.zeros(0, np.int64),
    )


def _rows(program: Program, p: Population, c: Connection) -> NDArray[np.int32]:
    """Return a connection's weights by source element, as the chip adds them."""
    source = program.shape_of(c.source)
    if isinstance(c.wiring, Dense):
        rows = c.wiring.weight.T.astype(np.int64)
    else:
        size = int(np.prod(source))
        each = np.eye(size, dtype=np.int64).reshape(size, *source)
        rows = apply(c.wiring, each, source, p.shape).reshape(size, -1)
    return np.ascontiguousarray(rows << c.exponent, dtype=np.int32)
