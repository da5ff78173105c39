"""A Program as a folder that runs in lava-nc with `python run_lava.py`, wherever that is installed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder
from exporters.golden_vectors import write_with_golden
from exporters.lava.install import copy_standalone
from exporters.lava.plan import plan
from exporters.lava.runner import execute, execute_classes, run, write_plan
from sim.program import Program

__all__ = ["execute", "execute_classes", "export", "run"]


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write the process graph of ``program``, the samples of ``raster`` and what they must do, and `run_lava.py`.

    Without a raster it makes up three samples of 20 steps, the same ones for the same program.
    """
    check_artifact_folder(folder)
    planned = plan(program)

    def fill(draft: Path) -> None:
        copy_standalone(("run_lava.py",), draft)
        write_plan(planned, draft)

    return write_with_golden(program, folder, raster, format="lava", fill=fill, losses=planned.losses)
