"""A leaky neuron whose decay or threshold is learnt, and Norse's cell that it becomes.

v' = v + a (x - v)      z = v' > b, then v = 0      a = sigmoid(p), b = exp(q); p and q are learnt, one for the layer

Backward it is Norse's own surrogate: 1 / (1 + |v' - b|)^2 in Norse 1.1.0, which takes no notice of a sharpness.
"""

from typing import Any

import torch
from norse.torch import LIFBoxCell, LIFBoxParameters
from norse.torch.functional.threshold import threshold
from torch import Tensor, nn

from snn2hw.models.stream import DT_S
from snn2hw.train.surrogate import SHARPNESS

__all__ = ["LearntLeak", "leaky_cell"]


def leaky_cell(decay: float, dt_s: float, fires_above: float = 1.0) -> nn.Module:
    """Return Norse's cell that loses this share of its potential in a step."""
    lost, limit = torch.tensor(decay / dt_s), torch.tensor(fires_above)
    cell: nn.Module = LIFBoxCell(LIFBoxParameters(tau_mem_inv=lost, v_th=limit), dt=dt_s)
    return cell


class LearntLeak(nn.Module):
    """Called on an input and a potential (None: 0) it returns spikes and the potential, as Norse's cells do.

    What is not learnt is no parameter and is not stored: a decay as given, a threshold of 1.
    """

    def __init__(self, decay: float, *, decay_learnt: bool = True, threshold_learnt: bool = False) -> None:
        super().__init__()
        at = torch.tensor(min(max(decay, 1e-3), 1 - 1e-3))
        pressed = torch.log(at / (1 - at))
        self.pressed: Tensor
        if decay_learnt:
            self.pressed = nn.Parameter(pressed)
        else:
            self.register_buffer("pressed", pressed, persistent=False)
        self.raised = nn.Parameter(torch.tensor(0.0)) if threshold_learnt else None

    @property
    def decay(self) -> float:
        """Return the share that is lost in a step."""
        return float(torch.sigmoid(self.pressed.detach()))

    @property
    def threshold(self) -> float:
        """Return the potential that it fires above."""
        return 1.0 if self.raised is None else float(torch.exp(self.raised.detach()))

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        """Take one step; Norse's sequences look for an argument of this name."""
        held = torch.zeros_like(x) if state is None else state
        moved = held + torch.sigmoid(self.pressed) * (x - held)
        over = moved - (1.0 if self.raised is None else torch.exp(self.raised))
        z: Tensor = threshold(over, "super", torch.as_tensor(SHARPNESS))
        return z, (1 - z.detach()) * moved

    def settled(self) -> nn.Module:
        """Return Norse's cell with decay and threshold as they are."""
        return leaky_cell(self.decay, DT_S, self.threshold)
