"""Lags that learn: every channel of a signal comes so many steps later, a whole number once training has ended.

    y[t, c] = sum_k w[c, k] x[t - k, c]        w[c, k] = max(0, 1 - |k - lag[c]| / width), over their sum

In training the signal is spread over the whole lags around a real one, so that a lag hears what it would gain by
moving. ``settle`` makes the spread narrower as training goes on, from half of all lags to the two that are next; over
the last fifth of training every lag is rounded, and the gradient passes the rounding. Judged, a lag is always the
nearest whole one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn2hw.train.rates import Moment, RateSchedule, one_cycle

__all__ = ["LearntLags", "settling"]

ROUNDED_FROM = 0.8
"""The share of training after which lags are rounded."""


class LearntLags(nn.Module):
    """Called on (b, channels, T) it returns as much; lags lie in 0..most."""

    def __init__(self, channels: int, most: int) -> None:
        super().__init__()
        self.most, self.done = most, 0.0
        self.lag = nn.Parameter(torch.empty(channels).uniform_(0, most))

    def settle(self, done: float) -> None:
        """Say how much of the training is done, 0 to 1."""
        self.done = done

    def whole(self) -> Tensor:
        """Return the lags as they are judged: whole numbers."""
        return torch.round(self.lag.detach()).clamp(0, self.most).long()

    def forward(self, x: Tensor) -> Tensor:
        """Delay every channel."""
        padded = functional.pad(x, (self.most, 0))
        kernel = self._kernel().flip(1)[:, None]  # a convolution reads forward in time
        return functional.conv1d(padded, kernel, groups=len(self.lag))

    def _kernel(self) -> Tensor:
        """Return how much of each whole lag is heard, (channels, most + 1)."""
        nearest = functional.one_hot(self.whole(), self.most + 1).to(self.lag.dtype)
        if not self.training:
            return nearest
        steps = torch.arange(self.most + 1, device=self.lag.device)
        width = max(1.0, (1 - self.done / ROUNDED_FROM) * self.most / 2)
        near = functional.relu(1 - (steps - self.lag.clamp(0, self.most)[:, None]).abs() / width)
        spread = near / near.sum(1, keepdim=True)
        return spread if self.done < ROUNDED_FROM else nearest + (spread - spread.detach())


def settling(model: nn.Module) -> RateSchedule:
    """Return the usual rates, which tell the lags of ``model`` at every step how far training is."""

    def rates(peak: float, at: Moment) -> tuple[float, float | None]:
        for part in model.modules():
            if isinstance(part, LearntLags):
                part.settle((at.epoch + at.batch / at.batches) / at.epochs)
        return one_cycle(peak, at)

    return rates
