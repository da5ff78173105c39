"""The ReLU twin of a spiking network: the same convolutions and widths, the same image, one pass instead of T steps."""

from typing import TYPE_CHECKING

from snn2hw.models.layout import Layout, flat_size

if TYPE_CHECKING:
    import torch

__all__ = ["cnn"]


def cnn(layout: Layout, side: int, classes: int) -> "torch.nn.Module":
    """Return an untrained network for (b, 1, side, side)."""
    from torch import nn

    modules: list[nn.Module] = []
    channels = 1
    for stage in layout.stages:
        modules += [nn.Conv2d(channels, stage.channels, stage.kernel, stage.stride, bias=False)]
        modules += [nn.BatchNorm2d(stage.channels), nn.ReLU()]
        modules += [nn.MaxPool2d(2)] if stage.pool else []
        channels = stage.channels
    modules += [nn.Flatten(), nn.Linear(flat_size(layout, side), layout.hidden, bias=False)]
    modules += [nn.BatchNorm1d(layout.hidden), nn.ReLU(), nn.Dropout(layout.dropout)]
    return nn.Sequential(*modules, nn.Linear(layout.hidden, classes))
