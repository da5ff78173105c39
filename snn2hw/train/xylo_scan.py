"""A Xylo chip's neurons over all time steps at once, without rounding: its order of events, and a surrogate gradient.

    i = (1 - s) (i + x);   v = (1 - m) v + i;   z = min(most, floor(v)) where v >= 1;   v = v - z

Backward: dz/dv = 1 / (1 + SHARPNESS d)^2, d the distance of v from the nearest threshold 1, 2, ..., most; the reset is
not differentiated. s and m learn too, one of each per neuron.
"""

from typing import Any

import torch
from torch import Tensor

from snn2hw.train.surrogate import SHARPNESS

__all__ = ["xylo_spikes"]


def xylo_spikes(x: Tensor, share_syn: Tensor, share_mem: Tensor, most: int) -> Tensor:
    """Return the spikes (T, b, n) for input (T, b, n); the shares that a neuron's states lose in a step are (n,)."""
    result: Tensor = _ChipScan.apply(x, share_syn, share_mem, most)  # type: ignore[no-untyped-call]  # torch's own is untyped
    return result


class _ChipScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share_syn: Tensor, share_mem: Tensor, most: int) -> Tensor:
        heard, before, after, z = (torch.empty_like(x) for _ in range(4))  # i + x, v before and after a reset
        i, v = torch.zeros_like(x[0]), torch.zeros_like(x[0])
        keep_i, keep_v = 1 - share_syn, 1 - share_mem
        for t in range(len(x)):
            torch.add(i, x[t], out=heard[t])
            i = keep_i * heard[t]
            torch.add(keep_v * v, i, out=before[t])
            torch.clamp(torch.floor(before[t]), 0, most, out=z[t])
            v = torch.sub(before[t], z[t], out=after[t])
        ctx.save_for_backward(heard, before, after, keep_i, keep_v)
        ctx.most = most
        return z

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        heard, before, after, keep_i, keep_v = ctx.saved_tensors
        near = torch.clamp(torch.round(before), 1, ctx.most)
        local = grads[0] / (1 + SHARPNESS * (before - near).abs()).square()
        grad_i, grad_v = torch.zeros_like(local), local
        for t in range(len(local) - 1, -1, -1):
            if t + 1 < len(local):
                grad_v[t] += keep_v * grad_v[t + 1]
                grad_i[t] = keep_i * grad_i[t + 1]
            grad_i[t] += grad_v[t]
        lost_i, lost_v = -(grad_i * heard).sum((0, 1)), -(grad_v[1:] * after[:-1]).sum((0, 1))
        return keep_i * grad_i, lost_i, lost_v, None
