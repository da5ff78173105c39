"""What comes back from an executor that is not ours."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Loss
from sim.program import Program

__all__ = ["Recording", "recording_from"]


@dataclass(frozen=True, eq=False)
class Recording:
    """Every register in local time, (B, T, *shape) as in a Trace, without its counts."""

    digest: str
    spikes: Mapping[str, NDArray[np.uint8]]
    u: Mapping[str, NDArray[np.int32]]
    v: Mapping[str, NDArray[np.int32]]
    losses: tuple[Loss, ...] = ()


def recording_from(
    program: Program, arrays: Mapping[str, NDArray[np.integer]], losses: tuple[Loss, ...] = ()
) -> Recording:
    """Make a Recording of arrays named ``spikes.POPULATION``, ``u.POPULATION`` and ``v.POPULATION``."""
    names = program.by_name
    return Recording(
        digest=program.digest,
        spikes={name: arrays[f"spikes.{name}"].astype(np.uint8) for name in names},
        u={name: arrays[f"u.{name}"].astype(np.int32) for name in names},
        v={name: arrays[f"v.{name}"].astype(np.int32) for name in names},
        losses=losses,
    )
