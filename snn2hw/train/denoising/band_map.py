"""The first map of a network along the bands: it hears a frame's messages, and those of some frames before it.

    y[c, m] = sum_k sum_j ( W_k[c, 0, j] L[t - k, s m + j] + W_k[c, 1, j] N[t - k, s m + j] ) + A[c] p[t]

L and N are the first and the second half of the messages, the level of every band and how far it is above the noise; p
is the last one, how clear speech is, and goes to all bands alike.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BandMap", "band_conv"]


class BandMap(nn.Module):
    """Called on messages (b, T, 2 bands + 1) it returns (T b, channels, 1, bands / stride)."""

    def __init__(self, bands: int, channels: int, frames: int, wide: int, stride: int = 1) -> None:
        super().__init__()
        self.bands, self.frames = bands, frames
        self.across = band_conv(2 * frames, channels, wide, stride)
        self.clear = nn.Linear(1, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Hear all steps; before the first one there were messages of 0."""
        levels = functional.pad(x[..., :-1], (0, 0, self.frames - 1, 0)).view(len(x), -1, 2, self.bands)
        past = torch.stack([levels[:, k : k + x.shape[1]] for k in range(self.frames)], 2)  # b t frames 2 bands
        rows = past.transpose(0, 1).flatten(2, 3).flatten(0, 1)[:, :, None]
        every = self.clear(x[..., -1:]).transpose(0, 1).flatten(0, 1)[..., None, None]
        heard: Tensor = self.across(rows.contiguous(memory_format=torch.channels_last)) + every
        return heard

    def weight_of(self, lag: int) -> Tensor:
        """Return what a step hears of the messages so many steps ago, (channels, bands / stride, 2 bands + 1)."""
        features, now = 2 * self.bands + 1, self.frames - 1 - lag
        alone = torch.eye(features)[:, : 2 * self.bands].view(features, 2, 1, self.bands)
        rows = torch.zeros(features, 2 * self.frames, 1, self.bands)
        rows[:, 2 * now : 2 * now + 2] = alone
        with torch.no_grad():
            found: Tensor = self.across(rows)[:, :, 0].permute(1, 2, 0).clone()
            if lag == 0:
                found[..., -1] = self.clear.weight
        return found


def band_conv(before: int, after: int, wide: int, stride: int = 1) -> nn.Conv2d:
    """Return a map along bands (n, before, 1, bands), as many as there are without a stride."""
    return nn.Conv2d(before, after, (1, wide), (1, stride), (0, wide // 2), bias=False)
