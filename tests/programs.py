"""Random programs and rasters for tests: `snn2hw.fuzz.draw`, by seed or with Hypothesis, which shrinks what fails.

program = random_program(numpy.random.default_rng(7));  raster = random_raster(rng, program)
@given(cases())  ->  (program, raster)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from sim.engines import run
from sim.program import Program
from sim.trace import RECORDABLE, Trace
from snn2hw.fuzz.draw import (
    EVERYTHING,
    ByNumpy,
    Chooser,
    Space,
    draw_program,
    draw_raster,
    random_program,
    random_raster,
)

__all__ = [
    "EVERYTHING",
    "ByHypothesis",
    "ByNumpy",
    "Chooser",
    "Space",
    "cases",
    "draw_program",
    "draw_raster",
    "programs",
    "random_program",
    "random_raster",
    "run_of",
]

T = TypeVar("T")


@dataclass
class ByHypothesis:
    draw: Any

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]


@st.composite
def programs(draw: Any, space: Space = EVERYTHING) -> Program:
    """Hypothesis strategy of programs."""
    return draw_program(ByHypothesis(draw), space)


@st.composite
def cases(draw: Any, space: Space = EVERYTHING) -> tuple[Program, np.ndarray]:
    """Hypothesis strategy of (program, raster)."""
    choose = ByHypothesis(draw)
    program = draw_program(choose, space)
    return program, draw_raster(choose, program)


def run_of(seed: int) -> tuple[Program, np.ndarray, Trace]:
    """Return a random program, a raster and all that the reference makes of it."""
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster = random_raster(rng, program)
    return program, raster, run(program, raster, engine="reference", record=RECORDABLE, allow_wrap=True)
