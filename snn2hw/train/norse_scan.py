"""Norse's neurons over all time steps at once: the spikes Norse computes, and a surrogate gradient.

Forward, operation by operation as in Norse, so that the spikes are equal bit for bit:

    LIFCell     j = i + x;  v' = v + a_v ((v_leak - v) + j);  i = j + (-a_u j)
    LIFBoxCell              v' = v + a_v (x + v_leak - v)
    both        z = v' - v_th > 0;  v = v_reset where z

Backward: dz/dv' = 1 / (1 + SHARPNESS |v' - v_th|)^2 (Zenke & Ganguli 2018); the reset is not differentiated. On the CPU
compiled kernels make one pass over memory; elsewhere the same is done with a few torch operations a step. a_v, a_u and
v_th have a gradient where they are learnt, with h = v before the step, after its reset (`ConstantsGradient`):

    dL/da_v = sum dL/dv' ((v_leak - h) + j)      dL/da_u = - sum dL/di j      dL/dv_th = - sum dL/dz dz/dv'

A gradient comes back in the memory order of its input. In another order, torch's batch normalisation misreads a batch
of one whose last side is 1, where that order is no longer told by the strides.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.errors import UnsupportedError
from snn2hw.train.surrogate import SHARPNESS

__all__ = ["Constants", "ConstantsGradient", "constants_of", "spikes_in_time"]


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


def spikes_in_time(
    x: Tensor, constants: Constants, steps: int, *, compiled: bool | None = None, learnt: Tensor | None = None
) -> Tensor:
    """Return the spikes (T, b, ...) for input (T, b, ...), or for (1, b, ...) that stays the same at every step.

    ``learnt`` are a_v, a_u and v_th of the constants once more, (3,), where they are to have a gradient.
    """
    use = x.device.type == "cpu" and x.dtype == torch.float32 if compiled is None else compiled
    scan = _Compiled if use else _Stepwise
    result: Tensor = scan.apply(x, constants, steps, learnt)  # type: ignore[no-untyped-call]  # torch's own is untyped
    return result


class ConstantsGradient:
    """The gradient of a_v, a_u and v_th, added up while a scan goes back through its steps.

    It is made of v' of every step and the constants of the scan.
    """

    def __init__(self, before_reset: Tensor, k: Constants) -> None:
        self.before, self.k = before_reset, k
        self.membrane = self.synapse = self.threshold = before_reset.new_zeros((), dtype=torch.float64)

    def add(self, t: int, fired: Tensor, grad_before: Tensor, grad_current: Tensor) -> None:
        """Add one step: the gradient of v' by its spike alone, the whole one, and that of the current it leaves."""
        k, held = self.k, torch.full_like(self.before[0], self.k.leak)
        if t:
            earlier = self.before[t - 1]
            held = torch.where(earlier - k.threshold > 0, k.reset, earlier)
        moved = (self.before[t] - held) / k.membrane
        self.membrane = self.membrane + (grad_before * moved).sum(dtype=torch.float64)
        if k.synapse is not None:
            self.synapse = self.synapse - ((moved - (k.leak - held)) * grad_current).sum(dtype=torch.float64)
        self.threshold = self.threshold - fired.sum(dtype=torch.float64)

    def of(self, learnt: Tensor) -> Tensor:
        """Return the gradient of ``learnt``; where there is no current, that of a_u is 0."""
        return torch.stack([self.membrane, self.synapse, self.threshold]).to(learnt)


