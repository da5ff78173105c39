"""Rounding that a gradient passes: forward whole numbers, backward as if nothing were rounded."""

from typing import Any

import torch
from torch import Tensor

from snn2hw.compiler.grid import WeightGrid

__all__ = ["rounded", "straight"]


def straight(smooth: Tensor, whole: Tensor) -> Tensor:
    """Return ``whole`` with the gradient of ``smooth``."""
    result: Tensor = _Straight.apply(smooth, whole.detach())  # type: ignore[no-untyped-call]  # torch's own is untyped
    return result


def rounded(latents: Tensor, grid: WeightGrid) -> Tensor:
    """Return the mantissas of latents that are given in steps of the grid."""
    return straight(latents, latents.round().clamp(grid.low, grid.high)) * grid.step


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, smooth: Tensor, whole: Tensor) -> Tensor:
        return whole.view_as(whole)

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        return arriving[0], None
