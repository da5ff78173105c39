"""A Program for an FPGA core of our own: Verilog by hand, generated memories, and a bench that replays golden vectors."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.recording import Recording, recording_from
from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.plan import plan_of
from exporters.rtl_export.simulate import build_simulator, play
from sim.program import Program

__all__ = ["execute"]

DEFAULT_LANES = 4


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> Recording:
    """Build the core for this program in a logic simulator, play the raster, and return every spike, u and v."""
    plan = plan_of(program)
    with tempfile.TemporaryDirectory(prefix="snn2hw-rtl-") as made:
        workspace = Path(made)
        sizes = sizes_of(plan, images_of(plan, DEFAULT_LANES), DEFAULT_LANES)
        simulator = build_simulator(workspace, sizes, timeout_s=timeout_s)
        played = play(plan, raster, simulator, workspace, timeout_s=timeout_s)
    return recording_from(program, played.arrays)
