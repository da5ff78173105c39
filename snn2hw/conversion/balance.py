"""What a network of ReLUs computes on data, and from it the threshold of every neuron that will stand for a ReLU."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.errors import InputError
from snn2hw.network.apply import applied
from snn2hw.network.nir_border import affine_of
from snn2hw.sources.expression.operations import Array, Shape
from snn2hw.sources.graph import predecessors, shape_out
from snn2hw.sources.semantics import Reset
from snn2hw.sources.shapes import is_neuron

if TYPE_CHECKING:
    import nir

__all__ = ["Balance", "Per", "balance", "or_worths", "rates"]

Per = Literal["layer", "channel"]
"""Whether one threshold serves a whole layer, or each channel (each neuron of a dense layer) has its own."""

BATCH = 32

LARGEST_SAMPLE = 4_000_000
"""Activations kept per layer; of more, evenly spaced ones are taken."""


SPARSER = 2.0
"""Neurons that reset to zero get so many times the threshold: their rates have steps at 1/2, 1/3, ... of a spike per
step, which lie closer together the lower the rates are."""


OR_STEPS = 32
"""Steps over which the rate of an OR is found."""


@dataclass(frozen=True, eq=False)
class Balance:
    """The thresholds of one layer, what a spike of it counts, and the share of positive activations above threshold."""

    name: str
    threshold: Array
    worth: Array
    saturated: float


def rates(
    graph: "nir.NIRGraph", x: Array, caps: Mapping[str, float | None]
) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Yield (output, activation of every ReLU) of the network for batches of ``x``; its neurons stand for ReLUs."""
    before = predecessors(graph.edges)
    order = list(TopologicalSorter({n: before.get(n, []) for n in graph.nodes}).static_order())
    (last,) = graph.outputs
    pools = _pools(graph, before)
    for start in range(0, len(x), BATCH):
        held: dict[str, Array] = {}
        for name in order:
            node = graph.nodes[name]
            arriving = np.asarray(sum(held[a] for a in before[name])) if name in before else x[start : start + BATCH]
            if name in pools:
                held[name] = _greatest(graph.nodes[pools[name]], held[before[pools[name]][0]])
            elif name in caps:
                held[name] = np.clip(arriving, 0.0, caps[name])
            else:
                held[name] = _passed(node, arriving) if name in before else arriving
        yield held[last], {name: held[name] for name in caps}


