"""Rules for the layers that hold weights: Linear, convolutions, batch norm."""

from typing import Any

import numpy as np

from snn2hw.sources.expression.operations import Array, Convolution, Linear, Norm, Shape
from snn2hw.sources.from_norse.tracer import Call, Rule, Tag, Tracer, numbers

__all__ = ["WEIGHTED", "per_sample", "sides"]


def sides(value: Any, rank: int) -> Shape:
    """Return one number per side of a value given as one number or several."""
    numbers = (value,) if isinstance(value, int) else tuple(int(n) for n in value)
    return numbers * rank if len(numbers) == 1 else numbers


def per_sample(rec: Tracer, call: Call, axes: int) -> Tag | None:
    """Return the tag of the first argument if it has one leading axis and ``axes`` of its own; report it otherwise."""
    tag = rec.tag(call.args[0]) or next((t for t in map(rec.tag, call.kwargs.values()) if t), None)
    if tag is None:
        rec.unknown(call, f"{call.name} uses the network's signals as weights")
        return None
    if len(tag.lead) == 1 and len(tag.shape) == axes:
        return tag
    if len(tag.lead) > 1:
        fix = "wrap the layer in norse.torch.Lift, or call it in a loop over the steps"
        rec.unknown(call, f"{call.name} reads the time axis as another one", fix, doubtful=True)
    else:
        named = {1: "(N,)", 2: "(C, L)", 3: "(C, H, W)"}[axes]
        rec.unknown(call, f"{call.name} of an input of shape {tag.shape}", f"give it the shape {named}")
    return None


def _linear(rec: Tracer, call: Call) -> None:
    given = call.bind(input=None, weight=None, bias=None)
    tag = rec.tag(given["input"])
    if tag is None or rec.tag(given["weight"]) or rec.tag(given["bias"]):
        rec.unknown(call, "a weight that depends on the network's signals")
    elif len(tag.shape) != 1:
        rec.unknown(call, f"Linear over the last axis of {tag.shape}", "put nn.Flatten in front of it")
    else:
        rec.apply(call, tag, rec.layer(Linear, given["weight"], given["bias"]))


def _matmul(rec: Tracer, call: Call) -> None:
    tag, weight = rec.tag(call.args[0]), call.args[1]
    if tag is None or rec.tag(weight) or weight.ndim != 2 or len(tag.shape) != 1:
        rec.unknown(call, "a matrix product that is not signal @ constant matrix", "use nn.Linear")
    else:
        rec.apply(call, tag, Linear(numbers(weight).T.copy(), None))


def _convolution(rank: int) -> Rule:
    def rule(rec: Tracer, call: Call) -> None:
        given = call.bind(input=None, weight=None, bias=None, stride=1, padding=0, dilation=1, groups=1)
        tag = per_sample(rec, call, rank + 1)
        if tag is None:
            return
        if rec.tag(given["weight"]) or rec.tag(given["bias"]):
            rec.unknown(call, "a weight that depends on the network's signals")
            return
        stride, dilation = sides(given["stride"], rank), sides(given["dilation"], rank)
        named = {"same": "same", "valid": (0,) * rank}
        padding = named[given["padding"]] if isinstance(given["padding"], str) else sides(given["padding"], rank)
        parts = (given["weight"], given["bias"], stride, padding, dilation, int(given["groups"]))
        rec.apply(call, tag, rec.layer(Convolution, *parts))

    return rule


def _batch_norm(rec: Tracer, call: Call) -> None:
    given = call.bind(input=None, running_mean=None, running_var=None, weight=None, bias=None, training=False)
    eps = call.bind(**dict.fromkeys("abcdefg"), eps=1e-5)["eps"]
    tag = rec.tag(given["input"])
    if tag is None or given["running_mean"] is None or given["training"]:
        rec.unknown(call, "a batch norm without running statistics", "use track_running_stats=True and eval()")
        return
    if len(tag.lead) != 1:
        fix = "wrap it in norse.torch.Lift"
        rec.unknown(call, "batch norm reads the time axis as another one", fix, doubtful=True)
        return

    def norm(mean: Array, var: Array, weight: Array | None, bias: Array | None) -> Norm:
        factor = (1.0 if weight is None else weight) / np.sqrt(var + eps)
        return Norm(factor, (0.0 if bias is None else bias) - mean * factor)

    mean, var = numbers(given["running_mean"]), numbers(given["running_var"])
    weight, bias = (None if given[n] is None else numbers(given[n]) for n in ("weight", "bias"))
    rec.apply(call, tag, norm(mean, var, weight, bias))


WEIGHTED: dict[str, Rule] = {
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "__matmul__": _matmul,
    "conv1d": _convolution(1),
    "conv2d": _convolution(2),
    "batch_norm": _batch_norm,
}
"""By the torch function's name."""
