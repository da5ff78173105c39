"""The weights of one population: scales and exponents from tables of cost, then mantissas rounded on their grids."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT
from sim.errors import InputError
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.grid import WeightGrid, legal, to_grid
from snn2hw.compiler.kept import kept_choice
from snn2hw.compiler.messages import most_sent, spans_of
from snn2hw.compiler.rounding import SWEEPS, Spread, compensating, spread_of
from snn2hw.compiler.scales import Choice, choose, greatest_scale, worst_sum
from snn2hw.compiler.trial import NEAR, is_tried
from snn2hw.compiler.weight_error import RealRows, error_table
from snn2hw.network.maps import ConvMap, DenseMap, Float
from snn2hw.network.network import ADDED, Link
from snn2hw.network.registers import RealPopulation, WeightMap

__all__ = ["Stored", "WeightTask", "choose_weights"]

UNIT = 1 << VTH_SHIFT
FEW, MANY = 3, 65
"""Scales within half an octave of the one of least cost at which compensating rounding is tried."""

WORK, COLUMN = 3e9, 2e4
"""Rounding takes about columns * (rows * columns + COLUMN) operations; MANY scales are tried up to WORK of them."""

VALUES = 1 << 22
"""Weights that are rounded at once."""


@dataclass(frozen=True, eq=False)
class Stored:
    """One link as the chip holds it: real weight = mantissa * 2^exponent / scale, minus ``error``."""

    mantissas: Float  # row column
    exponent: int
    scale: Float  # row
    error: Float  # row column: stored weight minus real weight
    sqnr_db: float


@dataclass(frozen=True, eq=False)
class _Tried:
    """One link at every scale that is tried."""

    rows: RealRows
    mantissas: NDArray[np.int32]  # try row column
    cost: Float  # try row
    exponent: int

    def stored(self, index: int, scale: Float) -> Stored:
        """Return the link with the weights of one try, whose scales by group are given."""
        return _stored(self.rows, self.mantissas[index].astype(np.float64), self.exponent, scale[self.rows.group])

    def heard(self, link: Link[WeightMap], index: int, scale: Float) -> Link[WeightMap]:
        """Return what the link brings with the weights of one try, whose scales by neuron are given."""
        per_row = scale.reshape(len(self.rows.weight), -1)[:, :1]
        weight = self.mantissas[index] * 2.0**self.exponent / per_row
        return link.through(replace(link.map, weight=weight.reshape(link.map.weight.shape)))


@dataclass(frozen=True, eq=False)
class WeightTask:
    """The weights of one population that are to be chosen.

    Args:
        layer: biases moved to where the policy puts them.
        group: which neurons share a scale, an index per neuron.
        grids: which values each link's weights may take.
        prepared: what is known of the network, and what the user chose.
        centred: whether the mean error of the sums leaves through the bias; rounding then minimises the variance only.
        shrink: by how much the greatest scale is lowered.
        rebiased: what becomes of the layer's biases where its links are stored so.
    """

    layer: RealPopulation
    group: NDArray[np.intp]
    grids: Sequence[WeightGrid]
    prepared: Prepared
    centred: bool
    shrink: float
    rebiased: Callable[[Sequence[Stored]], RealPopulation]

    @property
    def groups(self) -> int:
        """Return how many scales there are."""
        return int(self.group.max()) + 1

    def least(self, values: Float) -> Float:
        """Return the least value of every group."""
        found = np.full(self.groups, np.inf)
        np.minimum.at(found, self.group.reshape(-1), np.broadcast_to(values, self.group.shape).reshape(-1))
        return found

    @property
    def threshold(self) -> Float | None:
        """Return the least threshold of every group, None where nothing fires."""
        return self.least(self.layer.threshold) if self.layer.fires else None


def choose_weights(task: WeightTask) -> tuple[Float, tuple[Stored, ...]]:
    """Return the scale of every neuron, and every link's weights."""
    layer, group, grids = task.layer, task.group, task.grids
    rows = [_rows(task, link) for link in layer.links]
    cap = _cap(task) * task.shrink
    if not rows:
        return cap[group], ()
    if task.prepared.options.method == "kept":
        return _as_they_are(task, rows, cap)
    choice = _choice(task, rows, cap)
    spreads = [_spread(task, i) for i in range(len(rows))]
    tries, sweeps = _effort(rows, spreads)
    octaves = np.array(sorted(np.linspace(-0.5, 0.5, tries), key=abs)) if tries > 1 else np.zeros(1)
    tried = np.minimum(choice.scale * 2.0 ** octaves[:, None], cap)  # try group
    scales = _whole_threshold(tried, task.threshold, _threshold_step(layer, choice))
    rounded = [
        _rounded(r, scales[:, r.group] / 2.0**e, g, s, sweeps)
        for r, e, g, s in zip(rows, choice.exponents, grids, spreads, strict=True)
    ]
    best = _best(
        task, scales, [_Tried(r, *made, e) for r, made, e in zip(rows, rounded, choice.exponents, strict=True)]
    )
    scale = scales[best, np.arange(task.groups)]
    stored = zip(rows, rounded, choice.exponents, grids, strict=True)
    return scale[group], tuple(
        _stored(r, legal(_of_rows(m, best[r.group]), g), e, scale[r.group]) for r, (m, _), e, g in stored
    )


