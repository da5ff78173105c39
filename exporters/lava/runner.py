"""One door to lava-nc: a program and a raster in, every spike, u and v out, in local time."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exporters.artifact import check_same_program
from exporters.lava.plan import Plan, plan
from exporters.lava.session import Executor, Session, shared_session
from exporters.recording import ExecutorTrace, recording_from
from exporters.schedule import schedule
from sim.program import Program
from sim.raster import check_raster

__all__ = ["ask_in_parts", "execute", "execute_classes", "run", "write_plan"]

STREAM_STEPS = 1000
"""Samples are streamed through one process graph up to about this many steps, then a new graph is made."""
STREAM_BYTES = 1 << 28


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float, folder: Path | None = None
) -> ExecutorTrace:
    """Run on Lava's process graph; with ``folder``, by the plan in an exported folder."""
    return run(program, raster, timeout_s=timeout_s, folder=folder)


def execute_classes(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float, folder: Path | None = None
) -> ExecutorTrace:
    """Run on Lava's own classes without its runtime; with ``folder``, by the plan in an exported folder."""
    return run(program, raster, executor="classes", timeout_s=timeout_s, folder=folder)


def run(
    program: Program,
    raster: ArrayLike,
    *,
    executor: Executor = "graph",
    timeout_s: float = 600.0,
    folder: Path | None = None,
    session: Session | None = None,
    progress: Callable[[int], object] | None = None,
) -> ExecutorTrace:
    """Run (B, T, *input shape) in Lava and record every spike, u and v of every population.

    ``executor="graph"`` is lava-nc as its users run it: processes, channels, hardware time, samples back to back.
    ``executor="classes"`` steps Lava's own neuron and connection classes without its runtime, for mass verification.
    ``folder`` is an exported folder to run in place of a fresh plan. ``progress`` is called with the sample-steps done.
    """
    deadline = time.monotonic() + timeout_s
    checked = check_raster(program, raster)
    planned = plan(program)
    worker = session or shared_session()
    with worker.scratch() as scratch:
        if folder is None:
            write_plan(planned, scratch)
        else:
            check_same_program(folder, "lava", program.digest)
        found = ask_in_parts(
            program,
            checked,
            folder or scratch,
            executor=executor,
            worker=worker,
            deadline=deadline,
            progress=progress,
        )
    return recording_from(program, found, planned.losses)


def ask_in_parts(
    program: Program,
    raster: NDArray[np.integer],
    source: Path,
    *,
    executor: Executor,
    worker: Session,
    deadline: float,
    progress: Callable[[int], object] | None = None,
) -> dict[str, NDArray[np.integer]]:
    """Have the worker run what stands in ``source``, as many samples at a time as one process graph should stream."""
    stream = _samples_per_stream(program, raster.shape[1])
    found: dict[str, list[NDArray[np.integer]]] = {}
    with worker.scratch() as scratch:
        part, result = scratch / "raster.npy", scratch / "result.npz"
        for first in range(0, len(raster), stream):
            samples = raster[first : first + stream].astype(np.int32)
            np.save(part, samples)
            worker.ask(source, part, result, executor=executor, deadline=deadline)
            with np.load(result) as arrays:
                for name, values in arrays.items():
                    found.setdefault(name, []).append(values)
            if progress is not None:
                progress(samples.shape[0] * samples.shape[1])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def write_plan(planned: Plan, folder: Path) -> None:
    """Write a plan's two files."""
    text = json.dumps(dict(planned.description), indent=1) + "\n"
    (folder / "plan.json").write_text(text, encoding="utf-8")
    arrays: dict[str, Any] = dict(planned.arrays)
    np.savez(folder / "arrays.npz", **arrays)


def _samples_per_stream(program: Program, steps: int) -> int:
    period = schedule(program).period(steps)
    neurons = sum(p.size for p in program.populations)
    bytes_per_sample = period * (12 * neurons + 4 * int(np.prod(program.input.shape)))
    return max(1, min(STREAM_STEPS // period, STREAM_BYTES // bytes_per_sample))
