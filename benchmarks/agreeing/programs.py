"""The programs that every tool gets: two hundred drawn at random, and those that come with the package."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sim.program import Program
from snn2hw.fuzz.draw import SMALL, random_program, random_raster
from snn2hw.fuzz.draw_xylo import random_xylo

__all__ = ["COUNT", "drawn"]

COUNT = 200
BEYOND_LOIHI = ("graded", "feedback", "subtract", "unreset", "many", "at_threshold")
LOIHI = replace(SMALL, weight_limit=255).without(*BEYOND_LOIHI)
RESTLESS = LOIHI.without("refractory")
PLAIN = replace(RESTLESS, weight_limit=200).without("lags", "per_neuron", "initial", "readouts")
KINDS = (PLAIN, PLAIN, PLAIN, RESTLESS, RESTLESS, LOIHI, LOIHI, SMALL, SMALL, None)
"""Of ten: three that any chip of this kind holds, without a bias, the first without a synaptic current; four with what
Loihi 1 has beside, two of them without its rest; two with all there is; one of Xylo's (None)."""
SAMPLES, STEPS = 2, 12


def drawn(count: int = COUNT) -> Iterator[tuple[Program, Any]]:
    """Yield programs with their inputs, the same ones in every run."""
    for seed in range(count):
        rng, kind = np.random.default_rng(seed), KINDS[seed % len(KINDS)]
        if kind is None:
            program, raster = random_xylo(rng, most_steps=STEPS)
        else:
            program = random_program(rng, kind)
            if kind is PLAIN:
                plain: dict[str, Any] = {"bias_mantissa": 0, "bias_exponent": 0}
                plain |= {"du": 4095} if seed % len(KINDS) == 0 else {}
                still = [replace(p, **plain) for p in program.populations]
                program = replace(program, populations=tuple(still))
            raster = random_raster(rng, program, SAMPLES, STEPS)
        yield program, np.asarray(raster).astype(np.int32)
