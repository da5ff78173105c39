"""Spiking networks in Norse, built so that folding their normalisation gives exactly what a chip can hold.

With a synapse of 1 the neurons are ``LIFBoxCell``: a folded bias acts on v at once, as a chip's bias register does.
With a slower synapse they are ``LIFCell``, where a bias would pass the synaptic filter, which no register says; there
the normalisation only scales, and nothing is added.
"""

import math
from typing import TYPE_CHECKING

from snn2hw.models.layout import Layout, flat_size

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["DRIVE", "DT_S", "scnn"]

DT_S = 1e-3
DRIVE = 2.0
"""Standard deviation of a neuron's input at the start of training, in thresholds."""


def scnn(layout: Layout, side: int, classes: int) -> "nn.Module":
    """Return an untrained network for (b, 1, side, side) a step; its state is a list, one entry per module."""
    from norse.torch import SequentialState
    from torch import nn

    modules: list[nn.Module] = []
    channels = 1
    for stage in layout.stages:
        modules += [nn.Conv2d(channels, stage.channels, stage.kernel, stage.stride, bias=False)]
        modules += [_norm(layout, stage.channels, spatial=True), _neurons(layout)]
        modules += [nn.MaxPool2d(2)] if stage.pool else []
        channels = stage.channels
    modules += [nn.Flatten(), nn.Linear(flat_size(layout, side), layout.hidden, bias=False)]
    modules += [_norm(layout, layout.hidden, spatial=False), _neurons(layout)]
    modules += [nn.Dropout(layout.dropout), nn.Linear(layout.hidden, classes, bias=False), _neurons(layout, fire=False)]
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=1 / math.sqrt(module.weight[0].numel()))
    network: nn.Module = SequentialState(*modules)
    return network


def _norm(layout: Layout, channels: int, *, spatial: bool) -> "nn.Module":
    from torch import nn

    from snn2hw.models.scale_norm import ScaleNorm

    norm: ScaleNorm | nn.BatchNorm1d | nn.BatchNorm2d
    if layout.synapse < 1:
        norm = ScaleNorm(channels)
    else:
        norm = nn.BatchNorm2d(channels) if spatial else nn.BatchNorm1d(channels)
    nn.init.constant_(norm.weight, DRIVE * layout.synapse)
    return norm


def _rate(fraction: float) -> "Tensor":
    """Return 1/tau so that dt/tau, as torch computes it in float32, is ``fraction``."""
    import torch

    return torch.tensor(fraction / DT_S)


def _neurons(layout: Layout, *, fire: bool = True) -> "nn.Module":
    """Return cells that spike, or the integrator of a readout; with a synaptic filter where the layout has one."""
    from norse.torch import (
        LIBoxCell,
        LIBoxParameters,
        LICell,
        LIFBoxCell,
        LIFBoxParameters,
        LIFCell,
        LIFParameters,
        LIParameters,
    )

    membrane = {"tau_mem_inv": _rate(layout.membrane)}
    if layout.synapse < 1:
        rates = {**membrane, "tau_syn_inv": _rate(layout.synapse)}
        cell: nn.Module = LIFCell(LIFParameters(**rates), dt=DT_S) if fire else LICell(LIParameters(**rates), dt=DT_S)
    elif fire:
        cell = LIFBoxCell(LIFBoxParameters(**membrane), dt=DT_S)
    else:
        cell = LIBoxCell(LIBoxParameters(**membrane), dt=DT_S)
    return cell
