"""How many cores a program needs at least, by the count that `check` and `compile` use."""

from typing import assert_never

import numpy as np

from sim.parts import Connection, Conv, Dense
from sim.program import Population, Program
from sim.weight_rule import weight_bits
from snn2hw.chips.capacity import CoresNeeded, Demand, cores_needed
from snn2hw.chips.target import Target
from snn2hw.placement.encodings import taps_met
from snn2hw.placement.slices import whole

__all__ = ["demands_of", "least_cores"]


def least_cores(program: Program, target: Target) -> CoresNeeded:
    """Return the number of cores that no placement goes below."""
    return cores_needed(demands_of(program), target)


def demands_of(program: Program) -> tuple[Demand, ...]:
    """Return what every population takes at least."""
    return tuple(_demand(program, population) for population in program.populations)


def _demand(program: Program, population: Population) -> Demand:
    inputs = population.inputs
    held = [_held(program, population, connection) for connection in inputs]
    rows = [int(np.count_nonzero(c.wiring.weight.reshape(len(c.wiring.weight), -1), axis=1).max()) for c in inputs]
    decays = np.stack([population.registers[name].ravel() for name in ("du", "dv")])
    return Demand(
        name=population.name,
        neurons=population.size,
        weights=sum(held),
        bits=min((weight_bits(program, population, i) for i in range(len(inputs))), default=1),
        row=sum(rows),
        decays=frozenset((int(u), int(v)) for u, v in np.unique(decays, axis=1).T),
    )


def _held(program: Program, population: Population, connection: Connection) -> int:
    """Return the weights that are not zero; a tap of a kernel that falls on padding only need not be stored."""
    match connection.wiring:
        case Dense() as dense:
            return int(np.count_nonzero(dense.weight))
        case Conv() as conv:
            box, source = whole(population), program.shape_of(connection.source)
            down, across = (taps_met(conv, n, (box.low[1 + n], box.high[1 + n]), source[1 + n]) for n in range(2))
            return int(np.count_nonzero(conv.weight[:, :, down.any(axis=0)][..., across.any(axis=0)]))
        case _:
            assert_never(connection.wiring)
