"""Two denoisers of the literature, for the comparison: CR-CED and a CRNN. Neither spikes.

Both read the noisy magnitudes, compressed and levelled, and give a mask per bin, as the spiking network does.

    CR-CED (Park and Lee 2016)    8 frames, convolutions along frequency alone; five blocks of 18, 30, 8 channels
                                  that are 9, 5, 9 bins wide, skips between mirrored blocks, one wide map at the end
    CRNN                          two convolutions along frequency of stride 4, a GRU over time, a linear map
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Crced", "MaskCrnn", "levelled"]

FRAMES = 8
BLOCKS = 5
WIDE = 129
"""Bins that the last map of CR-CED reads at once."""
BEGUN = 0.7
"""Mask that CR-CED begins with: at 1, where masks are clipped, few epochs leave it there."""


def levelled(magnitudes: Tensor) -> Tensor:
    """Return magnitudes (b, T, bins) to the power of 0.3, less their running mean over time, (b, T, bins)."""
    x = magnitudes.clamp(min=1e-6) ** 0.3
    mean = x.mean(2, keepdim=True).cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]
    return x / mean.clamp(min=1e-3) - 1.0


def _conv(before: int, after: int, wide: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(before, after, wide, padding=wide // 2), nn.BatchNorm1d(after), nn.ReLU())


class Crced(nn.Module):
    """Called on magnitudes (b, T, bins) it returns a mask of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(_conv(FRAMES if k == 0 else 8, 18, 9), _conv(18, 30, 5), _conv(30, 8, 9))
            for k in range(BLOCKS)
        )
        self.last = nn.Conv1d(8, 1, WIDE, padding=WIDE // 2)
        assert self.last.bias is not None
        nn.init.constant_(self.last.bias, BEGUN)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Look at eight frames for each one: it, and the seven before it."""
        x = levelled(magnitudes)
        b, t, bins = x.shape
        past = functional.pad(x, (0, 0, FRAMES - 1, 0)).unfold(1, FRAMES, 1)  # b t bins frames
        y = past.permute(0, 1, 3, 2).reshape(b * t, FRAMES, bins)
        passed: list[Tensor] = []
        for k, block in enumerate(self.blocks):
            mirrored = BLOCKS - 1 - k
            y = block(y)
            y = y + passed[mirrored] if mirrored < k else y
            passed.append(y)
        mask: Tensor = self.last(y).reshape(b, t, bins)
        return mask


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
