"""One scale per population or per channel: as fine as the weights deserve, as coarse as the registers demand.

``S`` is threshold mantissas per unit of V; a link's weights are stored as ``round(S W / 2^e)``. Halving S and
lowering e by one keeps the weights and gives up one bit of u and v: S is bounded by registers, weights by their bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, V_MAX, VTH_SHIFT, WRAP
from snn2hw.chips.target import Target
from snn2hw.compiler.weight_error import POINTS, ErrorTable, resolution
from snn2hw.network.maps import ConvMap, Float
from snn2hw.network.network import Link
from snn2hw.network.registers import RealPopulation, WeightMap

__all__ = ["Choice", "choose", "greatest_scale", "scale_groups", "worst_sum"]

SLACK = 0.97
"""Rounding may enlarge a sum a little; the certificate has the last word."""

SEEN = 0.8
"""Calibration has not seen everything: v keeps a fifth of its range for what is deeper still."""

UNIT = 1 << VTH_SHIFT


@dataclass(frozen=True, eq=False)
class Choice:
    """The scale of every group and the weight exponent of every link."""

    scale: Float  # group
    exponents: tuple[int, ...]


def worst_sum(link: Link[WeightMap], message: tuple[int, int]) -> Float:
    """Return, per target row, the greatest |W . s| over all messages in the range."""
    weight = link.map.weight.reshape(link.map.weight.shape[0], -1)
    up = np.maximum(weight * message[0], weight * message[1]).sum(axis=1)
    down = np.minimum(weight * message[0], weight * message[1]).sum(axis=1)
    return np.asarray(np.maximum(up, -down))


def greatest_scale(layer: RealPopulation, worst: Float, seen: Float, steps: int, target: Target) -> Float:
    """Return the greatest S of every neuron at which every register can hold it for ``steps`` steps.

    ``worst`` is the greatest |input sum|, ``seen`` the greatest |V| in calibration that should not clip.
    """
    gain_u = _accumulated(layer.share_u, steps)
    worst_u = worst * gain_u
    most_bias = (
        max(-target.registers["bias_mantissa"][0], target.registers["bias_mantissa"][1])
        << target.registers["bias_exponent"][1]
    )
    bounds = [
        _ratio(A_LIMIT * SLACK, worst),
        _ratio(WRAP * SLACK / UNIT, worst_u),
        _ratio(most_bias * SLACK / UNIT, np.abs(layer.drive)),
        _ratio(V_MAX * SLACK / UNIT, np.abs(layer.v0)),
        _ratio(V_MAX * SEEN / UNIT, seen),
    ]
    if layer.fires:
        bounds.append(_ratio(float(target.registers["vth"][1]), layer.threshold))
    else:
        highest = (worst_u + np.abs(layer.drive)) * _accumulated(layer.share_v, steps) + np.abs(layer.v0)
        bounds.append(_ratio(min(V_MAX, target.registers["vth"][1] << VTH_SHIFT) * SLACK / UNIT, highest))
    return np.asarray(np.minimum.reduce(bounds))


def _ratio(limit: float, need: Float) -> Float:
    return np.asarray(np.divide(limit, need, out=np.full(need.shape, np.inf), where=need > 0))


def _accumulated(share: Float, steps: int) -> Float:
    """Return the sum of (1 - share)^k over k < steps."""
    kept = 1.0 - share
    leaky = np.maximum(share, 1e-12)
    return np.asarray(np.where(share > 1e-9, (1 - kept**steps) / leaky, float(steps)))


def choose(
    tables: Sequence[ErrorTable], cap: Float, relative: Float, leak: Float, exponents: Sequence[range]
) -> Choice:
    """Return the scales and exponents with the least expected squared error of the input sums, relative to threshold.

    Args:
        tables: cost by resolution, one per link, the one that matters most first.
        cap: the greatest scale of every group.
        relative: weight of every group's error, 1 / threshold^2.
        leak: expected error of one step of rounding u and v at S = 1, per group.
        exponents: the weight exponents that each link may have.
    """
    best: tuple[float, Choice] | None = None
    top = np.floor(POINTS * np.log2(cap)).astype(np.int64)
    for first in exponents[0]:
        index, cost = _least([tables[0]], [first], top, leak)
        chosen = [first]
        for table, possible in zip(tables[1:], exponents[1:], strict=True):
            rounding = [float(_total(_at(table, index, e), relative)) for e in possible]
            chosen.append(possible[int(np.argmin(rounding))])
        if len(tables) > 1:
            index, cost = _least(tables, chosen, top, leak)
        total = _total(cost, relative)
        if best is None or total < best[0]:
            best = (total, Choice(np.minimum(resolution(index), cap), tuple(chosen)))
    assert best is not None
    return best[1]


def _total(cost: Float, relative: Float) -> float:
    return float(np.minimum(cost * relative, 1e30).sum())


def _at(table: ErrorTable, index: NDArray[np.int64], exponent: int) -> Float:
    """Return the cost of one link if the scale of group g is 2^(index[g] / POINTS)."""
    return table.at((index - exponent * POINTS)[:, None])[:, 0]


def _least(
    tables: Sequence[ErrorTable], exponents: Sequence[int], top: NDArray[np.int64], leak: Float
) -> tuple[NDArray[np.int64], Float]:
    """Return the best grid point of every group under its cap, and its cost."""
    ends = [t.first + t.cost.shape[1] - 1 + e * POINTS for t, e in zip(tables, exponents, strict=True)]
    last = np.minimum(np.minimum.reduce(ends), top)
    span = tables[0].cost.shape[1]
    index = last[:, None] - np.arange(span)[None, ::-1]
    cost = sum(t.at(index - e * POINTS) for t, e in zip(tables, exponents, strict=True))
    floored = 0.25 * sum(e < 0 for e in exponents)  # an arithmetic right shift floors: half a mantissa too low
    cost = cost + (leak[:, None] + floored) / resolution(index) ** 2
    best = cost.argmin(axis=1)
    groups = np.arange(len(best))
    return index[groups, best], cost[groups, best]


def is_convolution(layer: RealPopulation) -> bool:
    """Return whether any link shares its weights over places, so that a scale belongs to a channel."""
    return any(isinstance(link.map, ConvMap) for link in layer.links)


def scale_groups(layer: RealPopulation, per: str) -> NDArray[np.intp]:
    """Return which neurons share a scale, as an index per neuron; readouts are compared, so theirs is one."""
    if per == "layer" or not layer.fires:
        return np.zeros(layer.shape, dtype=np.intp)
    if is_convolution(layer):
        channel = np.arange(layer.shape[0], dtype=np.intp).reshape(-1, *(1,) * (len(layer.shape) - 1))
        return np.broadcast_to(channel, layer.shape)
    return np.arange(layer.size, dtype=np.intp).reshape(layer.shape)
