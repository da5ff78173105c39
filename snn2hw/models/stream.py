"""A streaming network: every frame of a sound is one step, and the past is reached through delays.

Three convolutions over the bands (stride 2), each fed by ``taps`` connections of lag 0, d, 2 d, then a dense layer fed
the same way, then a readout that answers at every step:

    I[t] = norm( sum_k W_k x[t - k d] )       u[t] = s u[t-1] + I[t]      v[t] = m v[t-1] + (1 - m) u[t]
    z[t] = v[t] > 1, then v = 0               answer[t] = R z[t]

The neurons are Norse's ``LIFCell``. The ANN twin has ReLU for the neurons and is the same in everything else.
"""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import InputError

if TYPE_CHECKING:
    import nir
    from torch import Tensor, nn

    from snn2hw.sources import Source

__all__ = ["STREAMS", "StreamLayout", "band_counts", "stream_net", "stream_source"]

DT_S = 1e-3
KERNEL = 5
DRIVE = 0.4
"""Standard deviation of a neuron's input at the start of training, in thresholds of the potential's sum."""


@dataclass(frozen=True)
class StreamLayout:
    """Sizes and times of a streaming network; ``spread`` is the distance of the lags in each hidden layer."""

    channels: tuple[int, ...] = (12, 24, 48)
    hidden: int = 96
    taps: int = 3
    spread: tuple[int, ...] = (1, 2, 4, 4)
    synapse_kept: float = 0.5
    membrane_kept: float = 0.8
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if not self.channels or min(*self.channels, self.hidden, self.taps, *self.spread) < 1:
            what = f"channels {self.channels}, hidden {self.hidden}, taps {self.taps}, spread {self.spread}"
            raise InputError(what, "each counts from 1")
        if len(self.spread) != len(self.channels) + 1:
            what = f"{len(self.spread)} spreads for {len(self.channels)} convolutions and a dense layer"
            raise InputError(what, "give one per layer")
        if not 0 <= self.synapse_kept < 1 or not 0 <= self.membrane_kept < 1 or not 0 <= self.dropout < 1:
            what = f"kept {self.synapse_kept} and {self.membrane_kept}, dropout {self.dropout}"
            raise InputError(what, "use shares from 0 to below 1")

    @property
    def reach(self) -> int:
        """Return how many steps back the answer hears, through delays alone."""
        return (self.taps - 1) * sum(self.spread)


STREAMS = {
    "small": StreamLayout(channels=(8, 16, 32), hidden=64),
    "medium": StreamLayout(),
    "medium-slow": StreamLayout(membrane_kept=0.9),
}
"""Sizes by name."""


