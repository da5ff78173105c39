"""Who can run a program: our engines, and the outside programs that our exporters write for."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.compare import Recorded
from sim.cures import meant
from sim.engines import ENGINES, run
from sim.errors import InputError
from sim.plugins import Group, added, load_added, named
from sim.program import Program
from sim.trace import recordable

__all__ = ["EXECUTORS", "Executor", "check_executor", "executor_names", "find_executor"]


class Executor(Protocol):
    """Runs a batch and returns every spike, u and v; with ``folder``, by the artifact that stands there."""

    def __call__(
        self, program: Program, raster: NDArray[np.integer], *, timeout_s: float, folder: Path | None = None
    ) -> Recorded:
        """Run."""


EXECUTORS = {
    "reference": "sim.engines:run",
    "fast": "sim.engines:run",
    "lava": "exporters.lava:execute",
    "lava-classes": "exporters.lava:execute_classes",
    "netx": "exporters.to_netx:execute",
    "onnx": "exporters.to_onnx:execute",
    "c": "exporters.to_c:execute",
    "nir": "exporters.to_nir:execute",
    "golden": "exporters.to_golden:execute",
    "xylosim": "exporters.to_xylo:execute",
    "rtl": "exporters.to_rtl:execute",
    "mcu": "exporters.to_firmware:execute",
    "mcu-m0": "exporters.to_firmware:execute_m0",
    "mcu-m33": "exporters.to_firmware:execute_m33",
    "mcu-rv32": "exporters.to_firmware:execute_rv32",
}
"""Executor name to ``module:function``; the engines run by `run`."""

GROUP: Group = "snn2hw.executors"


def executor_names() -> tuple[str, ...]:
    """Return every executor with a name: ours, and those that installed packages add."""
    return named(GROUP, EXECUTORS)


def check_executor(name: str) -> None:
    """Refuse a name that is neither in the table, nor an engine, nor a user's own ``module:function``."""
    if name not in EXECUTORS and name not in ENGINES and ":" not in name and name not in executor_names():
        near = meant(name, (*executor_names(), *ENGINES))
        slip = f" (did you mean {near!r}?)" if near else ""
        fix = f"use any of: {', '.join(executor_names())}, or module:function of your own{slip}"
        raise InputError(f"executor {name!r} is unknown", fix)


def find_executor(name: str) -> Executor:
    """Return the executor of that name, importing what it needs."""
    check_executor(name)
    if name in ENGINES:
        return partial(_run_engine, name)
    if name in added(GROUP, EXECUTORS):
        ours: Executor = load_added(GROUP, name)
        return ours
    module, function = EXECUTORS.get(name, name).split(":", 1)
    try:
        found: Callable[..., Recorded] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise InputError(f"executor {name!r}: no module {error.name!r}", "run from the folder that holds it") from None
    except AttributeError:
        raise InputError(f"executor {name!r}: {module} has no {function!r}", "check the name after the colon") from None
    return found


def _run_engine(
    engine: str, program: Program, raster: NDArray[np.integer], *, timeout_s: float, folder: Path | None = None
) -> Recorded:
    """Run one of our own engines; wraps are compared like everything else, so they are allowed."""
    if folder is not None:
        raise InputError(f"executor {engine!r} runs programs, not artifacts", "name the folder's own executor")
    return run(program, raster, engine=engine, record=recordable(program), allow_wrap=True)
