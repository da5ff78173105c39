"""Rules for pooling: which windows torch takes, and what their divisor is."""

from typing import Any

import numpy as np
from torch.nn import functional

from snn2hw.sources.expression.operations import Pool, Scale
from snn2hw.sources.expression.values import Applied, InputStep
from snn2hw.sources.from_norse.linear_maps import measured
from snn2hw.sources.from_norse.spikes import is_rates, is_spikes
from snn2hw.sources.from_norse.tracer import Call, Rule, Tag, Tracer
from snn2hw.sources.from_norse.weighted import per_sample, sides

__all__ = ["POOLING"]


def _window(rec: Tracer, call: Call, pool: Pool, ceil: bool) -> Tag | None:
    """Return the tag to pool, unless the windows that torch takes are not those of ``pool``."""
    tag = per_sample(rec, call, len(pool.kernel) + 1)
    if tag is None:
        return None
    sides = zip(tag.shape[1:], pool.kernel, pool.stride, pool.padding, pool.dilation, strict=True)
    floor = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sides)
    if ceil and floor != tuple(call.out.shape[-len(floor) :]):
        rec.unknown(call, "ceil_mode adds a window that hangs over the border", "pad the input, or use ceil_mode=False")
        return None
    return tag


def _pool(kind: Any, rank: int) -> Rule:
    def rule(rec: Tracer, call: Call) -> None:
        if kind == "max":
            given = call.bind(
                input=None, kernel=None, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
            )
        else:
            given = call.bind(
                input=None, kernel=None, stride=None, padding=0, ceil_mode=False, include=True, divisor=None, dilation=1
            )
            include = call.kwargs.get("count_include_pad", given["include"])
            divisor = call.kwargs.get("divisor_override", given["divisor"])
        kernel = sides(call.kwargs.get("kernel_size", given["kernel"]), rank)
        stride = sides(given["stride"], rank) if given["stride"] is not None and given["stride"] != () else kernel
        pool = Pool(kind, kernel, stride, sides(given["padding"], rank), sides(given["dilation"], rank))
        tag = _window(rec, call, pool, given["ceil_mode"])
        if tag is None:
            return
        if kind == "max" and not all(
            isinstance(v, InputStep) or is_spikes(v, rec.threads) or is_rates(v) for v in tag.values
        ):
            fix = "put it behind the neuron, where it is an OR of spikes, or use AvgPool"
            rec.unknown(call, "max pooling of something that is not spikes", fix)
        elif kind == "max" and isinstance(call.out, tuple):
            rec.unknown(call, "max pooling that returns its indices", "use return_indices=False")
        elif kind == "max" or (divisor is None and (include or not any(pool.padding))):
            rec.apply(call, tag, pool)
        else:
            _sum_and_scale(rec, call, tag, pool, divisor)

    return rule


def _sum_and_scale(rec: Tracer, call: Call, tag: Tag, pool: Pool, divisor: int | None) -> None:
    """An average whose divisor is not the window's size everywhere: a sum, then a factor for every output."""
    shape = tuple(call.out.shape[1:])
    count = np.full(shape[1:], float(divisor or 0))
    if divisor is None:
        inside = [
            np.array([min(i * s - p + k, n) - max(i * s - p, 0) for i in range(out)])
            for n, k, s, p, out in zip(tag.shape[1:], pool.kernel, pool.stride, pool.padding, shape[1:], strict=True)
        ]
        count = np.prod(np.meshgrid(*inside, indexing="ij"), axis=0)
    summed = Pool("sum", pool.kernel, pool.stride, pool.padding, pool.dilation)
    path = rec.path or call.name
    factor = Scale(np.broadcast_to(1.0 / count, shape))
    values = tuple(Applied(factor, Applied(summed, v, shape, path), shape, f"{path}_scale") for v in tag.values)
    rec.attach(call.out, Tag(values, tag.lead, tag.decoded))


def _lp_pool(rank: int) -> Rule:
    def rule(rec: Tracer, call: Call) -> None:
        given = call.bind(input=None, norm_type=None, kernel_size=None, stride=None, ceil_mode=False)
        kernel = sides(given["kernel_size"], rank)
        stride = kernel if given["stride"] is None else sides(given["stride"], rank)
        pool = Pool("sum", kernel, stride, (0,) * rank, (1,) * rank)
        if float(given["norm_type"]) != 1.0:
            rec.unknown(
                call, f"LPPool with norm {given['norm_type']}", "use LPPool with norm_type=1 (a sum) or AvgPool"
            )
            return
        tag = _window(rec, call, pool, given["ceil_mode"])
        if tag is not None:
            rec.apply(call, tag, pool)

    return rule


def _adaptive(rank: int) -> Rule:
    def rule(rec: Tracer, call: Call) -> None:
        tag = per_sample(rec, call, rank + 1)
        if tag is None:
            return
        if any(out > n for n, out in zip(tag.shape[1:], call.out.shape[2:], strict=True)):
            measured(rec, call, functional.adaptive_avg_pool1d if rank == 1 else functional.adaptive_avg_pool2d)
            return
        windows = [_even_windows(n, out) for n, out in zip(tag.shape[1:], call.out.shape[2:], strict=True)]
        if None in windows:
            what = (
                f"adaptive pooling of sides {tag.shape[1:]} to {tuple(call.out.shape[2:])}: its windows differ in size"
            )
            rec.unknown(call, what, "choose output sides that divide the input's, or use AvgPool")
            return
        kernel, stride = zip(*[w for w in windows if w], strict=True)
        rec.apply(call, tag, Pool("mean", kernel, stride, (0,) * rank, (1,) * rank))

    return rule


def _even_windows(side: int, out: int) -> tuple[int, int] | None:
    """Return (kernel, stride) of torch's adaptive windows when all are of one size and equally far apart.

    >>> _even_windows(8, 2), _even_windows(7, 3), _even_windows(8, 3)
    ((4, 4), (3, 2), None)
    """
    first = [i * side // out for i in range(out)]
    last = [-(-(i + 1) * side // out) for i in range(out)]
    kernel, stride = last[0], (first[1] if out > 1 else last[0])
    even = all(a == i * stride and b - a == kernel for i, (a, b) in enumerate(zip(first, last, strict=True)))
    return (kernel, stride) if even else None


POOLING: dict[str, Rule] = {
    "avg_pool1d": _pool("mean", 1),
    "avg_pool2d": _pool("mean", 2),
    "max_pool1d": _pool("max", 1),
    "max_pool2d": _pool("max", 2),
    "lp_pool1d": _lp_pool(1),
    "lp_pool2d": _lp_pool(2),
    "adaptive_avg_pool1d": _adaptive(1),
    "adaptive_avg_pool2d": _adaptive(2),
}
"""By the torch function's name."""
