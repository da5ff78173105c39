"""A program as plain arrays that every peer reads, what it needs of a tool, and what came of a run in one form."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.compare import Recorded, recorded_of
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Population, Program
from sim.wiring import apply

__all__ = ["Values", "matrix_of", "needs_of", "plain", "values_of"]

Values = Mapping[str, NDArray[Any]]
"""(B, T, neuron) by "KIND.POPULATION"."""


def matrix_of(program: Program, population: Population, connection: Connection) -> NDArray[np.int64]:
    """Return a wiring as a matrix (out, in), both in C order."""
    if not isinstance(connection.wiring, Conv):
        return np.asarray(connection.wiring.weight, dtype=np.int64).reshape(population.size, -1)
    source = program.shape_of(connection.source)
    one_by_one = np.eye(int(np.prod(source)), dtype=np.int64).reshape(-1, *source)
    return np.asarray(apply(connection.wiring, one_by_one, source, population.shape)).reshape(-1, population.size).T


def plain(program: Program, raster: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a job: populations in the order of a step, everything flat."""
    arrays: dict[str, NDArray[Any]] = {"raster": np.asarray(raster).reshape(*raster.shape[:2], -1)}
    described = []
    for p in step_order(program.populations):
        bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
        registers = {"du": p.du, "dv": p.dv, "vth": p.vth, "bias": bias, "u0": p.u0, "v0": p.v0}
        for name, values in registers.items():
            full = np.broadcast_to(values, p.shape).reshape(-1)
            arrays[f"{name}.{p.name}"] = full.astype(np.int64)
        inputs = []
        for i, c in enumerate(p.inputs):
            arrays[f"matrix.{p.name}.{i}"] = matrix_of(program, p, c)
            geometry: dict[str, Any] = {}
            if isinstance(c.wiring, Conv):
                arrays[f"kernel.{p.name}.{i}"] = np.asarray(c.wiring.weight, dtype=np.int64)
                geometry = {name: getattr(c.wiring, name) for name in ("stride", "padding", "dilation", "groups")}
            source = program.shape_of(c.source)
            inputs.append(
                {"source": c.source, "exponent": c.exponent, "lag": c.lag, "geometry": geometry, "from": list(source)}
            )
        facts = {"name": p.name, "shape": list(p.shape), "inputs": inputs, "reset": p.reset, "fires": p.fires}
        described.append({**facts, "refractory": p.properties["refractory"]})
    plan = {"populations": described, "most": max(-program.input.lo, program.input.hi)}
    return {**arrays, "plan": np.array(json.dumps(plan))}


def needs_of(program: Program) -> frozenset[str]:
    """Return the features of a program that not every tool has."""
    if program.arithmetic != "loihi":
        return frozenset({program.arithmetic})
    found = {"loihi"}
    if (program.input.lo, program.input.hi) != (0, 1):
        found.add("graded input")
    place = {p.name: i for i, p in enumerate(step_order(program.populations))}
    for p in program.populations:
        bias = bool(p.bias_mantissa.any())
        has = {
            f"reset {p.reset}": p.reset != "zero" and p.fires,
            "several spikes": p.properties["most"] > 1,
            "fires at threshold": bool(p.properties["at_threshold"]),
            "rest": bool(p.properties["refractory"]),
            "bias": bias,
            "bias behind a current": bias and bool((p.du < 4095).any()),
            "first values": bool(p.u0.any() or p.v0.any()),
            "current": bool((p.du < 4095).any()),
            "no leak of v": bool((p.dv == 0).any()),
            "registers per neuron": any(len(np.unique(r)) > 1 for r in (p.du, p.dv, p.vth)),
            "never fires": not p.fires,
        }
        found |= {name for name, there in has.items() if there}
        for c in p.inputs:
            low, high = int(c.wiring.weight.min()), int(c.wiring.weight.max())
            if low < -256 or high > (254 if low < 0 else 255):
                found.add("wide weights")
            if c.source == p.name and c.lag != 1:
                found.add("own lag above 1")
            if c.source not in (INPUT, p.name) and place[c.source] > place[p.name]:
                found.add("loop of populations")
    return frozenset(found)


def values_of(program: Program, run: Recorded) -> Values:
    """Return what an engine or executor recorded in the form of a peer."""
    return {
        f"{kind}.{p.name}": np.asarray(values[p.name]).reshape(*values[p.name].shape[:2], -1)
        for kind, values in recorded_of(run).items()
        for p in program.populations
        if p.name in values
    }