def _as_they_are(task: WeightTask, rows: Sequence[RealRows], cap: Float) -> tuple[Float, tuple[Stored, ...]]:
    """Return the scales at which weights that lie on a grid are stored without rounding one."""
    low, high = task.prepared.target.weight_exponent
    learnt = [link.source in task.prepared.ranges.power for link in task.layer.links]
    try:
        choice = kept_choice(rows, task.grids, learnt, cap, range(low, high + 1))
    except InputError as error:
        raise InputError(f"population {task.layer.name!r}: {error.what}", error.fix) from None
    stored = []
    for r, grid, e in zip(rows, task.grids, choice.exponents, strict=True):
        scale = choice.scale[r.group]
        stored.append(_stored(r, legal(to_grid(r.weight * (scale / 2.0**e)[:, None], grid), grid), e, scale))
    return choice.scale[task.group], tuple(stored)


def _best(task: WeightTask, scales: Float, tried: Sequence[_Tried]) -> NDArray[np.intp]:
    """Return, per group, the try of the least cost; among nearly as good ones that which differs least on trial."""
    cost = np.sum([_by_group(one.rows, one.cost) for one in tried], axis=0)  # try group
    layer, trial = task.layer, task.prepared.trial
    if trial is None or not is_tried(layer) or not trial.affordable(layer, len(cost)):
        return np.asarray(cost.argmin(axis=0))
    near = cost <= NEAR * cost.min(axis=0)
    off = np.full(cost.shape, np.inf)
    for k in np.flatnonzero(near.any(axis=1)):
        heard = [one.heard(link, int(k), scales[k][task.group]) for link, one in zip(layer.links, tried, strict=True)]
        stored = [one.stored(int(k), scales[k]) for one in tried]
        differing = trial.differing(task.rebiased(stored), heard, most_sent(task.prepared, layer))
        off[k] = np.bincount(task.group.reshape(-1), weights=differing.reshape(-1), minlength=task.groups)
    within = cost / (2 * np.maximum(cost.max(axis=0), 1e-300))  # below 1: it decides between equals
    return np.asarray(np.where(near, off + within, np.inf).argmin(axis=0))


def _by_group(rows: RealRows, cost: Float) -> Float:
    """Sum costs (try, row) over the rows that share a scale."""
    return np.stack([np.bincount(rows.group, weights=c, minlength=rows.groups) for c in cost])


def _of_rows(mantissas: NDArray[np.int32], tried: NDArray[np.intp]) -> Float:
    """Return, row by row, the mantissas of one try."""
    return mantissas[tried, np.arange(len(tried))].astype(np.float64)


def _effort(rows: Sequence[RealRows], spreads: Sequence[list[Spread] | None]) -> tuple[int, int]:
    """Return how many scales are tried and how many sweeps each gets: few weights gain most, and cost least."""
    shapes = [r.weight.shape for r, s in zip(rows, spreads, strict=True) if s is not None]
    work = sum(n * (m * n + COLUMN) for m, n in shapes)
    return (1, 0) if not shapes else (MANY, SWEEPS) if work * MANY <= WORK else (FEW, 1)


def _stored(rows: RealRows, mantissas: Float, exponent: int, scale: Float) -> Stored:
    error = mantissas * (2.0**exponent / scale)[:, None] - rows.weight
    signal, noise = (float((np.square(x) * rows.power).sum()) for x in (rows.weight, error))
    sqnr = math.inf if noise <= 0 else 10 * math.log10(max(signal, 1e-300) / noise)
    return Stored(mantissas, exponent, scale, error, sqnr)


