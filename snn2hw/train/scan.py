"""Norse's neurons over all time steps at once: the spikes Norse computes, and a surrogate gradient.

Forward, operation by operation as in Norse, so that the spikes are equal bit for bit:

    LIFCell     j = i + x;  v' = v + a_v ((v_leak - v) + j);  i = j + (-a_u j)
    LIFBoxCell              v' = v + a_v (x + v_leak - v)
    both        z = v' - v_th > 0;  v = v_reset where z

Backward: dz/dv' = 1 / (1 + SHARPNESS |v' - v_th|)^2 (Zenke & Ganguli 2018); the reset is not differentiated. One
function for all steps spares autograd a dozen small operations a step.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sim.errors import UnsupportedError

__all__ = ["SHARPNESS", "Constants", "constants_of", "spikes_in_time"]

SHARPNESS = 2.0


@dataclass(frozen=True)
class Constants:
    """One layer's numbers: a_v = dt / tau_mem, a_u = dt / tau_syn (None: no synaptic current), and its potentials."""

    membrane: float
    synapse: float | None
    leak: float
    threshold: float
    reset: float


def constants_of(cell: Any) -> Constants:
    """Read the constants of a Norse ``LIFCell`` or ``LIFBoxCell`` as torch computes them, in float32."""
    p = cell.p
    numbers = (cell.dt * p.tau_mem_inv, p.v_leak, p.v_th, p.v_reset)
    if any(torch.as_tensor(number).numel() != 1 for number in numbers):
        raise UnsupportedError("neurons with a parameter of their own each", "train with one value per layer")
    membrane, leak, threshold, reset = (float(number) for number in numbers)
    synapse = float(cell.dt * p.tau_syn_inv) if hasattr(p, "tau_syn_inv") else None
    return Constants(membrane, synapse, leak, threshold, reset)


def spikes_in_time(x: Tensor, constants: Constants, steps: int) -> Tensor:
    """Return the spikes (T, b, ...) for input (T, b, ...), or for (1, b, ...) that stays the same at every step."""
    result: Tensor = _Scan.apply(x, constants, steps)  # type: ignore[no-untyped-call]
    return result


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Constants, steps: int) -> Tensor:
        v = torch.full_like(x[0], k.leak)
        current = torch.zeros_like(x[0]) if k.synapse is not None else None
        before_reset = x.new_empty((steps, *x.shape[1:]))
        for t in range(steps):
            drive = x[0] if len(x) == 1 else x[t]
            if current is None or k.synapse is None:
                v = torch.add(v, k.membrane * (drive + k.leak - v), out=before_reset[t])
            else:
                jump = current + drive
                v = torch.add(v, k.membrane * ((k.leak - v) + jump), out=before_reset[t])
                current = jump + (-k.synapse) * jump
            v = v.masked_fill(v - k.threshold > 0, k.reset)
        ctx.save_for_backward(before_reset)
        ctx.constants, ctx.constant_input = k, len(x) == 1
        return (before_reset - k.threshold > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (before_reset,), k = ctx.saved_tensors, ctx.constants
        above = before_reset - k.threshold
        stayed = above <= 0
        local = grads[0] / above.abs_().mul_(SHARPNESS).add_(1).square_()
        grad_v = torch.zeros_like(local[0])
        grad_current = torch.zeros_like(local[0])
        total = torch.zeros_like(local[0])
        for t in range(len(local) - 1, -1, -1):
            grad_before = grad_v.mul_(stayed[t]).add_(local[t])
            grad_drive = k.membrane * grad_before
            if k.synapse is not None:
                grad_current = grad_drive.add_(grad_current, alpha=1 - k.synapse)
            local[t] = grad_drive
            if ctx.constant_input:
                total += grad_drive
            grad_v = grad_before.mul_(1 - k.membrane)
        return (total[None] if ctx.constant_input else local), None, None
