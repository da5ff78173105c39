"""A Program as a folder that runs in lava-nc with `python run_lava.py`, wherever that is installed."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, write_artifact
from exporters.lava.install import STANDALONE
from exporters.lava.plan import plan
from exporters.lava.runner import execute, execute_classes, run, write_plan
from sim.engines import run as run_engine
from sim.errors import MachineError
from sim.program import Program
from sim.trace import RECORDABLE, Trace

__all__ = ["execute", "execute_classes", "export", "run"]

FILES = ("run_lava.py", "lava_graph.py", "lava_shim.py", "own/processes.py")
MADE_UP_SAMPLES, MADE_UP_STEPS = 3, 20
DENSITIES = (0.3, 0.05, 0.0)


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write the process graph of ``program``, the samples of ``raster`` and what they must do, and `run_lava.py`.

    Without a raster it makes up three samples of 20 steps, the same ones for the same program.
    """
    check_artifact_folder(folder)
    planned = plan(program)
    golden, trace = (raster, _expected(program, raster)) if raster is not None else _made_up(program)

    def fill(draft: Path) -> None:
        for name in FILES:
            (draft / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(STANDALONE / name, draft / name)
        write_plan(planned, draft)
        arrays = {f"{what}.{name}": values for what in RECORDABLE for name, values in getattr(trace, what).items()}
        np.savez_compressed(draft / "golden.npz", input=golden, **arrays)

    return write_artifact(folder, format="lava", digest=program.digest, fill=fill, losses=planned.losses)


def _expected(program: Program, raster: NDArray[np.integer]) -> Trace:
    return run_engine(program, raster, record=RECORDABLE, allow_wrap=True)


def _made_up(program: Program) -> tuple[NDArray[np.integer], Trace]:
    """Return random messages as dense as the program's accumulators bear, and what they do."""
    rng = np.random.default_rng(int(program.digest[:16], 16))
    size = (MADE_UP_SAMPLES, MADE_UP_STEPS, *program.input.shape)
    messages = rng.integers(program.input.lo, program.input.hi + 1, size, dtype=np.int32)
    places = rng.random(size)
    for density in DENSITIES:
        raster = np.where(places < density, messages, 0)
        try:
            return raster, _expected(program, raster)
        except MachineError:
            if density == DENSITIES[-1]:
                raise
    raise AssertionError("the last density returns or raises")
