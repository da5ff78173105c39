"""The neurons of a stream: Norse's cell as it is given, and one that learns what it keeps, or its threshold.

    a_v = sigmoid(p_v)      a_u = sigmoid(p_u)      b = exp(q)      p and q are learnt, one for the layer

a_v and a_u are the shares of the potential and of the current that are lost in a step. A layer spikes as Norse's cell
with these numbers does, bit for bit, and that cell is what becomes a Source.
"""

from dataclasses import dataclass

import torch
from norse.torch import LIFCell, LIFParameters
from torch import Tensor, nn

from snn2hw.models.stream import DT_S
from snn2hw.train.norse_scan import Constants, constants_of

__all__ = ["CellNumbers", "LearntCell", "lif_cell", "told"]

LEAST = 1e-3
"""The least and, from 1, the greatest share that a cell which learns may lose at first."""


@dataclass(frozen=True)
class CellNumbers:
    """What a layer's neurons keep of their current and of their potential in a step, and what they fire above."""

    synapse_kept: float
    membrane_kept: float
    threshold: float = 1.0


def lif_cell(synapse_kept: float, membrane_kept: float, threshold: float = 1.0) -> nn.Module:
    """Return Norse's cell that keeps these shares of its current and its potential in a step."""
    rates = [torch.tensor((1 - kept) / DT_S) for kept in (synapse_kept, membrane_kept)]
    numbers = LIFParameters(tau_syn_inv=rates[0], tau_mem_inv=rates[1], v_th=torch.tensor(threshold))
    cell: nn.Module = LIFCell(numbers, dt=DT_S)
    return cell


class LearntCell(nn.Module):
    """The numbers of a layer, of which some are learnt; what is not learnt is as given, and is not stored."""

    def __init__(
        self, synapse_kept: float, membrane_kept: float, *, decay_learnt: bool = False, threshold_learnt: bool = False
    ) -> None:
        super().__init__()
        self.given = CellNumbers(synapse_kept, membrane_kept)
        lost = torch.tensor([1 - membrane_kept, 1 - synapse_kept]).clamp(LEAST, 1 - LEAST)
        self.pressed = nn.Parameter(torch.logit(lost)) if decay_learnt else None
        self.raised = nn.Parameter(torch.tensor(0.0)) if threshold_learnt else None

    @property
    def learnt(self) -> Tensor:
        """Return a_v, a_u and the threshold, (3,), for the gradient."""
        lost = torch.tensor([1 - self.given.membrane_kept, 1 - self.given.synapse_kept])
        if self.pressed is not None:
            lost = torch.sigmoid(self.pressed)
        limit = torch.tensor(self.given.threshold) if self.raised is None else torch.exp(self.raised)
        return torch.cat([lost, limit.view(1)])

    @property
    def numbers(self) -> CellNumbers:
        """Return the numbers as they are."""
        lost_v, lost_u, threshold = self.learnt.detach().tolist()
        if self.pressed is None:
            return CellNumbers(self.given.synapse_kept, self.given.membrane_kept, threshold)
        return CellNumbers(1 - lost_u, 1 - lost_v, threshold)

    def settled(self) -> nn.Module:
        """Return Norse's cell with the numbers as they are."""
        now = self.numbers
        return lif_cell(now.synapse_kept, now.membrane_kept, now.threshold)


def told(cell: nn.Module) -> tuple[Constants, Tensor | None]:
    """Return what a scan computes a layer with, and the same numbers as a tensor where they are learnt."""
    if isinstance(cell, LearntCell):
        return constants_of(cell.settled()), cell.learnt
    return constants_of(cell), None
