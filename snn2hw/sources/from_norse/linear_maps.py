"""Rules for linear maps without a NIR node of their own: transposed convolutions, upsampling, pooling to more places.

Such a map is measured: what it makes of each unit vector is a column of its matrix.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snn2hw.sources.expression.flat import MOST_WEIGHTS
from snn2hw.sources.expression.operations import Convolution, Matrix
from snn2hw.sources.from_norse.tracer import Call, Rule, Tracer, numbers
from snn2hw.sources.from_norse.weighted import per_sample, sides

__all__ = ["LINEAR_MAPS", "measured"]

LINEAR_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area")


def measured(rec: Tracer, call: Call, function: Callable[..., Tensor], bias: Tensor | None = None) -> None:
    """Write a call of ``function`` as a matrix; ``bias`` is one number per channel that it adds."""
    tag = per_sample(rec, call, call.args[0].ndim - 1)
    if tag is None:
        return
    made = tuple(call.out.shape[1:])
    n_in, n_out = math.prod(tag.shape), math.prod(made)
    if n_in * n_out > MOST_WEIGHTS:
        rec.unknown(call, f"{call.name} as a matrix of {n_out} x {n_in} weights", "use a stride or an average instead")
        return
    units = torch.eye(n_in, dtype=torch.float64).reshape(n_in, *tag.shape)
    rest = [_double(a) for a in call.args[1:]]
    known = {name: _double(value) for name, value in call.kwargs.items() if name != "input"}
    columns = function(units, *rest, **known) - function(torch.zeros_like(units[:1]), *rest, **known)
    shift = None if bias is None else numbers(bias).repeat(math.prod(made[1:]))
    rec.apply(call, tag, Matrix(numbers(columns).reshape(n_in, n_out).T.copy(), shift))


def _double(value: Any) -> Any:
    return value.detach().cpu().double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _transposed(rank: int) -> Rule:
    function = functional.conv_transpose1d if rank == 1 else functional.conv_transpose2d

    def rule(rec: Tracer, call: Call) -> None:
        given = call.bind(
            input=None, weight=None, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
        )
        if rec.tag(given["weight"]) or rec.tag(given["bias"]):
            rec.unknown(call, "a weight that depends on the network's signals")
            return
        stride, dilation = sides(given["stride"], rank), sides(given["dilation"], rank)
        kernel = given["weight"].shape[2:]
        padding = tuple(
            d * (k - 1) - p for d, k, p in zip(dilation, kernel, sides(given["padding"], rank), strict=True)
        )
        plain = set(stride) == {1} and not any(sides(given["output_padding"], rank)) and given["groups"] == 1
        tag = per_sample(rec, call, rank + 1)
        if tag is None:
            return
        if not plain or min(padding) < 0:
            measured(rec, call, function, given["bias"])
            return
        weight = np.flip(numbers(given["weight"]).swapaxes(0, 1), axis=tuple(range(2, rank + 2))).copy()
        bias = None if given["bias"] is None else numbers(given["bias"])
        flipped = Convolution(weight=weight, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=1)
        rec.apply(call, tag, flipped)

    return rule


def _interpolate(rec: Tracer, call: Call) -> None:
    if call.bind(input=None, size=None, scale_factor=None, mode="nearest")["mode"] in LINEAR_MODES:
        measured(rec, call, functional.interpolate)
    else:
        rec.unknown(call, "upsampling that is no linear map")


LINEAR_MAPS: dict[str, Rule] = {
    "conv_transpose1d": _transposed(1),
    "conv_transpose2d": _transposed(2),
    **dict.fromkeys(("interpolate", "upsample", "upsample_nearest"), _interpolate),
    "pixel_shuffle": lambda rec, call: measured(rec, call, functional.pixel_shuffle),
}
"""By the torch function's name."""