class _Stepwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Constants, steps: int, learnt: Tensor | None) -> Tensor:
        v = torch.full_like(x[0], k.leak)
        current = torch.zeros_like(x[0])
        before_reset = x.new_empty((steps, *x.shape[1:]))
        for t in range(steps):
            drive = x[0] if len(x) == 1 else x[t]
            if k.synapse is None:
                v = torch.add(v, k.membrane * (drive + k.leak - v), out=before_reset[t])
            else:
                jump = current + drive
                v = torch.add(v, k.membrane * ((k.leak - v) + jump), out=before_reset[t])
                current = jump + (-k.synapse) * jump
            v = v.masked_fill(v - k.threshold > 0, k.reset)
        ctx.save_for_backward(before_reset, learnt)
        ctx.constants, ctx.constant_input, ctx.order = k, len(x) == 1, _order_of(x)
        return (before_reset - k.threshold > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, Tensor | None]:
        (before_reset, learnt), k = ctx.saved_tensors, ctx.constants
        above = before_reset - k.threshold
        stayed = above <= 0
        local = grads[0] / (1 + SHARPNESS * above.abs()).square()
        grad_v, grad_current = torch.zeros_like(local[0]), torch.zeros_like(local[0])
        stay_current = 0.0 if k.synapse is None else 1 - k.synapse
        constants = ConstantsGradient(before_reset, k) if ctx.needs_input_grad[3] else None
        for t in range(len(local) - 1, -1, -1):
            grad_before = local[t] + grad_v * stayed[t]
            if constants is not None:
                constants.add(t, local[t], grad_before, grad_current)
            grad_current = k.membrane * grad_before + stay_current * grad_current
            local[t] = grad_current
            grad_v = (1 - k.membrane) * grad_before
        grad = _in_order_of(ctx, local.sum(0, keepdim=True) if ctx.constant_input else local)
        return grad, None, None, None if constants is None else constants.of(learnt)


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Constants, steps: int, learnt: Tensor | None) -> Tensor:
        from snn2hw.train.norse_scan_kernels import forward

        ctx.order = _order_of(x)
        x = _ordered(x)
        spikes = torch.empty_strided((steps, *x.shape[1:]), x.stride())
        before_reset = torch.empty_like(spikes)
        rates = (np.float32(k.membrane), np.float32(-(k.synapse or 0.0)))
        levels = (np.float32(k.leak), np.float32(k.threshold), np.float32(k.reset))
        forward(_rows(x), _rows(before_reset), _rows(spikes), rates, levels, k.synapse is not None)
        ctx.save_for_backward(before_reset, learnt)
        ctx.constants, ctx.constant_input = k, len(x) == 1
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, Tensor | None]:
        from snn2hw.train.norse_scan_kernels import backward, backward_to_constants

        (before_reset, learnt), k = ctx.saved_tensors, ctx.constants
        grad = (
            grads[0] if grads[0].stride() == before_reset.stride() else torch.empty_like(before_reset).copy_(grads[0])
        )
        shape = (1, *grad.shape[1:]) if ctx.constant_input else grad.shape
        total = torch.empty_strided(shape, grad.stride()).zero_()
        stay_current = 0.0 if k.synapse is None else 1 - k.synapse
        rates = (np.float32(k.membrane), np.float32(1 - k.membrane), np.float32(stay_current))
        rows, sharp = (_rows(grad), _rows(before_reset), _rows(total)), np.float32(SHARPNESS)
        if not ctx.needs_input_grad[3]:
            backward(*rows, rates, np.float32(k.threshold), sharp)
            return _in_order_of(ctx, total), None, None, None
        levels, constants = (np.float32(k.leak), np.float32(k.threshold), np.float32(k.reset)), np.zeros(3)
        backward_to_constants(*rows, constants, rates, levels, sharp)
        constants[1] *= k.synapse is not None
        return _in_order_of(ctx, total), None, None, torch.from_numpy(constants).to(learnt)


def _order_of(x: Tensor) -> tuple[int, ...]:
    """Return the axes of ``x`` from the one that lies farthest apart in memory to the nearest."""
    strides = x.stride()
    return tuple(sorted(range(x.dim()), key=lambda axis: (-strides[axis], axis)))


def _in_order_of(ctx: Any, grad: Tensor) -> Tensor:
    """Return a gradient with its axes in memory as those of the input."""
    back = sorted(range(grad.dim()), key=ctx.order.__getitem__)
    return grad.permute(ctx.order).contiguous().permute(back)


def _ordered(x: Tensor) -> Tensor:
    """Return ``x`` with every step dense and all steps in one memory order, copied if it is not."""
    dense = sorted(zip(x.stride()[1:], x.shape[1:], strict=True))
    expected = 1
    for stride, size in dense:
        if size != 1 and stride != expected:
            return x.clone(memory_format=torch.contiguous_format)
        expected *= size
    return x if x.stride(0) == expected else x.clone(memory_format=torch.contiguous_format)


def _rows(x: Tensor) -> NDArray[np.float32]:
    """Return the memory of (T, ...) as an array (T, n)."""
    n = x[0].numel()
    rows: NDArray[np.float32] = x.detach().as_strided((len(x), n), (n, 1)).numpy()
    return rows
