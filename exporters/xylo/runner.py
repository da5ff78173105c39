"""xylosim in a process of its own: programs and rasters in, every spike, current and membrane out, in local time."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.recording import ExecutorTrace, recording_from
from exporters.xylo.install import find_python
from exporters.xylo.specification import Specification, specify
from sim.errors import FileError, ToolError
from sim.program import INPUT, Program

__all__ = ["RUNNER", "run", "write_input", "write_specification"]

RUNNER = Path(__file__).with_name("standalone") / "run_xylosim.py"
LOG_TAIL = 600

Raster = NDArray[np.integer]


def run(jobs: Sequence[tuple[Program, Raster]], *, timeout_s: float, folder: Path | None = None) -> list[ExecutorTrace]:
    """Run several programs in one process; ``folder`` holds the specification to take in place of a fresh one."""
    python = find_python()
    specified = [specify(program) for program, _ in jobs]
    with tempfile.TemporaryDirectory(prefix="snn2hw-xylosim-") as made:
        places = [Path(made) / str(i) for i in range(len(jobs))]
        for place, specification, (_, raster) in zip(places, specified, jobs, strict=True):
            place.mkdir()
            if folder is None:
                write_specification(place, specification)
            else:
                (place / "specification.npz").write_bytes((folder / "specification.npz").read_bytes())
            write_input(place, specification, raster)
        _call([str(python), "-I", str(RUNNER), *map(str, places)], timeout_s)
        found = zip(jobs, specified, places, strict=True)
        return [
            _read(program, spec, place / "recorded.npz", raster.shape[1]) for (program, raster), spec, place in found
        ]


def write_specification(folder: Path, specification: Specification) -> None:
    """Write the arguments."""
    arrays: dict[str, Any] = dict(specification.arguments)
    np.savez_compressed(folder / "specification.npz", allow_pickle=False, **arrays)


def write_input(folder: Path, specification: Specification, raster: Raster) -> None:
    """Write the samples in hardware time: the steps of the sample, and those that the last population needs more."""
    batch, steps = raster.shape[:2]
    first = specification.start[INPUT]
    shifted = np.zeros((batch, steps + specification.steps_more, int(np.prod(raster.shape[2:]))), dtype=np.int16)
    shifted[:, first : first + steps] = raster.reshape(batch, steps, -1)
    np.save(folder / "input.npy", shifted, allow_pickle=False)


def _call(command: list[str], timeout_s: float) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise ToolError("xylosim: not done within its time limit", "give it more time, or fewer samples") from None
    if result.returncode:
        raise ToolError(f"xylosim: ended with code {result.returncode}: {result.stderr[-LOG_TAIL:]}", "run it again")


def _read(program: Program, specification: Specification, path: Path, steps: int) -> ExecutorTrace:
    """Cut each population's own steps and neurons out of what the simulator recorded."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            recorded = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError) as error:
        raise FileError(f"{path.name}: cannot be read ({error})", "run it again") from None
    found = {}
    for p in program.populations:
        is_output, first = specification.places[p.name]
        window = slice(specification.start[p.name], specification.start[p.name] + steps)
        for what in ("spikes", "i", "i2", "v"):
            name = f"{what}_out" if is_output else what
            if name in recorded:
                values = recorded[name][:, window, first : first + p.size]
            else:  # an output neuron has one current
                values = np.zeros((len(recorded["v"]), steps, p.size), dtype=np.int32)
            found[f"{what}.{p.name}"] = values.reshape(*values.shape[:2], *p.shape)
    return recording_from(program, found, specification.losses)
