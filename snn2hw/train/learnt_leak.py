"""A leaky neuron whose decay is learnt, and Norse's cell that it becomes.

v' = v + a (x - v)      z = v' > 1, then v = 0      a = sigmoid(p), p is learnt, one for the layer
"""

from typing import Any

import torch
from norse.torch import LIFBoxCell, LIFBoxParameters
from norse.torch.functional.threshold import threshold
from torch import Tensor, nn

from snn2hw.models.stream import DT_S
from snn2hw.train.surrogate import SHARPNESS

__all__ = ["LearntLeak", "leaky_cell"]


def leaky_cell(decay: float, dt_s: float) -> nn.Module:
    """Return Norse's cell that loses this share of its potential in a step."""
    cell: nn.Module = LIFBoxCell(LIFBoxParameters(tau_mem_inv=torch.tensor(decay / dt_s)), dt=dt_s)
    return cell


class LearntLeak(nn.Module):
    """Called on an input and a potential (None: 0) it returns spikes and the potential, as Norse's cells do."""

    def __init__(self, decay: float) -> None:
        super().__init__()
        at = torch.tensor(min(max(decay, 1e-3), 1 - 1e-3))
        self.pressed = nn.Parameter(torch.log(at / (1 - at)))

    @property
    def decay(self) -> float:
        """Return the share that is lost in a step."""
        return float(torch.sigmoid(self.pressed.detach()))

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        """Take one step; Norse's sequences look for an argument of this name."""
        held = torch.zeros_like(x) if state is None else state
        moved = held + torch.sigmoid(self.pressed) * (x - held)
        z: Tensor = threshold(moved - 1.0, "super", torch.as_tensor(SHARPNESS))
        return z, (1 - z.detach()) * moved

    def settled(self) -> nn.Module:
        """Return Norse's cell with the decay as it is."""
        return leaky_cell(self.decay, DT_S)
