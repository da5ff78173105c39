"""The smallest program that a tool runs otherwise: made smaller as long as the cause stays, and written to be read."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from agreeing.plain import matrix_of
from sim.errors import Snn2hwError
from sim.program import INPUT, Connection, Dense, Input, Population, Program
from snn2hw.fuzz.minimise import smallest_case

__all__ = ["read_small", "small_json", "smaller"]

Case = tuple[Program, Any]
REGISTERS = ("vth", "du", "dv", "bias_mantissa", "bias_exponent", "u0", "v0")
TRIALS = 150


def smaller(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return the smallest case with matrices alone, as few neurons and as small weights as still fail."""
    flat = _flat(case)
    if not fails(flat):
        return smallest_case(case, fails, TRIALS)
    case, changed = flat, True
    while changed:
        changed = False
        for fewer in _fewer(case):
            if fails(fewer):
                case, changed = fewer, True
                break
        else:
            before = case
            case = smallest_case(case, fails, TRIALS)
            changed = case is not before
    return case


def _flat(case: Case) -> Case:
    program, raster = case
    made = []
    for p in program.populations:
        links = [replace(c, wiring=_dense(matrix_of(program, p, c))) for c in p.inputs]
        registers = {name: getattr(p, name).reshape(-1) for name in REGISTERS}
        made.append(_population(p, (p.size,), links, registers))
    shape = (int(np.prod(program.input.shape)),)
    flat = Program(Input(shape, program.input.lo, program.input.hi), tuple(made))
    return flat, raster.reshape(*raster.shape[:2], -1)


def _dense(weight: Any) -> Dense:
    return Dense(weight)


def _population(
    p: Population, shape: tuple[int, ...], links: list[Connection], registers: dict[str, Any]
) -> Population:
    told = {name: p.properties[name] for name in ("most", "at_threshold", "refractory")}
    return Population(p.name, shape, links, reset=p.reset, fires=p.fires, **told, **registers)


def _fewer(case: Case) -> Iterator[Case]:
    """Yield cases with fewer neurons, halves first; with one sample; with small weights."""
    program, raster = case
    for b in range(len(raster) if len(raster) > 1 else 0):
        yield program, raster[b : b + 1]
    for name, size in ((INPUT, program.input.shape[0]), *((p.name, p.size) for p in program.populations)):
        halves = [np.arange(size // 2), np.arange(size // 2, size)] if size > 3 else []
        for kept in [*halves, *([np.delete(np.arange(size), i) for i in range(size)] if size > 1 else [])]:
            yield _kept(case, name, kept)
    for p in program.populations:
        for i, c in enumerate(p.inputs):
            for weight in _nearer(c.wiring.weight):
                links = [*p.inputs[:i], replace(c, wiring=_dense(weight)), *p.inputs[i + 1 :]]
                try:
                    changed = [replace(q, inputs=tuple(links)) if q is p else q for q in program.populations]
                    yield replace(program, populations=tuple(changed)), raster
                except Snn2hwError:
                    continue


def _nearer(weight: Any) -> Iterator[Any]:
    for place in np.flatnonzero(np.abs(weight.reshape(-1)) > 1):
        for value in (1, -1, 3, int(weight.reshape(-1)[place]) // 2):
            if abs(value) < abs(int(weight.reshape(-1)[place])):
                lighter = weight.astype(np.int64).reshape(-1).copy()
                lighter[place] = value
                yield lighter.reshape(weight.shape)


def _kept(case: Case, name: str, kept: Any) -> Case:
    """Return a case with some neurons of one source alone."""
    program, raster = case
    made = []
    for p in program.populations:
        own = kept if p.name == name else np.arange(p.size)
        links = []
        for c in p.inputs:
            weight = c.wiring.weight[own]
            links.append(replace(c, wiring=_dense(weight[:, kept] if c.source == name else weight)))
        registers = {r: np.broadcast_to(getattr(p, r), p.shape)[own] for r in REGISTERS}
        made.append(_population(p, (len(own),), links, registers))
    described = program.input
    if name == INPUT:
        described, raster = replace(described, shape=(len(kept),)), raster[..., kept]
    return Program(described, tuple(made)), raster


def small_json(case: Case) -> dict[str, Any]:
    """Return a case as JSON: what a person can compute by hand."""
    program, raster = case
    rows = []
    for p in program.populations:
        registers = {name: np.broadcast_to(getattr(p, name), p.shape).tolist() for name in REGISTERS}
        told = {name: int(p.properties[name]) for name in ("most", "at_threshold", "refractory")}
        hears = [
            {"source": c.source, "exponent": c.exponent, "lag": c.lag, "weight": c.wiring.weight.tolist()}
            for c in p.inputs
        ]
        rows.append({"name": p.name, "inputs": hears, **registers, **told, "reset": p.reset, "fires": p.fires})
    described = {"shape": list(program.input.shape), "lo": program.input.lo, "hi": program.input.hi}
    return {"input": described, "populations": rows, "raster": np.asarray(raster).tolist()}


def read_small(document: dict[str, Any]) -> Case:
    """Return the case of a JSON document."""
    made = []
    for row in document["populations"]:
        links = [Connection(c["source"], Dense(np.array(c["weight"])), c["exponent"], c["lag"]) for c in row["inputs"]]
        told = {name: row[name] for name in ("most", "at_threshold", "refractory", "reset", "fires")}
        registers = {name: np.array(row[name]) for name in REGISTERS}
        told["at_threshold"] = bool(told["at_threshold"])
        made.append(Population(row["name"], (len(row["vth"]),), links, **told, **registers))
    described = document["input"]
    program = Program(Input(tuple(described["shape"]), described["lo"], described["hi"]), tuple(made))
    return program, np.array(document["raster"], dtype=np.int32)
