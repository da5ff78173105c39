"""What comes back from an executor that is not one of our engines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    others: Mapping[str, Mapping[str, NDArray[np.int32]]] = field(default_factory=dict)
    """States of other names than u and v."""


def recording_from(
    program: Program, arrays: Mapping[str, NDArray[np.integer]], losses: tuple[Loss, ...] = ()
) -> ExecutorTrace:
    """Make an ExecutorTrace of arrays named ``spikes.POPULATION`` and ``STATE.POPULATION``, such as ``v.out``."""
    names = program.by_name
    states = {
        state.name: {name: arrays[f"{state.name}.{name}"].astype(np.int32) for name in names}
        for state in program.described.states
    }
    return ExecutorTrace(
        digest=program.digest,
        spikes={name: arrays[f"spikes.{name}"].astype(np.uint8) for name in names},
        u=states.pop("u", {}),
        v=states.pop("v", {}),
        losses=losses,
        others=states,
    )
