"""Which engine computes a run if nobody says: all give the same bits, so it is only a matter of waiting.

The reference needs nothing but NumPy. The fast engine imports Numba (about 0.5 s) and on a new machine compiles its
kernels first. So what the reference is done with in less time than that goes to the reference.
"""

import sys
from math import prod
from typing import assert_never

from sim.arithmetic.registry import require_arithmetic
from sim.errors import Snn2hwError
from sim.parts import Conv, Dense
from sim.program import Program
from sim.trace import Record

__all__ = ["BY_FAST", "chosen_engine", "seconds_of_reference"]

BY_FAST = ("loihi", "xylo")
"""The arithmetics that the fast engine computes."""

PER_SECOND = 2e8
"""Products of the reference, and as many neuron updates as `UPDATE` says, per second of one core."""
UPDATE = 20
"""Products that take as long as an update."""
STEP_S = 2e-4
"""What a step of a population takes whatever its size."""

NUMBA_S = 0.5
"""What the import of the fast engine takes."""
NEVER_S = 0.02
"""Below this even kernels that are loaded win nothing worth a thought."""


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
    work = 0
    for p in program.populations:
        work += UPDATE * p.size
        for connection in p.inputs:
            match connection.wiring:
                case Dense(weight=weight):
                    work += weight.size
                case Conv(weight=weight):
                    work += prod(weight.shape[1:]) * p.size
                case _:
                    assert_never(connection.wiring)
    return steps * (samples * work / PER_SECOND + STEP_S * len(program.populations))


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
