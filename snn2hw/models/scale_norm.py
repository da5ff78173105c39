"""Normalisation without a mean: y = g x / sqrt(mean x^2), which folds into the weights and leaves no bias behind."""

import torch
from torch import Tensor, nn

__all__ = ["ScaleNorm"]


class ScaleNorm(nn.Module):
    """Scale every channel to a mean square of g^2 over the batch; later, over the training set."""

    weight: Tensor
    running_power: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.momentum: float | None = 0.1
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_power", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def reset_running_stats(self) -> None:
        """Forget the powers seen so far."""
        self.running_power.fill_(1)
        self.num_batches_tracked.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Scale (b, channels, ...)."""
        power = self.running_power
        if self.training:
            power = x.square().mean([axis for axis in range(x.dim()) if axis != 1])
            self.num_batches_tracked += 1
            share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_power.lerp_(power.detach(), share)
        return x * (self.weight * torch.rsqrt(power + self.eps)).view(1, -1, *(1,) * (x.dim() - 2))
