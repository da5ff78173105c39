"""What an exported program must do: some samples, and every spike, u and v that the reference makes of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, Loss, write_artifact
from sim.compare import recorded_of
from sim.engines import run
from sim.errors import MachineError
from sim.program import Program
from sim.trace import Trace, recordable

__all__ = ["golden_arrays", "golden_vectors", "write_golden", "write_with_golden"]

MADE_UP_SAMPLES, MADE_UP_STEPS = 3, 20
DENSITIES = (0.3, 0.05, 0.0)


def golden_vectors(program: Program, raster: NDArray[np.integer] | None) -> tuple[NDArray[np.integer], Trace]:
    """Return samples and what they do; without a raster, three made-up samples, the same ones for the same program."""
    if raster is not None:
        return raster, _expected(program, raster)
    rng = np.random.default_rng(int(program.digest[:16], 16))
    size = (MADE_UP_SAMPLES, MADE_UP_STEPS, *program.input.shape)
    messages = rng.integers(program.input.lo, program.input.hi + 1, size, dtype=np.int32)
    places = rng.random(size)
    for density in DENSITIES[:-1]:
        sparse = np.where(places < density, messages, 0)
        try:
            return sparse, _expected(program, sparse)
        except MachineError:
            continue  # denser than the accumulators bear
    silent = np.zeros(size, np.int32)
    return silent, _expected(program, silent)


def _expected(program: Program, raster: NDArray[np.integer]) -> Trace:
    return run(program, raster, record=recordable(program), allow_wrap=True)


def golden_arrays(raster: NDArray[np.integer], trace: Trace) -> dict[str, Any]:
    """Return the arrays of a ``golden.npz``: ``input``, and ``WHAT.POPULATION`` for spikes and every state."""
    recorded = {
        f"{what}.{name}": array for what, values in recorded_of(trace).items() for name, array in values.items()
    }
    return {"input": raster, **recorded}


def write_golden(path: Path, raster: NDArray[np.integer], trace: Trace) -> None:
    """Write samples and what they do as a ``golden.npz``."""
    np.savez_compressed(path, allow_pickle=False, **golden_arrays(raster, trace))


def write_with_golden(
    program: Program,
    folder: Path | str,
    raster: NDArray[np.integer] | None,
    *,
    format: str,
    fill: Callable[[Path], None],
    losses: Sequence[Loss],
) -> Artifact:
    """Write an artifact of what ``fill`` writes, and of a `golden.npz` of the raster's samples or made-up ones."""
    samples, trace = golden_vectors(program, raster)

    def fill_all(draft: Path) -> None:
        fill(draft)
        write_golden(draft / "golden.npz", samples, trace)

    return write_artifact(folder, format=format, digest=program.digest, fill=fill_all, losses=losses)
