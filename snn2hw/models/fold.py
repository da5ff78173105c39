"""Folding: what training needed and inference does not goes into the weights, and the network takes integers.

    W' = W g / sigma      b' = beta - g mu / sigma      and in the first layer  W' = W' / levels

so that the folded network on integers q equals the trained one on q / levels.
"""

import copy
from typing import TYPE_CHECKING, Any

from sim.errors import UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["folded", "norm_scale"]


def folded(model: "nn.Module", levels: int) -> "nn.Module":
    """Return a copy of ``model`` (a sequence of modules) without normalisation and dropout, for integers 0..levels."""
    import torch
    from torch import nn

    kept: list[nn.Module] = []
    with torch.no_grad():
        for module in model.children():
            match module:
                case nn.Dropout():
                    continue
                case _ if hasattr(module, "num_batches_tracked"):
                    _absorb(kept[-1], module)
                case _:
                    kept.append(copy.deepcopy(module))
        first = next(module for module in kept if isinstance(module, nn.Conv2d | nn.Linear))
        first.weight /= levels
    return type(model)(*kept).eval()


def _absorb(linear: "nn.Module", norm: "nn.Module") -> None:
    """Change ``linear`` so that it does what ``linear`` and then ``norm`` did."""
    from torch import nn

    if not isinstance(linear, nn.Conv2d | nn.Linear):
        raise UnsupportedError(
            f"normalisation after {type(linear).__name__}: cannot be folded",
            "put it behind a convolution or a linear layer",
        )
    scale, shift = _affine(norm)
    linear.weight = nn.Parameter(linear.weight * scale.view(-1, *(1,) * (linear.weight.dim() - 1)))
    if linear.bias is not None:
        shift = linear.bias * scale + (0 if shift is None else shift)
    if shift is not None:
        linear.bias = nn.Parameter(shift)


def norm_scale(module: "nn.Module") -> "Tensor | None":
    """Return what a normalisation multiplies each channel by; None: the module is none."""
    return _affine(module)[0] if hasattr(module, "num_batches_tracked") else None


def _affine(norm: Any) -> "tuple[Tensor, Tensor | None]":
    """Return a normalisation as x -> scale x + shift; None says that it adds nothing."""
    from torch import nn

    from snn2hw.models.scale_norm import ScaleNorm

    match norm:
        case ScaleNorm():
            return norm.weight * (norm.running_power + norm.eps).rsqrt(), None
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            assert norm.running_var is not None
            assert norm.running_mean is not None
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            return scale, norm.bias - scale * norm.running_mean
        case _:
            raise UnsupportedError(f"{type(norm).__name__}: cannot be folded", "use BatchNorm or ScaleNorm")
