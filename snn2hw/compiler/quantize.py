"""From a network with real registers to a Program: weights, thresholds, decays and biases chosen together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, assert_never, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT
from sim.errors import InputError
from sim.program import Connection, Conv, Dense, Population, Weight, Wiring
from snn2hw.compiler.calibrate import Ranges, sample_unit
from snn2hw.compiler.costs import CostTable, Method, Rows, cost_table
from snn2hw.compiler.grid import Bits, Grid, grid_for, legal, most_bits, to_grid
from snn2hw.compiler.network import ConvMap, DenseMap, Float, Layer, Link, Map
from snn2hw.compiler.registers import bias_registers, compensated, nearest_decay, per_value
from snn2hw.compiler.rounding import compensating
from snn2hw.compiler.scales import choose, greatest_scale, is_convolution, worst_sum
from snn2hw.targets import Target

__all__ = [
    "BiasPolicy",
    "Centre",
    "Options",
    "Quantized",
    "always_on",
    "is_exact",
    "place_biases",
    "quantize_layer",
    "wiring_of",
]

BiasPolicy = Literal["axon", "preset", "register"]
"""How a bias passes the synaptic filter: on an always-on axon (exact, a synop per neuron and step), as its steady state
in the bias register with u preset to minus it (exact and free, but u0 has to be written for every sample), or as its
steady state alone (free; the first steps differ)."""

PER = Literal["channel", "layer"]

Centre = Literal["never", "biased", "always"]
"""Where the mean error of the input sums is taken out of the bias: nowhere, where a bias is anyway, or everywhere."""

UNIT = 1 << VTH_SHIFT

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """What the user may choose.

    ``method``: how the greatest weights are treated. ``per``: what shares a scale; channels fold theirs into their
    thresholds. ``levels``: weights as in the historic scheme, see `snn2hw.compiler.levels`. ``headroom``: how many
    times the worst case must fit into the registers, more than 1 leaves room for tuning. ``compensate_decay``: choose
    decays that leak as much as the real ones, rounding included.
    """

    method: Method = "mse"
    per: PER = "channel"
    bias: BiasPolicy = "axon"
    centre: Centre = "biased"
    levels: int | None = None
    headroom: float = 1.0
    compensate_decay: bool = True

    def __post_init__(self) -> None:
        for name, known in (("method", Method), ("per", PER), ("bias", BiasPolicy), ("centre", Centre)):
            value = getattr(self, name)
            if value not in get_args(known):
                raise InputError(f"{name} {value!r}", f"choose one of: {', '.join(get_args(known))}")
        if not self.headroom >= 1:
            raise InputError(f"headroom {self.headroom}", "give 1 or more")
        if self.levels is not None and not 2 <= self.levels <= 128:
            raise InputError(f"levels {self.levels}", "give 2 to 128")


@dataclass(frozen=True, eq=False)
class Quantized:
    """One population with the choices that made it."""

    population: Population
    helpers: tuple[Population, ...]
    grids: tuple[Grid, ...]
    scale: Float
    """S of every neuron: threshold mantissas per unit of V."""
    layer: Layer
    """The layer as quantised: biases moved to where the policy puts them."""
    sqnr_db: tuple[float, ...]
    """Per connection, the power of the weights over that of their error, each weight counted as often as it is used."""
    exact: bool = False
    """Whether the weights are stored as they are, with nothing to choose."""

    def mantissas(self) -> tuple[Float, ...]:
        """Return, per connection, the mantissas before they were rounded: where fine-tuning starts."""
        if self.exact:
            return ()
        pairs = zip(self.layer.links, self.population.inputs, strict=True)
        return tuple(_unrounded(link.map, self.scale, c.exponent) for link, c in pairs)


def quantize_layer(
    layer: Layer,
    ranges: Ranges,
    target: Target,
    options: Options,
    bits: Bits,
    messages: Mapping[str, tuple[int, int]],
    *,
    shrink: float = 1.0,
) -> Quantized:
    """Return the population of one layer; ``shrink`` lowers the greatest scale where a certificate failed."""
    if is_exact(layer, target):
        return _exact(layer, target)
    layer, helpers = place_biases(layer, options.bias)
    group = _groups(layer, options.per)
    bits_of = [most_bits(target) if link.source in {h.name for h in helpers} else bits for link in layer.links]
    grids = [grid_for(k.map.weight, b, target.weight_rule) for k, b in zip(layer.links, bits_of, strict=True)]
    rows = [_rows(layer, link, group, ranges.power) for link in layer.links]
    tables = [cost_table(r, g, options.method) for r, g in zip(rows, grids, strict=True)]
    scale, exponents = _scales(layer, group, tables, rows, ranges, target, messages, shrink)
    mantissas = [
        legal(_rounded(layer, i, r, scale[r.group] / 2.0 ** exponents[i], g, ranges, options), g)
        for i, (r, g) in enumerate(zip(rows, grids, strict=True))
    ]
    quality = [
        _sqnr_db(r, m * (2.0**e / scale[r.group])[:, None]) for r, m, e in zip(rows, mantissas, exponents, strict=True)
    ]
    wirings = [wiring_of(link.map, m) for link, m in zip(layer.links, mantissas, strict=True)]
    connections = [
        Connection(link.source, wiring, e, link.lag)
        for link, wiring, e in zip(layer.links, wirings, exponents, strict=True)
    ]
    per_neuron = scale[group]
    layer = _centred(layer, rows, mantissas, exponents, scale, ranges, options)
    population = _population(layer, connections, per_neuron, ranges, target, options)
    return Quantized(population, helpers, tuple(grids), per_neuron, layer, tuple(quality))


def always_on(name: str) -> Population:
    """Return a population of one neuron that fires in every step."""
    return Population(name, (1,), (), vth=0, du=4095, dv=4095, bias_mantissa=1)


def place_biases(layer: Layer, policy: BiasPolicy) -> tuple[Layer, tuple[Population, ...]]:
    """Move every bias behind the synaptic filter: into the drive, or onto an axon that is always on."""
    unfiltered = bool((layer.share_u == 1.0).all())
    drive, u0, links = layer.drive, layer.u0, list(layer.links)
    helpers: tuple[Population, ...] = ()
    for bias in layer.always:
        if bias.lag == 0 and (unfiltered or policy != "axon"):
            drive = drive + bias.values / layer.share_u
            u0 = u0 if unfiltered or policy == "register" else u0 - bias.values / layer.share_u
            continue
        helper = always_on(f"{layer.name}.on")
        helpers = (helper,)
        links.append(Link(helper.name, DenseMap(bias.values.reshape(-1, 1)), bias.lag))
    return replace(layer, drive=drive, u0=u0, links=tuple(links), always=()), helpers


def is_exact(layer: Layer, target: Target) -> bool:
    """Return whether a memoryless layer of whole weights (max pooling of spikes) can be said as it is."""
    top = 255 if target.weight_rule == "loihi" else (1 << (most_bits(target) - 1)) - 1
    memoryless = bool((layer.share_u == 1).all() and (layer.share_v == 1).all())
    whole = all(
        (k.map.weight == np.rint(k.map.weight)).all() and k.map.weight.min() >= 0 and k.map.weight.max() <= top
        for k in layer.links
    )
    quiet = not layer.drive.any() and not layer.v0.any() and not layer.always
    return layer.fires and memoryless and whole and quiet and bool((layer.threshold < 1).all())


def _exact(layer: Layer, target: Target) -> Quantized:
    """Store whole weights as they are: below a threshold of 1 any message fires, and v is 0 after every step."""
    connections = [Connection(k.source, wiring_of(k.map, _flat(k.map.weight)), 0, k.lag) for k in layer.links]
    population = Population(layer.name, layer.shape, connections, vth=0, du=4095, dv=4095, reset=layer.reset)
    grids = tuple(grid_for(k.map.weight, most_bits(target), target.weight_rule) for k in layer.links)
    return Quantized(population, (), grids, np.ones(layer.shape), layer, (math.inf,) * len(grids), exact=True)


def _groups(layer: Layer, per: str) -> NDArray[np.intp]:
    """Return which neurons share a scale, as an index per neuron; readouts are compared, so theirs is one."""
    if per == "layer" or not layer.fires:
        return np.zeros(layer.shape, dtype=np.intp)
    if is_convolution(layer):
        channel = np.arange(layer.shape[0], dtype=np.intp).reshape(-1, *(1,) * (len(layer.shape) - 1))
        return np.broadcast_to(channel, layer.shape)
    return np.arange(layer.size, dtype=np.intp).reshape(layer.shape)


def _flat(weight: Float) -> Float:
    return weight.reshape(weight.shape[0], -1)


def _rows(layer: Layer, link: Link, group: NDArray[np.intp], power: Mapping[str, Float]) -> Rows:
    """Lay a link's weights out one row per target channel or neuron, with the activity behind every column."""
    active = power.get(link.source, np.ones(1))  # an always-on axon has no calibration: it fires in every step
    match link.map:
        case DenseMap():
            rows, seen = group.reshape(-1), active.reshape(1, -1)
        case ConvMap(groups=groups):
            rows = group.reshape(layer.shape[0], -1)[:, 0]
            mean = active.reshape(active.shape[0], -1).mean(axis=1).reshape(groups, -1)
            per_row = np.repeat(mean, layer.shape[0] // groups, axis=0)
            seen = np.repeat(per_row, int(np.prod(link.map.weight.shape[2:])), axis=1)
    floor = 0.01 * max(float(seen.mean()), 1e-6)  # a source that was silent may speak one day
    return Rows(_flat(link.map.weight), np.maximum(seen, floor), rows, int(group.max()) + 1)


def _scales(
    layer: Layer,
    group: NDArray[np.intp],
    tables: list[CostTable],
    rows: list[Rows],
    ranges: Ranges,
    target: Target,
    messages: Mapping[str, tuple[int, int]],
    shrink: float,
) -> tuple[Float, tuple[int, ...]]:
    """Return the scale per group and the exponent per link."""
    worst = np.zeros(layer.shape)
    for link in layer.links:
        row = worst_sum(link, messages.get(link.source, (0, 1)))
        worst = worst + (row.reshape(-1, 1, 1) if isinstance(link.map, ConvMap) else row.reshape(layer.shape))
    count = int(group.max()) + 1
    cap = _group_min(greatest_scale(layer, worst, _seen(layer, ranges), ranges.steps, target), group, count) * shrink
    if not np.isfinite(cap).all():
        cap = np.where(np.isfinite(cap), cap, 1.0)  # no weight, no threshold, no bias: any scale is right
    if not tables:
        return cap, ()
    threshold = _group_min(layer.threshold, group, count) if layer.fires else np.ones(count)
    relative = 1 / np.maximum(threshold, 1e-12) ** 2
    rate = _group_min(1 / (2 * UNIT) * (1 + layer.share_v / layer.share_u), group, count)
    order = sorted(range(len(tables)), key=lambda i: -rows[i].weight.size)
    low, high = target.weight_exponent
    # a right shift never helps an axon that carries one weight
    possible = [range(low if layer.links[i].source in ranges.power else 0, high + 1) for i in order]
    choice = choose([tables[i] for i in order], cap, relative, rate**2, possible)
    exponents = dict(zip(order, choice.exponents, strict=True))
    scale = choice.scale
    if layer.fires:  # put the threshold on a whole mantissa: it is then exact
        whole = np.floor(scale * threshold)
        scale = np.where(whole >= 1, whole / np.maximum(threshold, 1e-300), scale)
    return scale, tuple(exponents[i] for i in range(len(tables)))


def _seen(layer: Layer, ranges: Ranges) -> Float:
    """Return the greatest |V| in calibration that must not clip: below; above too where a reset subtracts from it."""
    seen = ranges.layers.get(layer.name)
    if seen is None:
        return np.zeros(layer.shape)
    sides = (-1, *(1,) * (len(layer.shape) - 1))
    low = np.broadcast_to(np.maximum(0.0, -seen.v_low).reshape(sides), layer.shape)
    if not layer.fires or layer.reset == "zero":
        return low
    return np.asarray(np.maximum(low, seen.v_high.reshape(sides) + layer.threshold))


def _group_min(values: Float, group: NDArray[np.intp], count: int) -> Float:
    least = np.full(count, np.inf)
    np.minimum.at(least, group.reshape(-1), np.broadcast_to(values, group.shape).reshape(-1))
    return least


def _centred(
    layer: Layer,
    rows: list[Rows],
    mantissas: list[Float],
    exponents: tuple[int, ...],
    scale: Float,
    ranges: Ranges,
    options: Options,
) -> Layer:
    """Take the mean error of the input sums back out of the drive.

    What an always-on axon cannot say exactly is constant, so its remainder goes there too; the other links' means come
    from the calibration data, with the half mantissa that an arithmetic right shift loses.
    """
    constant = [link.source not in ranges.power for link in layer.links]
    biased = options.centre == "always" or (options.centre == "biased" and (layer.drive.any() or any(constant)))
    shift = np.zeros(layer.shape)
    for i, (link, r, stored, e) in enumerate(zip(layer.links, rows, mantissas, exponents, strict=True)):
        per_row = scale[r.group]
        error = stored * (2.0**e / per_row)[:, None] - r.weight
        moments = ranges.moments.get((layer.name, i))
        if constant[i]:
            lost = error[:, 0]
        elif options.method == "mse" and biased and moments is not None:
            mean = np.repeat(moments.mean, len(error) // len(moments.mean), axis=0)
            lost = (error * mean).sum(axis=1) - moments.heard * 0.5 * max(0.0, 1 - 2.0**e) / per_row
        else:
            continue
        shift += lost.reshape(-1, 1, 1) if isinstance(link.map, ConvMap) else lost.reshape(layer.shape)
    return replace(layer, drive=layer.drive - shift / layer.share_u)


def _sqnr_db(rows: Rows, kept: Float) -> float:
    signal = float((np.square(rows.weight) * rows.power).sum())
    noise = float((np.square(rows.weight - kept) * rows.power).sum())
    return math.inf if noise <= 0 else 10 * math.log10(max(signal, 1e-300) / noise)


def _unrounded(map_: Map, scale: Float, exponent: int) -> Float:
    row = scale.reshape(map_.weight.shape[0], -1)[:, 0]  # one scale per row of weights
    return np.asarray(map_.weight * row.reshape(-1, *(1,) * (map_.weight.ndim - 1)) / 2.0**exponent)


def _rounded(layer: Layer, index: int, rows: Rows, r: Float, grid: Grid, ranges: Ranges, options: Options) -> Float:
    """Return the mantissas of one link, errors compensated where the data say which inputs go together."""
    moments = ranges.moments.get((layer.name, index))
    if options.method != "mse" or moments is None:
        return to_grid(rows.weight * r[:, None], grid)
    parts = np.split(np.arange(len(rows.weight)), moments.second.shape[0])
    return np.concatenate([compensating(rows.weight[p], r[p], grid, moments.second[g]) for g, p in enumerate(parts)])


def wiring_of(map_: Map, mantissas: NDArray[Any]) -> Wiring:
    """Return the integer wiring of a real one."""
    whole = mantissas.astype(np.int64).reshape(map_.weight.shape)
    match map_:
        case DenseMap():
            return Dense(cast("Weight", whole))  # any integer array is taken, and narrowed
        case ConvMap():
            return Conv(cast("Weight", whole), map_.stride, map_.padding, map_.dilation, map_.groups)
        case _:
            assert_never(map_)


def _population(
    layer: Layer, connections: list[Connection], scale: Float, ranges: Ranges, target: Target, options: Options
) -> Population:
    vth = np.clip(np.rint(scale * layer.threshold).astype(np.int64), *target.vth) if layer.fires else target.vth[1]
    if layer.fires_at_threshold:
        vth = np.maximum(np.asarray(vth) - 1, 0)
    mantissa, exponent = bias_registers(UNIT * scale * layer.drive, target)
    return Population(
        name=layer.name,
        shape=layer.shape,
        inputs=connections,
        vth=vth,
        du=_decays(layer, "u", scale, ranges, target, options),
        dv=_decays(layer, "v", scale, ranges, target, options),
        bias_mantissa=mantissa,
        bias_exponent=exponent,
        u0=np.rint(UNIT * scale * layer.u0).astype(np.int64),
        v0=np.rint(UNIT * scale * layer.v0).astype(np.int64),
        reset=layer.reset,
        fires=layer.fires,
    )


def _decays(
    layer: Layer, which: str, scale: Float, ranges: Ranges, target: Target, options: Options
) -> NDArray[np.int64]:
    share, add, limits = (layer.share_u, 1, target.du) if which == "u" else (layer.share_v, 0, target.dv)
    seen = ranges.layers.get(layer.name)
    sample = np.zeros(0) if seen is None else seen.u_sample if which == "u" else seen.v_sample
    if not options.compensate_decay or not sample.any():
        return nearest_decay(share, add=add, limits=limits)
    steps = np.rint(4 * np.log2(scale * sample_unit(layer)))  # a quarter of an octave decides nothing
    result = np.zeros(layer.shape, dtype=np.int64)
    for step in np.unique(steps):
        here = steps == step
        choose_one = partial(compensated, scale=2.0 ** (step / 4), sample=sample[:2048], add=add, limits=limits)
        result[here] = per_value(share[here], choose_one)
    return result