def band_counts(layout: StreamLayout, bands: int) -> tuple[int, ...]:
    """Return the bands at the input and behind every convolution.

    >>> band_counts(StreamLayout(), 40)
    (40, 20, 10, 5)
    """
    counts = [bands]
    for _ in layout.channels:
        counts.append((counts[-1] - 1) // 2 + 1)
    return tuple(counts)


def stream_net(layout: StreamLayout, bands: int, classes: int, *, spiking: bool = True) -> "nn.Module":
    """Return an untrained network, or its ANN twin; called on (b, T, bands) it returns answers (b, T, classes)."""
    from torch import nn
    from torch.nn import functional

    class Stream(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            before, counts = 1, band_counts(layout, bands)
            self.maps, self.norms = nn.ModuleList(), nn.ModuleList()
            for out, gap in zip(layout.channels, layout.spread, strict=False):
                kernel = (layout.taps, KERNEL)
                self.maps.append(nn.Conv2d(before, out, kernel, (1, 2), (0, 2), (gap, 1), bias=False))
                before = out
            wide = (layout.taps, counts[-1])
            self.maps.append(nn.Conv2d(before, layout.hidden, wide, dilation=(layout.spread[-1], 1), bias=False))
            for size in (*layout.channels, layout.hidden):
                norm = nn.BatchNorm2d(size)
                nn.init.constant_(norm.weight, DRIVE / (1 - layout.membrane_kept) if spiking else DRIVE)
                self.norms.append(norm)
            self.cells = nn.ModuleList(_cell(layout) for _ in self.maps) if spiking else nn.ModuleList()
            self.readout = nn.Linear(layout.hidden, classes, bias=False)
            self.rates: list[Tensor] = []

        def forward(self, x: "Tensor") -> "Tensor":
            y, self.rates = x[:, None], []  # b c t f
            for i, (linear, norm) in enumerate(zip(self.maps, self.norms, strict=True)):
                y = functional.pad(y, (0, 0, (layout.taps - 1) * layout.spread[i], 0))
                y = norm(linear(y))
                y = self._fired(i, y) if spiking else functional.relu(y)
                self.rates.append(y.detach().mean())
                if i >= len(self.maps) - 2:
                    y = functional.dropout(y, layout.dropout, self.training)
            answers: Tensor = self.readout(y[..., 0].transpose(1, 2))
            return answers

        def _fired(self, i: int, y: "Tensor") -> "Tensor":
            from snn2hw.train.norse_scan import constants_of, spikes_in_time

            drive = y.permute(2, 0, 1, 3).contiguous()
            spikes = spikes_in_time(drive, constants_of(self.cells[i]), len(drive))
            return spikes.permute(1, 2, 0, 3)

    return Stream()


def _cell(layout: StreamLayout) -> "nn.Module":
    import torch
    from norse.torch import LIFCell, LIFParameters

    rates = [torch.tensor((1 - kept) / DT_S) for kept in (layout.synapse_kept, layout.membrane_kept)]
    cell: nn.Module = LIFCell(LIFParameters(tau_syn_inv=rates[0], tau_mem_inv=rates[1]), dt=DT_S)
    return cell


def stream_source(model: Any, layout: StreamLayout, bands: int, step: float, origin: str) -> "Source":
    """Return the trained network as a Source: normalisation folded, every tap a map behind a delay of its own.

    Args:
        model: a spiking `stream_net`.
        layout: its sizes.
        bands: at its input, (1, 1, bands) a step.
        step: what one unit of a message stands for in training.
        origin: where it comes from, for messages.
    """
    import nir
    import numpy as np

    from snn2hw.sources.graph import assemble
    from snn2hw.sources.source import Source

    counts = band_counts(layout, bands)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array((1, 1, bands))})}
    edges: list[tuple[str, str]] = []
    previous = "input"
    for i, (linear, norm) in enumerate(zip(model.maps, model.norms, strict=True)):
        last = i == len(model.maps) - 1
        name = "hidden" if last else f"conv{i + 1}"
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = (norm.bias - norm.running_mean * scale).detach().double().numpy()
        weight = (linear.weight * scale.view(-1, 1, 1, 1)).detach().double().numpy() * (step if i == 0 else 1.0)
        nodes[name] = _neurons(layout, (layout.hidden,) if last else (layout.channels[i], 1, counts[i + 1]))
        for tap in range(layout.taps):  # tap k of the kernel hears (taps - 1 - k) spreads ago
            lag = (layout.taps - 1 - tap) * layout.spread[i]
            here = bias if lag == 0 else np.zeros_like(bias)
            nodes[f"{name}_lag{lag}"] = _tap(weight[:, :, tap], here, last, counts[i])
            way = [previous, *([f"{name}_wait{lag}"] if lag else []), *([f"{name}_flat{lag}"] if last else [])]
            if lag:
                shape = (1, 1, bands) if i == 0 else (layout.channels[i - 1], 1, counts[i])
                nodes[f"{name}_wait{lag}"] = nir.Delay(np.full(shape, lag * DT_S))
            if last:
                nodes[f"{name}_flat{lag}"] = nir.Flatten(
                    {"input": np.array((layout.channels[-1], 1, counts[i]))}, 0, -1
                )
            way += [f"{name}_lag{lag}", name]
            edges += list(itertools.pairwise(way))
        previous = name
    nodes["readout_weight"] = nir.Linear(model.readout.weight.detach().double().numpy())
    classes = len(nodes["readout_weight"].weight)
    ones = np.ones(classes)
    nodes["readout"] = nir.LI(tau=ones * DT_S, r=ones, v_leak=ones * 0)
    nodes["output"] = nir.Output({"output": np.array((classes,))})
    edges += [(previous, "readout_weight"), ("readout_weight", "readout"), ("readout", "output")]
    return Source(assemble(nodes, edges, origin), DT_S, "euler", "value", origin)


def _tap(weight: Any, bias: Any, dense: bool, wide: int) -> "nir.NIRNode":
    """Return the map of one tap: a convolution of height 1, or all to all; ``weight`` is (out, in, width)."""
    import nir

    if dense:
        return nir.Affine(weight.reshape(len(weight), -1), bias)
    return nir.Conv2d((1, wide), weight[:, :, None], (1, 2), (0, KERNEL // 2), (1, 1), 1, bias)


def _neurons(layout: StreamLayout, shape: tuple[int, ...]) -> "nir.NIRNode":
    """Return Norse's cells: dt / tau is the share that is lost in a step, and the current is read before it decays."""
    import nir
    import numpy as np

    ones = np.ones(shape)
    lost_u, lost_v = 1 - layout.synapse_kept, 1 - layout.membrane_kept
    return nir.CubaLIF(
        tau_syn=ones * DT_S / lost_u,
        tau_mem=ones * DT_S / lost_v,
        r=ones,
        v_leak=ones * 0,
        v_threshold=ones,
        w_in=ones / lost_u,
        v_reset=ones * 0,
    )
