"""Two denoisers of the literature, for the comparison: CR-CED and a CRNN. Neither spikes.

Both read the noisy magnitudes, compressed and levelled, and give a mask per bin, as the spiking network does.

    CR-CED (Park and Lee 2016)    8 frames, convolutions along frequency alone; five blocks of 18, 30, 8 channels
                                  that are 9, 5, 9 bins wide, skips between mirrored blocks, one wide map at the end
    CRNN                          two convolutions along frequency of stride 4, a GRU over time, a linear map
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Crced", "MaskCrnn", "WideMap", "levelled"]

FRAMES = 8
BLOCKS = 5
WIDE = 129
"""Bins that the last map of CR-CED reads at once."""
BEGUN, BEGUN_STD = 0.7, 0.01
"""Mask that CR-CED begins with, and how far its last weights spread. Nothing bounds what it sums up, so a sigmoid does:
masks that are clipped went far above 1 in the first epochs and stayed there for twenty-five."""


def levelled(magnitudes: Tensor) -> Tensor:
    """Return magnitudes (b, T, bins) to the power of 0.3, less their running mean over time, (b, T, bins)."""
    x = magnitudes.clamp(min=1e-6) ** 0.3
    mean = x.mean(2, keepdim=True).cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]
    return x / mean.clamp(min=1e-3) - 1.0


def _conv(before: int, after: int, wide: int) -> nn.Sequential:
    across = nn.Conv2d(before, after, (1, wide), padding=(0, wide // 2))
    return nn.Sequential(across, nn.BatchNorm2d(after), nn.ReLU())


class WideMap(nn.Conv1d):
    """A convolution to one channel, of (.., bins, channels), as one product: tap by tap, so many take far longer."""

    def forward(self, heard: Tensor) -> Tensor:
        """Return (.., bins)."""
        bins = torch.arange(heard.shape[-2])
        lags = bins[:, None] - bins + self.weight.shape[2] // 2  # of the bin that is heard, the one that is said
        taps = functional.pad(self.weight[0], (len(bins), len(bins)))[:, lags + len(bins)]
        said: Tensor = heard.flatten(-2) @ taps.transpose(0, 1).flatten(0, 1)
        return said if self.bias is None else said + self.bias


class Crced(nn.Module):
    """Called on magnitudes (b, T, bins) it returns a mask of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(_conv(FRAMES if k == 0 else 8, 18, 9), _conv(18, 30, 5), _conv(30, 8, 9))
            for k in range(BLOCKS)
        )
        self.last = WideMap(8, 1, WIDE, padding=WIDE // 2)
        assert self.last.bias is not None
        nn.init.constant_(self.last.bias, math.log(BEGUN / (1 - BEGUN)))
        nn.init.normal_(self.last.weight, std=BEGUN_STD)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Look at eight frames for each one: it, and the seven before it."""
        x = functional.pad(levelled(magnitudes), (0, 0, FRAMES - 1, 0))
        t = magnitudes.shape[1]
        past = torch.stack([x[:, k : k + t] for k in range(FRAMES)], 1)  # b frames t bins
        y = past.to(memory_format=torch.channels_last)
        passed: list[Tensor] = []
        for k, block in enumerate(self.blocks):
            mirrored = BLOCKS - 1 - k
            y = block(y)
            y = y + passed[mirrored] if mirrored < k else y
            passed.append(y)
        return torch.sigmoid(self.last(y.permute(0, 2, 3, 1)))


class MaskCrnn(nn.Module):
    """Called on magnitudes (b, T, bins) it returns a mask of the same shape."""

    def __init__(self, bins: int, channels: int = 16, hidden: int = 128) -> None:
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv1d(1, channels, 9, 4, 4), nn.BatchNorm1d(channels), nn.ReLU(),
            nn.Conv1d(channels, channels, 9, 4, 4), nn.BatchNorm1d(channels), nn.ReLU(),
        )  # fmt: skip
        wide = channels * (((bins - 1) // 4 + 1 - 1) // 4 + 1)
        self.recurrent = nn.GRU(wide, hidden, batch_first=True)
        self.mask = nn.Linear(hidden, bins)
        nn.init.ones_(self.mask.bias)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Look at each frame, and remember."""
        x = levelled(magnitudes)
        b, t, bins = x.shape
        y = self.front(x.reshape(b * t, 1, bins)).reshape(b, t, -1)
        mask: Tensor = self.mask(self.recurrent(y)[0])
        return mask
