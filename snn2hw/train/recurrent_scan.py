"""Neurons that hear one another: all steps of Norse's ``LIFRecurrentCell``, operation by operation.

    j = i + x + V z;  v' = v + a_v ((v_leak - v) + j);  i = j + (-a_u j);  z = v' - v_th > 0;  v = v_reset where z

Backward as in `snn2hw.train.norse_scan`: the surrogate's slope, the reset not differentiated.

``x`` is (T, b, n), ``V`` is (n, n). ReLUs hear one another the same way: y[t] = relu(x[t] + V y[t-1]).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sim.errors import UnsupportedError
from snn2hw.train.norse_scan import Constants, ConstantsGradient
from snn2hw.train.stream_cell import told
from snn2hw.train.surrogate import SHARPNESS

__all__ = ["Recurrent", "recurrent_spikes"]

SPREAD = 0.5
"""Standard deviation of the weights back at the start of training, times the root of how many a neuron has."""


class Recurrent(nn.Module):
    """What so many neurons hear of one another, called on drives (T, b, n) and their Norse cell; ReLUs have none."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.back = nn.Linear(size, size, bias=False)
        nn.init.normal_(self.back.weight, std=SPREAD / size**0.5)

    def forward(self, drive: Tensor, cell: nn.Module | None) -> Tensor:
        """Return the spikes of all steps, or what the ReLUs say."""
        if cell is not None:
            return recurrent_spikes(drive, self.back.weight, *told(cell))
        y, said = torch.zeros_like(drive[0]), []
        for x in drive:
            y = functional.relu(x + self.back(y))
            said.append(y)
        return torch.stack(said)


def recurrent_spikes(x: Tensor, back: Tensor, constants: Constants, learnt: Tensor | None = None) -> Tensor:
    """Return the spikes (T, b, n) of neurons that hear ``x`` (T, b, n), and one another's by ``back`` (n, n).

    ``learnt`` are a_v, a_u and v_th of the constants once more, (3,), where they are to have a gradient.
    """
    if constants.synapse is None:
        raise UnsupportedError("neurons without a current that hear one another", "train with LIFCell")
    result: Tensor = _Among.apply(x, back, constants, learnt)  # type: ignore[no-untyped-call]  # torch's own is untyped
    return result


class _Among(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, back: Tensor, k: Constants, learnt: Tensor | None) -> Tensor:
        assert k.synapse is not None
        v, current, z = torch.full_like(x[0], k.leak), torch.zeros_like(x[0]), torch.zeros_like(x[0])
        before_reset, spikes = torch.empty_like(x), torch.empty_like(x)
        for t in range(len(x)):
            jump = current + x[t] + functional.linear(z, back)
            v = torch.add(v, k.membrane * ((k.leak - v) + jump), out=before_reset[t])
            current = jump + (-k.synapse) * jump
            z = spikes[t].copy_(v - k.threshold > 0)
            v = v.masked_fill(z > 0, k.reset)
        ctx.save_for_backward(before_reset, spikes, back, learnt)
        ctx.constants = k
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, Tensor | None]:
        (before_reset, spikes, back, learnt), k = ctx.saved_tensors, ctx.constants
        above = before_reset - k.threshold
        stayed, slope = above <= 0, 1 / (1 + SHARPNESS * above.abs()).square()
        grad_x, constants = torch.empty_like(before_reset), None
        if ctx.needs_input_grad[3]:
            constants = ConstantsGradient(before_reset, k)
        grad_v, grad_current, heard = (torch.zeros_like(grad_x[0]) for _ in range(3))
        for t in range(len(grad_x) - 1, -1, -1):
            fired = (grads[0][t] + heard) * slope[t]
            grad_before = fired + grad_v * stayed[t]
            if constants is not None:
                constants.add(t, fired, grad_before, grad_current)
            grad_current = k.membrane * grad_before + (1 - k.synapse) * grad_current
            grad_x[t] = grad_current
            grad_v = (1 - k.membrane) * grad_before
            heard = grad_current @ back
        earlier = spikes[:-1].flatten(0, 1)
        grad_back = grad_x[1:].flatten(0, 1).T @ earlier
        return grad_x, grad_back, None, None if constants is None else constants.of(learnt)
