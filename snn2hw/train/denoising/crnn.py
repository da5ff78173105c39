"""Two maps along the bands, then a layer that hears itself: one description, spiking or with a GRU.

    y[t] = neuron(norm(W2 * neuron(norm(W1 * q[t]))))                  9 bands wide, stride 2
    z[t] = neuron(norm(A y[t]) + V z[t-1])                             the twin has a GRU and no norm here
    r[t] = a r[t-1] + (1 - a) ( R z[t] + S q[t] + b )

The readout and the skip S are those of `mask_net`. Neurons along the bands are quick, those that hear one another slow.
"""

from torch import Tensor, nn
from torch.nn import functional

from snn2hw.models.mask import MaskLayout
from snn2hw.train.denoising.band_map import BandMap, band_conv
from snn2hw.train.denoising.crced import MEMBRANE_KEPT, SYNAPSE_KEPT, band_norm, fired_along
from snn2hw.train.denoising.mask_net import DRIVE, leaky
from snn2hw.train.recurrent_scan import Recurrent
from snn2hw.train.stream_cell import lif_cell

__all__ = ["CrnnNet"]

CHANNELS, WIDE, STRIDE, HIDDEN = 16, 9, 2, 160


class CrnnNet(nn.Module):
    """Called on scaled messages (b, T, 2 bands + 1) it returns the readout (b, T, bands), not yet clipped."""

    def __init__(self, layout: MaskLayout, bands: int, spiking: bool) -> None:
        super().__init__()
        self.answer_kept, self.spiking = layout.answer_kept, spiking
        self.first = BandMap(bands, CHANNELS, 1, WIDE, STRIDE)
        self.maps = nn.ModuleList([band_conv(CHANNELS, CHANNELS, WIDE, STRIDE)])
        self.norms = nn.ModuleList(band_norm(CHANNELS, spiking) for _ in range(2))
        self.cells = nn.ModuleList(lif_cell(SYNAPSE_KEPT, MEMBRANE_KEPT) for _ in self.norms if spiking)
        wide = CHANNELS * (((bands - 1) // STRIDE) // STRIDE + 1)
        kept = (layout.synapse_kept, layout.membrane_kept)
        if spiking:
            self.drive, self.norm = nn.Linear(wide, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN)
            nn.init.constant_(self.norm.weight, DRIVE / (1 - layout.membrane_kept))
            self.recurrent: nn.Module = Recurrent(HIDDEN)
            self.cells.append(lif_cell(*kept))
        else:
            self.recurrent = nn.GRU(wide, HIDDEN)
        self.readout = nn.Linear(HIDDEN, bands)
        self.skip = nn.Linear(2 * bands + 1, bands, bias=False)
        nn.init.ones_(self.readout.bias)
        nn.init.zeros_(self.skip.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Run all steps, layer by layer."""
        y, steps = self.first(x), x.shape[1]
        for i, norm in enumerate(self.norms):
            y = norm(y if i == 0 else self.maps[i - 1](y))
            y = fired_along(y, self.cells[i], steps) if self.spiking else functional.relu(y)
        y = y.flatten(1)
        if self.spiking:
            z = self.recurrent(self.norm(self.drive(y)).view(steps, -1, HIDDEN), self.cells[-1])
        else:
            z = self.recurrent(y.view(steps, len(x), -1))[0]
        return leaky(self.readout(z.transpose(0, 1)) + self.skip(x), self.answer_kept)