def _rows(task: WeightTask, link: Link[WeightMap]) -> RealRows:
    """Lay a link's weights out one row per target channel or neuron, with the activity behind every column."""
    # an always-on axon has no calibration: it fires in every step
    layer, group, active = task.layer, task.group, task.prepared.ranges.power.get(link.source, np.ones(1))
    flat = link.map.weight.reshape(link.map.weight.shape[0], -1)
    match link.map:
        case DenseMap():
            rows, seen = group.reshape(-1), active.reshape(1, -1)
        case ConvMap(groups=groups):
            rows = group.reshape(layer.shape[0], -1)[:, 0]
            mean = active.reshape(active.shape[0], -1).mean(axis=1).reshape(groups, -1)
            per_row = np.repeat(mean, layer.shape[0] // groups, axis=0)
            seen = np.repeat(per_row, int(np.prod(link.map.weight.shape[2:])), axis=1)
    floor = 0.01 * max(float(seen.mean()), 1e-6)  # a source that was silent may speak one day
    return RealRows(flat, np.maximum(seen, floor), rows, task.groups)


def _cap(task: WeightTask) -> Float:
    """Return the greatest scale of every group."""
    layer, ranges = task.layer, task.prepared.ranges
    worst = np.zeros(layer.shape)
    spans = spans_of(task.prepared)
    for link in layer.links:
        row = worst_sum(link, spans.get(link.source, (0, 1)))
        worst = worst + (row.reshape(-1, 1, 1) if isinstance(link.map, ConvMap) else row.reshape(layer.shape))
    cap = task.least(greatest_scale(layer, worst, _seen(task.prepared, layer), ranges.steps, task.prepared.target))
    return np.where(np.isfinite(cap), cap, 1.0)  # no weight, no threshold, no bias: any scale is right


def _choice(task: WeightTask, rows: Sequence[RealRows], cap: Float) -> Choice:
    """Return the scale per group and the exponent per link that cost least if every weight goes to its nearest."""
    layer, prepared = task.layer, task.prepared
    tables = [error_table(r, g, prepared.options.method) for r, g in zip(rows, task.grids, strict=True)]
    threshold = np.ones(len(cap)) if task.threshold is None else task.threshold
    relative = 1 / np.maximum(threshold, 1e-12) ** 2
    leak = task.least(1 / (2 * UNIT) * (1 + layer.share_v / layer.share_u)) ** 2
    order = sorted(range(len(tables)), key=lambda i: -rows[i].weight.size)
    low, high = prepared.target.weight_exponent
    # a right shift never helps an axon that carries one weight; it floors every sum, which those that count add up
    least = 0 if is_tried(layer) and prepared.trial is not None else low
    possible = [range(least if layer.links[i].source in prepared.ranges.power else 0, high + 1) for i in order]
    choice = choose([tables[i] for i in order], cap, relative, leak, possible)
    exponents = dict(zip(order, choice.exponents, strict=True))
    return Choice(choice.scale, tuple(exponents[i] for i in range(len(tables))))


def _whole_threshold(scale: Float, threshold: Float | None, step: float) -> Float:
    """Lower scales until thresholds are whole mantissas, or whole steps of several: they are then exact."""
    if threshold is None:
        return scale
    whole = step * np.floor(scale * threshold / step)
    return np.where(whole >= 1, whole / np.maximum(threshold, 1e-300), scale)


def _threshold_step(layer: RealPopulation, choice: Choice) -> float:
    """Return the mantissas of which a threshold should be a multiple: those of a weight that has to take it off.

    What forgets nothing adds up whatever its inhibition of itself misses of the threshold, spike by spike.
    """
    takes = [e for link, e in zip(layer.links, choice.exponents, strict=True) if link.name == ADDED]
    return 2.0 ** max(takes) if layer.adds_up else 1.0


def _seen(prepared: Prepared, layer: RealPopulation) -> Float:
    """Return the greatest |V| in calibration that must not clip: below; above too where a reset subtracts from it."""
    seen = prepared.ranges.layers.get(layer.name)
    if seen is None:
        return np.zeros(layer.shape)
    sides = (-1, *(1,) * (len(layer.shape) - 1))
    low = np.broadcast_to(np.maximum(0.0, -seen.v_low).reshape(sides), layer.shape)
    if not layer.fires or layer.reset == "zero":
        return low
    return np.asarray(np.maximum(low, seen.v_high.reshape(sides) + most_sent(prepared, layer) * layer.threshold))


def _spread(task: WeightTask, index: int) -> list[Spread] | None:
    """Return how errors spread, per convolution group; None where weights are rounded to nearest.

    So is a neuron's inhibition of itself: a neighbour that took over what it loses would be a synapse more.
    """
    if task.layer.links[index].name == ADDED:
        return None
    moments = task.prepared.ranges.moments.get((task.layer.name, index))
    if task.prepared.options.method != "mse" or moments is None:
        return None
    return [spread_of(second) for second in moments.trusted(centred=task.centred)]


def _rounded(
    rows: RealRows, r: Float, grid: WeightGrid, spreads: list[Spread] | None, sweeps: int
) -> tuple[NDArray[np.int32], Float]:
    """Return the mantissas (try, row, column) of one link at resolutions r (try, row), and their cost (try, row)."""
    mantissas = np.empty((*r.shape, rows.weight.shape[1]), dtype=np.int32)
    cost = np.empty(r.shape)
    parts = np.split(np.arange(len(rows.weight)), len(spreads or (None,)))
    at_once = max(1, VALUES // rows.weight.size)
    for part, k in ((p, k) for p in range(len(parts)) for k in range(0, len(r), at_once)):
        here = r[k : k + at_once, parts[part]]
        weight = np.tile(rows.weight[parts[part]], (len(here), 1))
        if spreads is None:
            made = to_grid(weight * here.reshape(-1, 1), grid)
            power = np.broadcast_to(rows.power, rows.weight.shape)
            paid = (np.square(made / here.reshape(-1, 1) - weight) * np.tile(power, (len(here), 1))).sum(axis=1)
        else:
            made, paid = compensating(weight, here.reshape(-1), grid, spreads[part], sweeps=sweeps)
        mantissas[k : k + at_once, parts[part]] = made.reshape(*here.shape, -1)
        cost[k : k + at_once, parts[part]] = paid.reshape(here.shape)
    return mantissas, cost
