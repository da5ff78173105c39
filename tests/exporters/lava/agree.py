"""The claim that most tests here make: Lava and the reference agree in every spike, u and v."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from exporters.lava import run as run_lava
from exporters.schedule import schedule
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import UnsupportedError
from sim.program import Program
from sim.trace import RECORDABLE
from tests.programs import random_program, random_raster


def assert_lava_agrees(program: Program, raster: np.ndarray, **options) -> int:
    """Compare, and return the number of neuron updates that were compared."""
    expected = run(program, raster, record=RECORDABLE, allow_wrap=True)
    got = run_lava(program, raster, timeout_s=300, **options)
    divergence = first_divergence(program, expected, got)
    assert divergence is None, str(divergence)
    return sum(p.size for p in program.populations) * raster.shape[0] * raster.shape[1]


def runnable_cases(seed: int, **size: int) -> Iterator[tuple[Program, np.ndarray]]:
    """Draw programs and rasters without end, leaving out feedback that no hardware schedule has room for."""
    for number in count():
        rng = np.random.default_rng([seed, number])
        program = random_program(rng)
        if has_schedule(program):
            yield program, random_raster(rng, program, **size)


def has_schedule(program: Program) -> bool:
    try:
        schedule(program)
    except UnsupportedError:
        return False
    return True
