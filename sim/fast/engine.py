"""The engine that is fast: event-driven compiled kernels, one thread per group of samples; equal to the reference.

A Program whose sums 32 bits hold runs on vector kernels (`sim.fast.kernels.machine`), any other one on kernels that sum
in 64 bits and check as the reference does (`sim.fast.kernels.general`). These also run a group of samples once more in
which a sum came so far out that vector kernels cannot tell what follows.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.fast.groups import in_groups
from sim.order import step_order
from sim.outcome import Outcome, clear, outcome_for, trace_from, unsure
from sim.program import Program
from sim.refusal import raise_first
from sim.request import Request
from sim.trace import Trace

__all__ = ["Kernels", "simulate"]

Kernels = Literal["auto", "avx512", "portable", "general"]
OTHERS = {"xylo": "sim.fast.xylo"}
"""The arithmetics that have kernels of their own, and where."""

RunGroup = Callable[[NDArray[np.integer[Any]], Outcome], None]


def simulate(
    program: Program,
    raster: NDArray[np.integer],
    request: Request,
    *,
    kernels: Kernels = "auto",
    threads: int | None = None,
) -> Trace:
    """Run a batch (B, T, *input shape); the same Trace, counts and refusals as `sim.reference.simulate`.

    ``kernels`` other than "auto" are there to be tested and measured; ``threads`` is the number of CPUs unless given.
    """
    if program.arithmetic in OTHERS:
        own = import_module(OTHERS[program.arithmetic])
        trace: Trace = own.simulate(program, raster, request, kernels=kernels, threads=threads)
        return trace
    batch, steps = raster.shape[:2]
    order = step_order(program.populations)
    outcome = outcome_for(program, order, (batch, steps), request.record)
    refusing = np.array([(not request.allow_wrap, p.name in request.clip_free) for p in order])
    run, kind = _runner(program, steps, refusing, kernels)

    def run_group(first: int, to: int) -> None:
        part: NDArray[Any] = np.ascontiguousarray(raster[first:to].reshape(to - first, steps, -1), dtype=kind).view()
        part.setflags(write=False)
        run(part, outcome.of_samples(first, to))

    progress = request.progress
    in_groups(batch, run_group, threads, None if progress is None else lambda done: progress(done * steps))
    raise_first(order, outcome.refused)
    return trace_from(program, order, request.record, outcome)


def _runner(
    program: Program, steps: int, refusing: NDArray[np.bool_], kernels: Kernels
) -> tuple[RunGroup, type[np.integer[Any]]]:
    """Return what runs a group of samples, and the type of messages it takes."""
    if kernels != "general":
        from sim.fast.layout.laid_out import lay_out
        from sim.fast.plan import runner

        laid_out = lay_out(program)
        if laid_out is not None:
            run = runner(laid_out, steps, refusing, kernels)
            return _or_again(program, refusing, run), np.int32 if laid_out.graded else np.uint8
        if kernels != "auto":
            why = "32 bits do not hold every sum, or a line of a window, a pixel or a step has too many for a list"
            what = f"fast: vector kernels do not take this program: {why}"
            raise InputError(what, "leave the choice of kernels to the engine")
    from sim.fast.kernels import general

    return general.runner(program, refusing), np.int32


def _or_again(program: Program, refusing: NDArray[np.bool_], run: RunGroup) -> RunGroup:
    """Return what runs a group of samples, and runs it again on the kernels that check everything where it must."""

    def run_or_again(raster: NDArray[np.integer[Any]], outcome: Outcome) -> None:
        run(raster, outcome)
        if not unsure(outcome):
            return
        from sim.fast.kernels import general

        clear(outcome)
        general.runner(program, refusing)(raster.astype(np.int32), outcome)

    return run_or_again
