"""All steps of one population in torch: forward bit for bit the machine, backward as if nothing were rounded.

Forward, on whole numbers held in float64 (every product is below 2^36, so nothing is lost):

    u = decay(u, du + 1) + 64 a;   v = clip(decay(v, dv) + u + bias);   z = v > 64 vth;   v = 0 or v - 64 vth where z

Backward: decays and clips pass the gradient on as if exact, the reset is not differentiated, and

    dz / dv = 1 / theta * 1 / (1 + SHARPNESS |v / theta - 1|)^2,     theta = 64 vth

One function for all steps spares autograd a dozen small operations a step.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sim.arithmetic import DECAY_ONE, V_MAX, VTH_SHIFT
from snn2hw.train.straight import straight
from snn2hw.train.surrogate import SHARPNESS

__all__ = ["FixedRegisters", "advance", "scan"]

UNIT = float(1 << VTH_SHIFT)


@dataclass(frozen=True, eq=False)
class FixedRegisters:
    """What stays as it is while weights are tuned; tensors broadcast to (b, *shape), whole numbers in float64."""

    keep_u: Tensor
    """4096 - (du + 1)."""
    keep_v: Tensor
    """4096 - dv."""
    u0: Tensor
    v0: Tensor
    subtract: bool
    fires: bool


def scan(a: Tensor, theta: Tensor, bias: Tensor, registers: FixedRegisters) -> Tensor:
    """Return the spikes (T, b, *shape) for input sums a, or, of a population that never fires, v.

    ``theta`` is vth << 6, ``bias`` is mantissa << exponent; all three hold whole numbers in float64.
    """
    result: Tensor = _Scan.apply(a, theta, bias, registers)  # type: ignore[no-untyped-call]  # torch's own is untyped
    return result


def _decayed(x: Tensor, keep: Tensor) -> Tensor:
    return torch.trunc(x * (keep / DECAY_ONE))  # a power of two: the product is as exact as x * keep


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, theta: Tensor, bias: Tensor, r: FixedRegisters) -> Tensor:
        forgets = not r.keep_u.any()
        u, v = r.u0.expand_as(a[0]), r.v0.expand_as(a[0])
        before = torch.empty_like(a)
        for t in range(a.shape[0]):
            u = UNIT * a[t] if forgets else _decayed(u, r.keep_u).add_(a[t], alpha=UNIT)
            v = torch.add(_decayed(v, r.keep_v).add_(u), bias, out=before[t]).clamp_(-V_MAX, V_MAX)
            if r.fires:
                z = v > theta
                v = v - z * theta if r.subtract else v.masked_fill(z, 0.0)
        ctx.r, ctx.shapes = r, (theta.shape, bias.shape)
        ctx.save_for_backward(before, theta)
        return (before > theta).to(a.dtype) if r.fires else before

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        before, theta = ctx.saved_tensors
        r: FixedRegisters = ctx.r
        (grad,) = arriving
        ga = torch.empty_like(before)
        gtheta, gbias = torch.zeros_like(before[0]), torch.zeros_like(before[0])
        gu, gv = torch.zeros_like(before[0]), torch.zeros_like(before[0])
        keep_u, keep_v, forgets = r.keep_u / DECAY_ONE, r.keep_v / DECAY_ONE, not r.keep_u.any()
        for t in reversed(range(before.shape[0])):
            later = gv * keep_v
            if r.fires:
                slope = _surrogate(before[t], theta).mul_(grad[t])
                z = before[t] > theta
                gtheta -= slope
                if r.subtract:
                    gtheta -= z * later
                gv = slope.add_(later if r.subtract else later.masked_fill_(z, 0.0))
            else:
                gv = later.add_(grad[t])
            gbias += gv
            gu = gv if forgets else gu.mul_(keep_u).add_(gv)
            torch.mul(gu, UNIT, out=ga[t])
        return ga, gtheta.sum_to_size(ctx.shapes[0]), gbias.sum_to_size(ctx.shapes[1]), None


def advance(
    u: Tensor, v: Tensor, a: Tensor, theta: Tensor, bias: Tensor, r: FixedRegisters
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (u, v, message) after one step: the same numbers and gradients as `scan`, for networks with feedback."""
    u = straight(u * (r.keep_u / DECAY_ONE), _decayed(u, r.keep_u)) + UNIT * a
    raised = straight(v * (r.keep_v / DECAY_ONE), _decayed(v, r.keep_v)) + u + bias
    v = straight(raised, raised.clamp(-V_MAX, V_MAX))
    if not r.fires:
        return u, v, v
    z: Tensor = _Spike.apply(v, theta)  # type: ignore[no-untyped-call]  # torch's own is untyped
    fired = z.detach()
    return u, v - fired * theta if r.subtract else v * (1 - fired), z


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, theta: Tensor) -> Tensor:
        ctx.save_for_backward(v, theta)
        return (v > theta).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        v, theta = ctx.saved_tensors
        slope = arriving[0] * _surrogate(v, theta)
        return slope, -slope.sum_to_size(theta.shape)


def _surrogate(v: Tensor, theta: Tensor) -> Tensor:
    scale = theta.clamp(min=UNIT)
    distance = (v / scale).sub_(1).abs_()
    return distance.mul_(SHARPNESS).add_(1).square_().mul_(scale).reciprocal_()
