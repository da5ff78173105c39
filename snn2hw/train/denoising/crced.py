"""CR-CED (Park and Lee 2016, from memory of the paper), along the bands: one description, spiking or of ReLUs.

Five blocks of 18, 30 and 8 channels that are 9, 5 and 9 bands wide; the first map hears eight frames, the others one;
the last two blocks are added to what the first two say, mirrored; a map that reads all bands says the mask:

    I = norm(W * y)      z = neuron(I)      r[t] = a r[t-1] + (1 - a) ( R z[t] + S q[t] + b )

The readout, and the skip S from the messages to it, are those of `mask_net`. Neurons are quick: a frame goes through
fifteen of them, and slow ones would add up to half a second. In the paper the bands are the bins of a spectrum.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn2hw.train.denoising.band_map import BandMap, band_conv
from snn2hw.train.denoising.mask_net import leaky
from snn2hw.train.norse_scan import constants_of, spikes_in_time
from snn2hw.train.stream_cell import lif_cell

__all__ = ["BLOCKS", "MEMBRANE_KEPT", "SYNAPSE_KEPT", "CrcedNet", "WideMap", "band_norm", "fired_along"]

FRAMES, BLOCKS = 8, 5
BLOCK = ((18, 9), (30, 5), (8, 9))
"""Channels of a block, and how many bands each of its maps reads at once."""
SYNAPSE_KEPT, MEMBRANE_KEPT = 0.0, 0.25
DRIVE = 1.0
"""Standard deviation of a potential at the start of training, in thresholds: a sixth of the neurons fire."""
LAST_STD = 0.01


class WideMap(nn.Conv1d):
    """A convolution to one channel, of (.., bands, channels), as one product: tap by tap, so many take far longer."""

    def forward(self, heard: Tensor) -> Tensor:
        """Return (.., bands)."""
        said: Tensor = heard.flatten(-2) @ self.matrix(heard.shape[-2])
        return said if self.bias is None else said + self.bias

    def matrix(self, bands: int) -> Tensor:
        """Return the weights from every band and channel to every band, (bands channels, bands)."""
        at = torch.arange(bands)
        lags = at[:, None] - at + self.weight.shape[2] // 2  # of the band that is heard, the one that is said
        taps = functional.pad(self.weight[0], (bands, bands))[:, lags + bands]
        return taps.transpose(0, 1).flatten(0, 1)


class CrcedNet(nn.Module):
    """Called on scaled messages (b, T, 2 bands + 1) it returns the readout (b, T, bands), not yet clipped."""

    def __init__(self, bands: int, answer_kept: float, spiking: bool) -> None:
        super().__init__()
        self.answer_kept, self.spiking = answer_kept, spiking
        sizes = BLOCK * BLOCKS
        self.first = BandMap(bands, sizes[0][0], FRAMES, sizes[0][1])
        before = [channels for channels, _ in sizes]
        self.maps = nn.ModuleList(band_conv(n, *size) for n, size in zip(before, sizes[1:], strict=False))
        self.norms = nn.ModuleList(band_norm(channels, spiking) for channels in before)
        self.cells = nn.ModuleList(lif_cell(SYNAPSE_KEPT, MEMBRANE_KEPT) for _ in before if spiking)
        self.readout = WideMap(before[-1], 1, 2 * bands - 1)
        self.skip = nn.Linear(2 * bands + 1, bands, bias=False)
        assert self.readout.bias is not None
        nn.init.normal_(self.readout.weight, std=LAST_STD)
        nn.init.ones_(self.readout.bias)
        nn.init.zeros_(self.skip.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Run all steps, layer by layer."""
        y, blocks = self.first(x), list[Tensor]()
        for i, norm in enumerate(self.norms):
            y = norm(y if i == 0 else self.maps[i - 1](y))
            y = fired_along(y, self.cells[i], x.shape[1]) if self.spiking else functional.relu(y)
            if i % len(BLOCK) == len(BLOCK) - 1:
                mirrored = BLOCKS - 1 - len(blocks)
                y = y + blocks[mirrored] if mirrored < len(blocks) else y
                blocks.append(y)
        said = self.readout(y[:, :, 0].transpose(1, 2)).view(x.shape[1], len(x), -1).transpose(0, 1)
        return leaky(said + self.skip(x), self.answer_kept)


def band_norm(channels: int, spiking: bool) -> nn.BatchNorm2d:
    """Return the normalisation behind a map along the bands; neurons begin with potentials of ``DRIVE``."""
    norm = nn.BatchNorm2d(channels)
    if spiking:
        nn.init.constant_(norm.weight, DRIVE / (1 - MEMBRANE_KEPT))
    return norm


def fired_along(drive: Tensor, cell: nn.Module, steps: int) -> Tensor:
    """Return the spikes of drives (T b, channels, 1, bands)."""
    return spikes_in_time(drive.view(steps, -1, *drive.shape[1:]), constants_of(cell), steps).flatten(0, 1)
