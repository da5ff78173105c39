"""From a network with real registers to a Program: weights, thresholds, decays and biases chosen together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never, cast

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT
from sim.program import Connection, Conv, Dense, Population, Weight, Wiring
from snn2hw.chips.target import Target
from snn2hw.compiler.biases import centred, is_centred, place_biases
from snn2hw.compiler.calibrate import Ranges, sample_unit
from snn2hw.compiler.grid import Bits, Grid, grid_for, most_bits
from snn2hw.compiler.options import Options
from snn2hw.compiler.registers import NoRegisterError, bias_registers, compensated, nearest_decay, per_value
from snn2hw.compiler.scales import is_convolution
from snn2hw.compiler.weights import choose_weights
from snn2hw.network.network import ConvMap, DenseMap, Float, Layer, Map

__all__ = ["Quantized", "is_exact", "quantize_layer", "wiring_of"]

UNIT = 1 << VTH_SHIFT

Ints = NDArray[np.int64]


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
    axons = {helper.name for helper in helpers}
    grids = [
        grid_for(link.map.weight, most_bits(target) if link.source in axons else bits, target.weight_rule)
        for link in layer.links
    ]
    group = _groups(layer, options.per)
    scale, stored = choose_weights(
        layer,
        group,
        grids,
        ranges,
        target,
        options,
        messages,
        centred=is_centred(layer, ranges, options),
        shrink=shrink,
    )
    connections = [
        Connection(link.source, wiring_of(link.map, part.mantissas), part.exponent, link.lag)
        for link, part in zip(layer.links, stored, strict=True)
    ]
    layer = centred(layer, stored, ranges, options)
    population = _population(layer, connections, scale, ranges, target, options)
    return Quantized(population, helpers, tuple(grids), scale, layer, tuple(part.sqnr_db for part in stored))


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
    connections = [Connection(k.source, wiring_of(k.map, k.map.weight), 0, k.lag) for k in layer.links]
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


def _unrounded(map_: Map, scale: Float, exponent: int) -> Float:
    row = scale.reshape(map_.weight.shape[0], -1)[:, 0]  # one scale per row of weights
    return np.asarray(map_.weight * row.reshape(-1, *(1,) * (map_.weight.ndim - 1)) / 2.0**exponent)


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
    mantissa, exponent = bias_registers(UNIT * scale * layer.drive, target)
    return Population(
        name=layer.name,
        shape=layer.shape,
        inputs=connections,
        vth=_thresholds(layer, scale, target) if layer.fires else target.registers["vth"][1],
        du=_decays(layer, "u", scale, ranges, target, options),
        dv=_decays(layer, "v", scale, ranges, target, options),
        bias_mantissa=mantissa,
        bias_exponent=exponent,
        u0=np.rint(UNIT * scale * layer.u0).astype(np.int64),
        v0=np.rint(UNIT * scale * layer.v0).astype(np.int64),
        reset=layer.reset,
        fires=layer.fires,
    )


def _thresholds(layer: Layer, scale: Float, target: Target) -> Ints:
    """Return the threshold mantissas; one that rounds to 0 is refused, unless the threshold itself is 0 or below."""
    vth = np.rint(scale * layer.threshold).astype(np.int64)
    lost = (vth < 1) & (layer.threshold > 0)
    if lost.any():
        least = float(scale[lost].min())
        what = f"{int(lost.sum())} of {lost.size} thresholds are 0 at the scale of {least:.3g} that their inputs need"
        raise NoRegisterError(
            f"{what}, and such neurons fire on anything", "lower the weights or raise the threshold: 2^21 lie between"
        )
    return np.maximum(np.clip(vth, *target.registers["vth"]) - layer.fires_at_threshold, 0)


def _decays(
    layer: Layer, which: str, scale: Float, ranges: Ranges, target: Target, options: Options
) -> NDArray[np.int64]:
    share, add, limits = (
        (layer.share_u, 1, target.registers["du"]) if which == "u" else (layer.share_v, 0, target.registers["dv"])
    )
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
