"""Which kernels a run needs that are neither loaded nor in the cache, and how long compiling them takes.

Numba has no public question for "is this in the cache", so its index is read; where a version of it keeps none to be
read, everything counts as missing, and a run merely announces more than it waits for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import typeof

from sim.fast.kernels.general import simulate_samples
from sim.fast.kernels.machine import run_samples
from sim.fast.layout.laid_out import lay_out
from sim.fast.plan import loops_of
from sim.fast.vector.calls import ChosenLoop, address
from sim.fast.vector.isa import best
from sim.fast.xylo import kernel as xylo_kernel
from sim.fast.xylo.layout import lay_out as lay_out_for_xylo
from sim.fast.xylo.sums import add_rows, adding
from sim.order import step_order
from sim.outcome import outcome_for
from sim.program import Program
from sim.trace import Record

__all__ = ["Missing", "compile_loops", "kernels_cached", "missing"]

ENTRY_S, LOOP_S = 15.0, 1.5
"""Seconds to compile what walks over the tables, and one of the loops it calls, on one core with little else to do."""


@dataclass(frozen=True)
class Missing:
    """What must be compiled first."""

    entry: bool
    """Whether the kernel that walks over the tables is missing."""
    loops: tuple[ChosenLoop, ...]

    @property
    def kernels(self) -> int:
        """Return the number of kernels."""
        return self.entry + len(self.loops)

    @property
    def seconds(self) -> float:
        """Return about how long compiling them takes."""
        return ENTRY_S * self.entry + LOOP_S * len(self.loops)


def missing(program: Program, steps: int, record: tuple[Record, ...]) -> Missing:
    """Return what a run of this program over so many steps would have to compile."""
    if program.arithmetic == "xylo":
        return _missing_for_xylo(program)
    laid_out = lay_out(program)
    if laid_out is None:
        return Missing(not _signatures(simulate_samples), ())
    entry = _to_compile(run_samples)
    recorded = outcome_for(program, step_order(program.populations), (0, steps), record).recorded
    loops = loops_of(laid_out, steps, recorded)
    return Missing(entry, tuple(c for c in loops if c.arguments not in _signatures(c.loop)))


def _to_compile(entry: Any) -> bool:
    """Return whether what walks over the tables is not compiled yet for the best instructions there are."""
    form: Any = typeof(best())  # type: ignore[no-untyped-call]  # numba's own is untyped
    return not any(arguments[0] == form for arguments in _signatures(entry))


def _missing_for_xylo(program: Program) -> Missing:
    entry = _to_compile(xylo_kernel.run_samples)
    laid_out = lay_out_for_xylo(program, best())
    lanes = () if laid_out is None else tuple(dict.fromkeys(laid_out.tables.pieces["lanes"].tolist()))
    loops = tuple(map(adding, lanes))
    return Missing(entry, tuple(c for c in loops if c.arguments not in _signatures(c.loop)))


def compile_loops(wanted: Missing, told: Callable[[int], object]) -> None:
    """Compile the loops, telling how many are done; what walks over the tables is compiled by the run itself."""
    for done, loop in enumerate(wanted.loops):
        told(done)
        address(loop)


def kernels_cached() -> int:
    """Return how many kernels of this version of the engine are in the cache of this machine."""
    from sim.fast.kernels import gather, lookup, neurons, product

    loops = (
        gather.add_one_by_one,
        gather.add_rows_of_events,
        gather.add_weighted_rows,
        lookup.look_up,
        lookup.multiply_windows,
        neurons.advance_neurons,
        product.multiply_pixels,
        product.multiply_single,
        product.multiply_two_steps,
        add_rows,
    )
    entries = (run_samples, simulate_samples, xylo_kernel.run_samples)
    return sum(len(_signatures(kernel)) for kernel in (*entries, *loops))


def _signatures(kernel: Any) -> set[tuple[Any, ...]]:
    """Return the types of arguments for which there is machine code, loaded or in the cache."""
    loaded = set(kernel.overloads)
    cache: Any = getattr(kernel, "_cache", None)
    try:
        index = cache._cache_file._load_index()
        machine = kernel.targetctx.codegen().magic_tuple()
        return loaded | {key[0] for key in index if key[1] == machine}
    except Exception:
        return loaded
