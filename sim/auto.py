"""Which engine computes a run if nobody says: all give the same bits, so it is only a matter of waiting.

The reference needs nothing but NumPy. The fast engine imports Numba (about 0.3 s) and on a new machine compiles its
kernels first. So what the reference is done with in less time than that goes to the reference.
"""

import sys
from dataclasses import dataclass
from math import prod
from typing import assert_never

from sim.arithmetic.registry import require_arithmetic
from sim.errors import Snn2hwError
from sim.parts import Conv, Dense
from sim.program import Program
from sim.trace import Record

__all__ = [
    "BY_FAST",
    "CALL_S",
    "NUMBA_S",
    "PRODUCT_S",
    "STEP_S",
    "UPDATE_S",
    "WEIGHT_S",
    "StepWork",
    "chosen_engine",
    "seconds_of_reference",
    "work_of",
]

BY_FAST = ("loihi", "xylo")
"""The arithmetics that the fast engine computes."""

STEP_S, CALL_S = 4e-5, 1.8e-5
"""Seconds of the reference for a step of a population, and for each matrix product in it, whatever their sizes."""
WEIGHT_S, PRODUCT_S, UPDATE_S = 1.5e-9, 1e-10, 2.2e-8
"""Seconds for every weight once a step, and for every product and every neuron of each sample."""

NUMBA_S = 0.3
"""What the import of the fast engine takes. `benchmarks/auto.py` measures these six."""
NEVER_S = 0.02
"""Below this even kernels that are loaded win nothing worth a thought."""


@dataclass(frozen=True)
class StepWork:
    """What the reference does in one step of one sample; weights and calls are shared by all samples of a batch."""

    layers: int
    calls: int
    weights: int
    products: int
    neurons: int


def chosen_engine(program: Program, size: tuple[int, int], record: tuple[Record, ...]) -> str:
    """Return ``reference`` or ``fast`` for a run of ``size`` (samples, steps); compile what the latter needs, aloud."""
    try:
        require_arithmetic(program.arithmetic, BY_FAST, "engine 'fast'")
    except Snn2hwError:
        return "reference"
    reference_s = seconds_of_reference(program, *size)
    if reference_s < (NEVER_S if "sim.fast.engine" in sys.modules else NUMBA_S):
        return "reference"
    from sim.fast.readiness import compile_loops, missing

    wanted = missing(program, size[1], record)
    if not wanted.kernels:
        return "fast"
    if reference_s < wanted.seconds:
        return "reference"
    what = f"compiling {wanted.kernels} kernels for this machine, once (about {wanted.seconds:.0f} s)"
    _say(f"engine 'fast': {what}; ahead of time: snn2hw doctor --warm\n")
    compile_loops(wanted, lambda done: _say(f"\r  {done} of {wanted.kernels}") if sys.stderr.isatty() else None)
    if sys.stderr.isatty():
        _say(f"\r  {len(wanted.loops)} of {wanted.kernels}\n")
    return "fast"


def seconds_of_reference(program: Program, samples: int, steps: int) -> float:
    """Return about how long the reference takes: it multiplies every message with every weight, zeros included."""
    work = work_of(program)
    step = STEP_S * work.layers + CALL_S * work.calls + WEIGHT_S * work.weights
    return steps * (step + samples * (PRODUCT_S * work.products + UPDATE_S * work.neurons))


def work_of(program: Program) -> StepWork:
    """Return what a step takes."""
    calls = weights = products = 0
    for p in program.populations:
        for connection in p.inputs:
            weights += connection.wiring.weight.size
            match connection.wiring:
                case Dense(weight=weight):
                    calls += 1
                    products += weight.size
                case Conv(weight=weight, groups=groups):
                    calls += groups * prod(weight.shape[2:])
                    products += prod(weight.shape[1:]) * p.size
                case _:
                    assert_never(connection.wiring)
    return StepWork(len(program.populations), calls, weights, products, sum(p.size for p in program.populations))


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
