"""A spiking network that estimates a mask, one frame a step, and its twin of ReLUs.

    I[t] = norm( sum_k W_k x[t - k d] )        neurons as in `snn2hw.train.stream_net`, two hidden layers
    r[t] = a r[t-1] + (1 - a) ( R z[t] + S q[t] + b )        the skip S goes from the messages straight to the readout
    g[t] = clip(r[t], least, 1)

S alone is spectral subtraction, as far as it is linear; what spikes corrects it. The readout starts at a mask of 1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn2hw.models.mask import MaskLayout
from snn2hw.train.norse_scan import constants_of, spikes_in_time
from snn2hw.train.stream_cell import lif_cell

__all__ = ["MaskNet", "leaky"]

DRIVE = 0.5
"""Standard deviation of a neuron's input at the start of training, over the share of the membrane that is lost."""


class MaskNet(nn.Module):
    """Called on scaled messages (b, T, features) it returns the readout (b, T, bands), not yet clipped."""

    def __init__(self, layout: MaskLayout, features: int, bands: int, spiking: bool) -> None:
        super().__init__()
        self.layout, self.spiking = layout, spiking
        self.maps, self.norms = nn.ModuleList(), nn.ModuleList()
        before = features
        for size, gap in zip(layout.hidden, layout.spread, strict=True):
            self.maps.append(nn.Conv1d(before, size, layout.taps, dilation=gap, bias=False))
            norm = nn.BatchNorm1d(size)
            nn.init.constant_(norm.weight, DRIVE / (1 - layout.membrane_kept) if spiking else DRIVE)
            self.norms.append(norm)
            before = size
        kept = (layout.synapse_kept, layout.membrane_kept)
        self.cells = nn.ModuleList(lif_cell(*kept) for _ in self.maps) if spiking else nn.ModuleList()
        self.readout = nn.Linear(before, bands)
        self.skip = nn.Linear(features, bands, bias=False)
        nn.init.ones_(self.readout.bias)
        nn.init.zeros_(self.skip.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Run all steps, layer by layer."""
        y = x.transpose(1, 2)  # b c t
        for i, (linear, norm) in enumerate(zip(self.maps, self.norms, strict=True)):
            y = norm(linear(functional.pad(y, ((self.layout.taps - 1) * self.layout.spread[i], 0))))
            y = self._fired(i, y) if self.spiking else functional.relu(y)
        return leaky(self.readout(y.transpose(1, 2)) + self.skip(x), self.layout.answer_kept)

    def _fired(self, i: int, y: Tensor) -> Tensor:
        drive = y.permute(2, 0, 1)
        return spikes_in_time(drive, constants_of(self.cells[i]), len(drive)).permute(1, 2, 0)


def leaky(x: Tensor, kept: float) -> Tensor:
    """Return the leaky sum over time of (b, T, n), ``kept`` a step, of gain 1."""
    t = torch.arange(x.shape[1])
    ages = (t[:, None] - t).clamp(min=0)
    weights = torch.tril((1 - kept) * torch.tensor(kept) ** ages)
    return weights.to(x.dtype) @ x
