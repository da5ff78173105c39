"""Random programs that a Xylo chip holds: hidden populations with one or two currents, recurrent or not; outputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.program import Connection, Dense, Input, Population, Program

__all__ = ["random_xylo"]


def random_xylo(
    rng: np.random.Generator, *, harsh: bool | None = None, widest: int = 8, most_steps: int = 40
) -> tuple[Program, NDArray[Any]]:
    """Return a program of populations of up to ``widest`` and a raster for it; a harsh one saturates."""
    harsh = bool(rng.random() < 0.7) if harsh is None else harsh
    shifts = rng.integers(0, 9 if harsh else 4, 3).tolist()
    inputs, names, populations = int(rng.integers(1, 17)), ("a", "b", "c"), []
    sizes: dict[str, int] = {}
    forward = bool(rng.random() < 0.5)  # spikes reach the next layer within one local step, or all come a step late
    late = 0 if forward else 1

    def weights(out: int, into: int) -> Dense:
        made = rng.integers(-128, 128, (out, into))
        return Dense(np.where(rng.random((out, into)) < rng.uniform(0.1, 1), made, 0))

    for place in range(int(rng.integers(1, 4))):
        name, size = names[place], int(rng.integers(1, widest + 1))
        heard = []
        if not place or not forward:
            heard += [Connection("input", weights(size, inputs), shifts[0], 0, port) for port in _ports(rng)]
        for source, into in sizes.items():
            if not forward or source == names[place - 1]:
                heard += [Connection(source, weights(size, into), shifts[1], late, port) for port in _ports(rng)]
        if rng.random() < 0.6:
            heard += [Connection(name, weights(size, size), shifts[1], 1, port) for port in _ports(rng)]
        order = rng.permutation(len(heard)).tolist()
        populations.append((name, size, [heard[i] for i in order]))
        sizes[name] = size
    out = int(rng.integers(1, 9))
    read = list(sizes)[-1:] if forward else list(sizes)
    populations.append(("out", out, [Connection(n, weights(out, sizes[n]), shifts[2], late) for n in read]))
    made = [_population(rng, n, s, c, harsh=harsh, biased=not forward) for n, s, c in populations]
    program = Program(Input((inputs,), 0, 15), tuple(made), arithmetic="xylo")
    steps = int(rng.integers(5, most_steps))
    raster = rng.integers(0, 16, (2, steps, inputs)) * (rng.random((2, steps, inputs)) < rng.uniform(0.05, 0.8))
    return program, raster


def _ports(rng: np.random.Generator) -> tuple[int, ...]:
    return [(0,), (1,), (0, 1)][int(rng.integers(3))]


def _population(
    rng: np.random.Generator, name: str, size: int, heard: Sequence[Connection], *, harsh: bool, biased: bool
) -> Population:
    last = name == "out"
    dashes: dict[str, Any] = {
        key: rng.integers(0, 16 if harsh else 6, size) for key in ("dash_syn", "dash_syn2", "dash_mem")
    }
    bias = rng.integers(-3000, 3000, size) if biased and rng.random() < 0.5 else 0
    if last:
        dashes.pop("dash_syn2")
    return Population(
        name,
        (size,),
        heard,
        arithmetic="xylo",
        theta=rng.integers(1, 20000 if rng.random() < 0.5 else 300, size),
        bias=bias,
        most=1 if last else 31,
        **dashes,
    )
