"""Latent weights rounded to their grid: forward whole steps, backward as if nothing were rounded."""

from torch import Tensor

from snn2hw.compiler.grid import WeightGrid
from snn2hw.train.tuning.machine_scan import straight

__all__ = ["rounded"]


def rounded(latents: Tensor, grid: WeightGrid) -> Tensor:
    """Return the mantissas of latents that are given in steps of the grid."""
    return straight(latents, latents.round().clamp(grid.low, grid.high)) * grid.step
