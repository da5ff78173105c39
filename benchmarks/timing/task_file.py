"""A network and its inputs in a file that peers read without this project."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.files import atomic_write
from sim.program import Conv
from timing.networks import Net

__all__ = ["write_task"]


def write_task(path: Path, net: Net, raster: NDArray[np.integer[Any]]) -> None:
    """Write every layer as trained and as folded, its threshold, and the inputs (B, T, ...)."""
    arrays: dict[str, Any] = {"layers": len(net.layers), "raster": raster}
    for i, (layer, population) in enumerate(zip(net.layers, net.program.populations, strict=True)):
        wiring = population.inputs[0].wiring
        arrays |= {f"weight{i}": layer.weight, f"stride{i}": layer.stride, f"pool{i}": layer.pool}
        arrays |= {f"folded{i}": wiring.weight, f"vth{i}": int(population.vth.flat[0])}
        arrays |= {f"folded_stride{i}": wiring.stride[0] if isinstance(wiring, Conv) else 1}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
