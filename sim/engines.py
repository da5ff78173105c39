"""The engines by name, and the one door to all of them."""

from collections.abc import Callable, Collection
from importlib import import_module

from numpy.typing import ArrayLike

from sim.arithmetic.registry import require_arithmetic
from sim.auto import BY_FAST, chosen_engine
from sim.cures import one_of
from sim.errors import InputError
from sim.program import Program, require_program
from sim.raster import check_raster
from sim.request import Request
from sim.trace import SPIKES, Record, Trace, recordable

__all__ = ["DEFAULT_ENGINE", "ENGINES", "run"]

ENGINES = {
    "reference": "sim.reference",
    "fast": "sim.fast",
    "torch": "sim.torch_engine",
}
"""Engine name to the module whose ``simulate(program, raster, request)`` runs it; imported on use."""

DEFAULT_ENGINE = "auto"
"""What every default is: one of `ENGINES` that is done soonest (`sim.auto`)."""

COMPUTED = {"fast": BY_FAST, "torch": ("loihi",)}
"""The arithmetics that an engine computes; one that is not here computes them all."""


def run(
    program: Program,
    raster: ArrayLike,
    *,
    engine: str = DEFAULT_ENGINE,
    record: Collection[Record] | Record = SPIKES,
    allow_wrap: bool = False,
    clip_free: Collection[str] | str = (),
    progress: Callable[[int], object] | None = None,
) -> Trace:
    """Run ``program`` on a raster (B, T, *input shape) with one of `ENGINES`; every engine gives the same Trace.

    ``auto`` is the reference where it is done before the fast engine has compiled its kernels, else the fast engine.

    ``record`` and ``clip_free`` are names, or one name.
    """
    require_program(program)
    record = (record,) if isinstance(record, str) else tuple(record)
    clip_free = (clip_free,) if isinstance(clip_free, str) else tuple(clip_free)
    if engine not in (DEFAULT_ENGINE, *ENGINES):
        known = one_of(engine, (DEFAULT_ENGINE, *ENGINES))
        raise InputError(f"engine {engine!r} is unknown", f"use {known}")
    if engine in COMPUTED:
        require_arithmetic(program.arithmetic, COMPUTED[engine], f"engine {engine!r}")
    for what in record:
        if what not in recordable(program):
            raise InputError(f"record {what!r} is unknown", f"record any of: {', '.join(recordable(program))}")
    for name in clip_free:
        if name not in program.by_name:
            raise InputError(f"clip_free names {name!r}, which is no population of this program")
    checked = check_raster(program, raster)
    if engine == DEFAULT_ENGINE:
        engine = chosen_engine(program, (checked.shape[0], checked.shape[1]), record)
    simulate = import_module(ENGINES[engine]).simulate
    trace: Trace = simulate(program, checked, Request(record, allow_wrap, clip_free, progress))
    return trace
