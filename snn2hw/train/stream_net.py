"""A streaming network: every frame of a sound is one step, and the past is reached through delays.

Three convolutions over the bands (stride 2), each fed by ``taps`` connections of lag 0, d, 2 d, then a dense layer fed
the same way, then a readout that answers at every step. With ``delays`` the dense layer hears every channel and band
once, by a lag of its own that learns (`snn2hw.train.lags`):

    I[t] = norm( sum_k W_k x[t - k d] )       u[t] = s u[t-1] + I[t]      v[t] = m v[t-1] + (1 - m) u[t]
    z[t] = v[t] > 1, then v = 0               answer[t] = R z[t]

With ``layout.recurrent`` V z[t-1] is added to the dense layer's I[t]: it hears itself (`snn2hw.train.recurrent_scan`).
The neurons are Norse's ``LIFCell``. What a layer keeps, s and m, and its threshold may be learnt
(`snn2hw.train.stream_cell`). The ANN twin has ReLU for the neurons and is the same in everything else.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from snn2hw.models.stream import KERNEL, StreamLayout, band_counts
from snn2hw.train.lags import LearntLags
from snn2hw.train.norse_scan import spikes_in_time
from snn2hw.train.recurrent_scan import Recurrent
from snn2hw.train.stream_cell import CellNumbers, LearntCell, lif_cell, told

__all__ = ["StreamNet", "stream_net"]

DRIVE = 0.4
"""Standard deviation of a neuron's input at the start of training, in thresholds of the potential's sum."""


class StreamNet(nn.Module):
    """Called on (b, T, bands) it returns answers (b, T, classes)."""

    def __init__(
        self, layout: StreamLayout, bands: int, classes: int, cell: Callable[[], nn.Module] | None, delays: int = 0
    ) -> None:
        super().__init__()
        self.layout, self.spiking = layout, cell is not None
        before, counts = 1, band_counts(layout, bands)
        self.maps, self.norms = nn.ModuleList(), nn.ModuleList()
        for out, gap in zip(layout.channels, layout.spread, strict=False):
            kernel = (layout.taps, KERNEL)
            self.maps.append(nn.Conv2d(before, out, kernel, (1, 2), (0, KERNEL // 2), (gap, 1), bias=False))
            before = out
        self.lags = LearntLags(before * counts[-1], delays) if delays else None
        wide = (1 if delays else layout.taps, counts[-1])
        self.maps.append(nn.Conv2d(before, layout.hidden, wide, dilation=(layout.spread[-1], 1), bias=False))
        for size in (*layout.channels, layout.hidden):
            norm = nn.BatchNorm2d(size)
            nn.init.constant_(norm.weight, DRIVE if cell is None else DRIVE / (1 - layout.membrane_kept))
            self.norms.append(norm)
        self.cells = nn.ModuleList() if cell is None else nn.ModuleList(cell() for _ in self.maps)
        self.readout = nn.Linear(layout.hidden, classes, bias=False)
        self.among = Recurrent(layout.hidden) if layout.recurrent else None

    def forward(self, x: Tensor) -> Tensor:
        """Run all steps, layer by layer."""
        y, layout = x[:, None], self.layout  # b c t f
        for i, (linear, norm) in enumerate(zip(self.maps, self.norms, strict=True)):
            taps = layout.taps
            if self.lags is not None and i == len(self.maps) - 1:
                y, taps = self._delayed(self.lags, y), 1
            y = functional.pad(y, (0, 0, (taps - 1) * layout.spread[i], 0))
            y = self._heard(i, norm(linear(y)))
            if i >= len(self.maps) - 2:
                y = functional.dropout(y, layout.dropout, self.training)
        answers: Tensor = self.readout(y[..., 0].transpose(1, 2))
        return answers

    def with_norms(self) -> list[tuple[nn.Module, nn.Module]]:
        """Return every linear map and the normalisation behind it; behind the weights back and the readout is none."""
        among = [] if self.among is None else [(self.among.back, nn.Identity())]
        return [*zip(self.maps, self.norms, strict=True), *among, (self.readout, nn.Identity())]

    def numbers_of(self, i: int) -> CellNumbers:
        """Return what the neurons of layer ``i`` keep and fire above, as given or as learnt."""
        cell = self.cells[i]
        if isinstance(cell, LearntCell):
            return cell.numbers
        return CellNumbers(self.layout.synapse_kept, self.layout.membrane_kept)

    def _delayed(self, lags: LearntLags, y: Tensor) -> Tensor:
        every: Tensor = lags(y.transpose(2, 3).flatten(1, 2))  # b (c f) t
        return every.view(len(y), y.shape[1], y.shape[3], -1).transpose(2, 3)

    def _heard(self, i: int, y: Tensor) -> Tensor:
        """Return what layer ``i`` says when it hears ``y`` (b, c, T, f)."""
        cell, drive = self.cells[i] if self.spiking else None, y.permute(2, 0, 1, 3)
        if self.among is not None and i == len(self.maps) - 1:
            said: Tensor = self.among(drive[..., 0], cell)
            return said[..., None].permute(1, 2, 0, 3)
        if cell is None:
            return functional.relu(y)
        constants, learnt = told(cell)
        return spikes_in_time(drive, constants, len(drive), learnt=learnt).permute(1, 2, 0, 3)


def stream_net(
    layout: StreamLayout,
    bands: int,
    classes: int,
    *,
    spiking: bool = True,
    delays: int = 0,
    learnt_decay: bool = False,
    learnt_threshold: bool = False,
) -> StreamNet:
    """Return an untrained network, or its ANN twin, which has no decay and no threshold to learn."""
    kept, learns = (layout.synapse_kept, layout.membrane_kept), (learnt_decay, learnt_threshold)

    def cell() -> nn.Module:
        if not any(learns):
            return lif_cell(*kept)
        return LearntCell(*kept, decay_learnt=learnt_decay, threshold_learnt=learnt_threshold)

    return StreamNet(layout, bands, classes, cell if spiking else None, delays)
