"""What comes back from an executor that is not one of our engines."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Loss
from sim.program import Program

__all__ = ["ExecutorTrace", "recording_from"]


@dataclass(frozen=True, eq=False)
class ExecutorTrace:
    """Every register in local time, (B, T, *shape) as in a Trace, without its counts."""

    digest: str
    spikes: Mapping[str, NDArray[np.uint8]]
    u: Mapping[str, NDArray[np.int32]]
    v: Mapping[str, NDArray[np.int32]]
    losses: tuple[Loss, ...] = ()


def recording_from(
    program: Program, arrays: Mapping[str, NDArray[np.integer]], losses: tuple[Loss, ...] = ()
) -> ExecutorTrace:
    """Make an ExecutorTrace of arrays named ``spikes.POPULATION``, ``u.POPULATION`` and ``v.POPULATION``."""
    names = program.by_name
    states = {
        state: {name: arrays[f"{state}.{name}"].astype(np.int32) for name in names if f"{state}.{name}" in arrays}
        for state in ("u", "v")
    }
    spikes = {name: arrays[f"spikes.{name}"].astype(np.uint8) for name in names}
    return ExecutorTrace(program.digest, spikes, **states, losses=losses)