def _pools(graph: "nir.NIRGraph", before: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the node that adds up before every threshold that stands for a maximum."""
    import nir

    return {name: before[name][0] for name, node in graph.nodes.items() if isinstance(node, nir.Threshold)}


def or_worths(graph: "nir.NIRGraph", x: Array, balances: Sequence[Balance]) -> dict[str, float]:
    """Return, by max pool, how much less a spike of its OR counts than one of the neurons it hears: fitted to data.

    Spikes that do not coincide each make the OR fire, so its rate is above the greatest of a window. The factor is
    the best line from the OR's rate to the greatest activation, both in thresholds: sum m r / sum r^2.
    """
    before, found = predecessors(graph.edges), {b.name: b.threshold for b in balances}
    sums: dict[str, list[float]] = {name: [0.0, 0.0] for name in _pools(graph, before)}
    for _, activations in rates(graph, x[:BATCH], dict.fromkeys(found)):
        for name, parts in sums.items():
            summing = _pools(graph, before)[name]
            (neurons,) = before[summing]
            share = np.minimum(activations[neurons] / found[neurons], 1.0)
            pooled = np.zeros(())
            for t in range(OR_STEPS):
                spikes = np.floor((t + 1) * share + 0.5) - np.floor(t * share + 0.5)
                pooled = pooled + _greatest(graph.nodes[summing], spikes)
            rate, most = pooled / OR_STEPS, _greatest(graph.nodes[summing], share)
            parts[0] += float((most * rate).sum())
            parts[1] += float(np.square(rate).sum())
    return {name: high / low if low else 1.0 for name, (high, low) in sums.items()}


def _greatest(pool: "nir.NIRNode", x: Array) -> Array:
    """Return the maximum of every window of activations, (n, c, h, w) or (n, c, t); beyond the border there is 0."""
    size = pool.kernel_size if hasattr(pool, "kernel_size") else pool.weight.shape[2:]  # a sum along a wave is a Conv1d
    kernel, steps, pads = (tuple(map(int, np.ravel(of))) for of in (size, pool.stride, pool.padding))
    sides = tuple(range(2, x.ndim))
    padded = np.pad(x, ((0, 0), (0, 0), *((pad, pad) for pad in pads)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=sides)
    greatest = windows.max(axis=tuple(range(x.ndim, windows.ndim)))
    return np.asarray(greatest[:, :, *(slice(None, None, step) for step in steps)])


def _passed(node: "nir.NIRNode", x: Array) -> Array:
    """Return what one node makes of a batch."""
    import nir

    if is_neuron(node) or isinstance(node, nir.Output):
        return x
    if isinstance(node, nir.Flatten):
        return x.reshape(len(x), *shape_out(node))
    affine = affine_of(node)
    y = applied(affine.map, x)
    return y if affine.bias is None else y + affine.bias


def balance(
    graph: "nir.NIRGraph", x: Array, caps: Mapping[str, float | None], *, percentile: float, per: Per, reset: Reset
) -> tuple[Balance, ...]:
    """Return a percentile of the positive activations, at most the cap; a channel that has none gets the layer's."""
    if not 0 < percentile <= 100:
        raise InputError(f"percentile {percentile}", "give one above 0 and at most 100, for example 99.9")
    if per not in ("layer", "channel"):
        raise InputError(f"one threshold per {per}", "choose layer or channel")
    seen: dict[str, list[Array]] = {name: [] for name in caps}
    for _, activations in rates(graph, x, caps):
        for name, values in activations.items():
            seen[name].append(values.astype(np.float32))
    return tuple(
        _balance(name, np.concatenate(parts), (caps[name], percentile), per, reset) for name, parts in seen.items()
    )


def _balance(name: str, values: Array, level: tuple[float | None, float], per: Per, reset: Reset) -> Balance:
    shape: Shape = values.shape[1:]
    rows = values.swapaxes(0, 1).reshape(shape[0], -1)  # c (b *rest)
    rows = rows[:, :: -(-rows.size // LARGEST_SAMPLE)].astype(np.float64)
    groups = [rows] if per == "layer" else list(rows)
    whole = _level(rows, level) or 1.0
    levels = np.array([_level(group, level) or whole for group in groups])
    above = (rows > levels.reshape(-1, 1)).sum() / max((rows > 0).sum(), 1)
    worths = levels
    if reset == "value":
        worths = np.array([_worth(np.minimum(g, n), SPARSER * n) for g, n in zip(groups, levels, strict=True)])
        levels = SPARSER * levels
    spread = (len(levels), *(1,) * (len(shape) - 1))
    threshold, worth = (np.broadcast_to(numbers.reshape(spread), shape) for numbers in (levels, worths))
    return Balance(name, threshold, worth, float(above))


def _level(values: Array, level: tuple[float | None, float]) -> float:
    """Return a percentile of the positive values, at most the cap; 0 where there are none."""
    cap, percentile = level
    positive = values[values > 0]
    found = float(np.percentile(positive, percentile)) if positive.size else 0.0
    return found if cap is None else min(found, cap)


def _worth(values: Array, threshold: float) -> float:
    """Return what a spike counts where the potential above threshold is lost: fitted to the activations.

    From 0 a constant x reaches the threshold in floor(threshold / x) + 1 steps, so it fires at the rate
    r(x) = 1 / (floor(threshold / x) + 1), not in proportion to x; worth = sum r x / sum r^2 is the best line.

    >>> round(_worth(np.array([0.4, 0.6, 0.9]), 1.0), 3)
    1.445
    """
    x = values[values > 0]
    if not x.size:
        return threshold
    rate = 1.0 / (np.floor(threshold / x) + 1.0)
    return float((rate * x).sum() / (rate * rate).sum())
