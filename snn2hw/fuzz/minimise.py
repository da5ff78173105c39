"""The smallest case that still fails: pieces are taken away as long as the failure stays."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import Snn2hwError
from sim.program import Dense, Population, Program

__all__ = ["smallest_bytes", "smallest_case"]

Raster = NDArray[np.integer]
Case = tuple[Program, Raster]


def smallest_bytes(data: bytes, fails: Callable[[bytes], bool], trials: int = 200) -> bytes:
    """Remove ever smaller pieces of a file, for at most so many trials."""
    size = len(data) // 2
    while size and trials > 0:
        place = 0
        while place < len(data) and trials > 0:
            smaller = data[:place] + data[place + size :]
            trials -= 1
            if fails(smaller):
                data = smaller
            else:
                place += size
        size //= 2
    return data


def smallest_case(case: Case, fails: Callable[[Case], bool], trials: int = 100) -> Case:
    """Take samples, steps, populations, connections, register values and weights away, for at most so many trials."""
    changed = True
    while changed and trials > 0:
        changed = False
        for smaller in _smaller(case):
            trials -= 1
            if fails(smaller):
                case, changed = smaller, True
                break
            if trials <= 0:
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Yield simpler cases, the greatest steps first; programs that are not legal are left out."""
    program, raster = case
    for samples in (raster[: len(raster) // 2], raster[len(raster) // 2 :], raster[:, : raster.shape[1] // 2]):
        if samples.size and samples.size < raster.size:
            yield program, samples
    for populations in _simpler_populations(program):
        try:
            yield replace(program, populations=populations), raster
        except Snn2hwError:
            continue
    if raster.any():
        yield program, np.zeros_like(raster)


def _simpler_populations(program: Program) -> Iterator[tuple[Population, ...]]:
    populations = program.populations
    for place, population in enumerate(populations):
        if len(populations) > 1:
            yield populations[:place] + populations[place + 1 :]
        for simpler in _simpler(population):
            yield (*populations[:place], simpler, *populations[place + 1 :])


def _simpler(population: Population) -> Iterator[Population]:
    for place in range(len(population.inputs)):
        yield replace(population, inputs=population.inputs[:place] + population.inputs[place + 1 :])
    plain: dict[str, Any] = {"bias_mantissa": 0, "bias_exponent": 0, "u0": 0, "v0": 0, "du": 4095, "dv": 0, "vth": 1}
    for name, value in plain.items():
        if (getattr(population, name) != value).any():
            yield replace(population, **{name: value})
    for place, connection in enumerate(population.inputs):
        for weight in _simpler_weights(connection.wiring.weight):
            wiring = (
                Dense(weight) if isinstance(connection.wiring, Dense) else replace(connection.wiring, weight=weight)
            )
            lighter = replace(connection, wiring=wiring)
            yield replace(population, inputs=(*population.inputs[:place], lighter, *population.inputs[place + 1 :]))


def _simpler_weights(weight: Any) -> Iterator[Any]:
    """Yield the weights with half of those that are not zero set to zero."""
    places = np.flatnonzero(weight)
    for part in (places[: len(places) // 2], places[len(places) // 2 :]):
        if len(part):
            lighter = weight.copy().reshape(-1)
            lighter[part] = 0
            yield lighter.reshape(weight.shape)
