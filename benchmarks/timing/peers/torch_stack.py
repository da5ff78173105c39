"""What the peers built on torch share: the linear layers, the two orders of running them, and the measurement.

One thread, no gradients, float32; the time is the CPU time of the thread that computes. "stepwise" goes through the
whole network step by step; "layerwise" through all steps of one layer before the next, so that one convolution sees
all steps at once.
"""

import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

import torch
from contest import LEAK, Layer, Task, repeated, say, task
from torch import nn

__all__ = ["compete"]

Neurons = Callable[[Layer], Any]
"""Makes the neurons behind a layer. Their threshold is 1."""
Stack = list[tuple[nn.Module, Any]]
Take = Callable[[int, torch.Tensor], object]
"""Is shown the spikes of a layer; nothing else is kept of them."""
Order = Callable[[Stack, torch.Tensor, Take], None]
"""Runs a stack on a raster (T, B, ...)."""
RATED = 4
"""Samples that the rates of the layers are taken from, before the clock starts."""


def linear(layer: Layer, form: str, gain: float) -> nn.Module:
    """Return the map of a layer in units of its threshold, times ``gain``, and its sum pool."""
    weight = torch.from_numpy(layer.folded if form == "folded" else layer.weight).float() * (gain / layer.vth)
    module: nn.Module
    if weight.ndim == 2:
        module = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        modules = [nn.Flatten(), module]
    else:
        stride = layer.folded_stride if form == "folded" else layer.stride
        module = nn.Conv2d(weight.shape[1], weight.shape[0], tuple(weight.shape[2:]), stride=stride, bias=False)
        pooled = form != "folded" and layer.pool > 1
        modules = [module, nn.AvgPool2d(layer.pool, divisor_override=1)] if pooled else [module]
    module.weight = nn.Parameter(weight, requires_grad=False)
    return nn.Sequential(*modules)


def compete(neurons: Neurons, orders: dict[str, Order], gain: float = 1 / LEAK, note: str = "") -> None:
    """Measure every form, order and batch size that the task names and its time allows, and print the rows."""
    torch.set_num_threads(1)
    todo = task()
    end = time.perf_counter() + todo.seconds
    cases = [(f, o, b) for b in todo.batches if b <= len(todo.raster) for f in todo.forms for o in orders]
    rows: list[dict[str, Any]] = []
    with torch.inference_mode():
        for i, (form, order, batch) in enumerate(cases):
            left = end - time.perf_counter()
            if _hopeless(rows, form, order, batch, left):
                continue
            row = _measured(todo, form, batch, neurons, orders[order], gain, left / (len(cases) - i))
            rows.append({"form": form, "order": order, "batch": batch, "note": note, **row})
            say(rows)


def _hopeless(rows: list[dict[str, Any]], form: str, order: str, batch: int, left: float) -> bool:
    """Tell whether a batch will not end in time, or this order is not the best and larger batches do not help it."""
    same = [r["seconds_per_sample"] for r in rows if (r["form"], r["order"]) == (form, order)]
    leading = min((r["seconds_per_sample"] for r in rows if r["form"] == form), default=0.0)
    trailing = len(same) > 1 and min(same) > leading and same[-1] > 0.9 * same[-2]
    return bool(same) and (trailing or same[-1] * batch > left)


def _measured(
    todo: Task, form: str, batch: int, neurons: Neurons, order: Order, gain: float, seconds: float
) -> dict[str, Any]:
    raster = torch.from_numpy(todo.raster).float()
    parts = cycle(
        [raster[i : i + batch].transpose(0, 1).contiguous() for i in range(0, len(raster) - batch + 1, batch)]
    )

    def run(x: torch.Tensor, take: Take = lambda layer, spikes: None) -> None:
        stack = [(linear(layer, form, gain), neurons(layer)) for layer in todo.layers]
        order(stack, x, take)

    rates: dict[int, list[float]] = {}
    run(raster[:RATED].transpose(0, 1), lambda layer, spikes: rates.setdefault(layer, []).append(float(spikes.mean())))
    took = repeated(lambda: run(next(parts)), seconds)
    return {
        "seconds_per_sample": min(took) / batch,
        "repeats": len(took),
        "clock": "CPU time of one thread",
        "rates": [sum(r) / len(r) for r in rates.values()][:-1],
    }
