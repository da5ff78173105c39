"""From a network with real registers to a Program: weights, thresholds, decays and biases chosen together."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT
from sim.errors import InputError, UnsupportedError
from sim.program import Connection, Population
from snn2hw.chips.limits import refuse_beyond
from snn2hw.chips.target import Target
from snn2hw.compiler.biases import centred, is_centred, place_biases
from snn2hw.compiler.calibrate import Prepared, Progress, sample_unit
from snn2hw.compiler.certify import ProvenBounds, bounds_of, greatest_message
from snn2hw.compiler.given import given_registers
from snn2hw.compiler.grid import grid_for, most_bits
from snn2hw.compiler.messages import fires_at_threshold, most_sent, spans_of
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantized import Quantized, wiring_of
from snn2hw.compiler.registers import NoRegisterError, bias_registers, compensated, nearest_decay, per_value
from snn2hw.compiler.scales import is_convolution
from snn2hw.compiler.trial import is_tried, settled
from snn2hw.compiler.weights import WeightTask, choose_weights
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealMachine, RealPopulation

__all__ = ["bits_by_layer", "is_exact", "quantize", "quantize_layer"]

UNIT = 1 << VTH_SHIFT

ATTEMPTS = 40
"""How often the scale of a population is lowered by a tenth before the compiler gives up."""

Ints = NDArray[np.int64]


def quantize(prepared: Prepared, progress: Progress, known: Mapping[str, Quantized] | None = None) -> list[Quantized]:
    """Return every population in integers; layers in ``known`` are taken as they are."""
    machine, target, scale = prepared.machine, prepared.target, prepared.options.scale
    bits = bits_by_layer(machine, prepared.options.weight_bits, target)
    made: list[Quantized] = []
    for index, layer in enumerate(machine.populations):
        progress("quantize", index, len(machine.populations))
        try:
            if known is not None and layer.name in known:
                made.append(known[layer.name])
            elif scale == "auto":
                made.append(quantize_layer(prepared, layer, bits[layer.name]))
            else:
                made.append(given_registers(layer, float(scale), target, bits[layer.name]))
        except NoRegisterError as error:
            raise UnsupportedError(f"population {layer.name!r}: {error.what}", error.fix) from None
    for quantized in made:
        refuse_beyond(quantized.population, target)
    return made


def bits_by_layer(machine: RealMachine, bits: Bits | Mapping[str, Bits], target: Target) -> dict[str, Bits]:
    """Return the bits of every layer; what a mapping does not name gets the target's widest weights."""
    names = [layer.name for layer in machine.populations]
    if isinstance(bits, Mapping):
        unknown = set(bits) - set(names)
        if unknown:
            raise InputError(f"weight_bits names {sorted(unknown)}", f"use names of populations: {', '.join(names)}")
    chosen = {n: bits.get(n, most_bits(target)) if isinstance(bits, Mapping) else bits for n in names}
    least, most = max(2, target.weight_bits[0]), target.weight_bits[1]
    for name, value in chosen.items():
        if value != "ternary" and not (isinstance(value, int) and least <= value <= most):
            what = f"population {name!r}: {value!r} bits; {target.title} has {least}..{most}"
            raise InputError(what, "choose bits that the target has, or 'ternary'")
    return chosen


def quantize_layer(prepared: Prepared, layer: RealPopulation, bits: Bits) -> Quantized:
    """Return the population of one layer, with scales low enough for its bounds to hold."""
    steps, shrink = prepared.ranges.steps, 1.0 / prepared.options.headroom
    for _ in range(ATTEMPTS):
        made = _at_scale(prepared, layer, bits, shrink)
        bounds = _bounds(prepared, made)
        if bounds.safe:
            most = max(1, min(made.population.most_sent, greatest_message(made.population, bounds)))
            return made if most >= made.population.most_sent else made.sending(most)
        shrink *= 0.9
    what = f"population {layer.name!r}: no scale keeps |a| < 2^21 and |u| < 2^23 within {steps} steps"
    raise UnsupportedError(what, "lower the fan-in, the weights or the time constant of the synapse")


def _bounds(prepared: Prepared, made: Quantized) -> ProvenBounds:
    shapes = {**prepared.machine.shapes, **{helper.name: helper.shape for helper in made.helpers}}
    ranges = {**dict.fromkeys(shapes, (0, 1)), **spans_of(prepared)}
    return bounds_of(made.population, ranges, shapes.__getitem__, prepared.ranges.steps)


def _at_scale(prepared: Prepared, layer: RealPopulation, bits: Bits, shrink: float) -> Quantized:
    """Return the population of one layer; ``shrink`` lowers the greatest scale that its registers allow."""
    target, options = prepared.target, prepared.options
    if is_exact(layer, target):
        return _exact(layer, target)
    layer, helpers = place_biases(settled(layer, prepared.trial), options.bias)
    axons = {helper.name for helper in helpers}
    grids = tuple(
        grid_for(link.map.weight, most_bits(target) if link.source in axons else bits, target.weight_rule)
        for link in layer.links
    )
    task = WeightTask(
        layer=layer,
        group=_groups(layer, options.per),
        grids=grids,
        prepared=prepared,
        centred=is_centred(layer, prepared),
        shrink=shrink,
        rebiased=partial(centred, layer, prepared=prepared),
    )
    scale, stored = choose_weights(task)
    connections = [
        Connection(link.source, wiring_of(link.map, part.mantissas), part.exponent, link.lag)
        for link, part in zip(layer.links, stored, strict=True)
    ]
    layer = centred(layer, stored, prepared)
    return Quantized(
        population=_population(prepared, layer, connections, scale),
        helpers=helpers,
        grids=grids,
        scale=scale,
        layer=layer,
        sqnr_db=tuple(part.sqnr_db for part in stored),
    )


def is_exact(layer: RealPopulation, target: Target) -> bool:
    """Return whether a memoryless layer of whole weights (max pooling of spikes) can be said as it is."""
    top = 255 if target.weight_rule == "loihi" else (1 << (most_bits(target) - 1)) - 1
    memoryless = bool((layer.share_u == 1).all() and (layer.share_v == 1).all())
    whole = all(
        (k.map.weight == np.rint(k.map.weight)).all() and k.map.weight.min() >= 0 and k.map.weight.max() <= top
        for k in layer.links
    )
    quiet = not layer.drive.any() and not layer.v0.any() and not layer.always
    plain = not layer.many and not layer.refractory and layer.reset != "none"
    return layer.fires and plain and memoryless and whole and quiet and bool((layer.threshold < 1).all())


def _exact(layer: RealPopulation, target: Target) -> Quantized:
    """Store whole weights as they are: below a threshold of 1 any message fires, and v is 0 after every step."""
    connections = [Connection(k.source, wiring_of(k.map, k.map.weight), 0, k.lag) for k in layer.links]
    population = Population(layer.name, layer.shape, connections, vth=0, du=4095, dv=4095, reset=layer.reset)
    grids = tuple(grid_for(k.map.weight, most_bits(target), target.weight_rule) for k in layer.links)
    return Quantized(
        population=population,
        helpers=(),
        grids=grids,
        scale=np.ones(layer.shape),
        layer=layer,
        sqnr_db=(math.inf,) * len(grids),
        exact=True,
    )


def _groups(layer: RealPopulation, per: str) -> NDArray[np.intp]:
    """Return which neurons share a scale, as an index per neuron; readouts are compared, so theirs is one."""
    if per == "layer" or not layer.fires:
        return np.zeros(layer.shape, dtype=np.intp)
    if is_convolution(layer):
        channel = np.arange(layer.shape[0], dtype=np.intp).reshape(-1, *(1,) * (len(layer.shape) - 1))
        return np.broadcast_to(channel, layer.shape)
    return np.arange(layer.size, dtype=np.intp).reshape(layer.shape)


def _population(prepared: Prepared, layer: RealPopulation, connections: list[Connection], scale: Float) -> Population:
    target = prepared.target
    mantissa, exponent = bias_registers(UNIT * scale * layer.drive, target)
    return Population(
        name=layer.name,
        shape=layer.shape,
        inputs=connections,
        vth=_thresholds(prepared, layer, scale) if layer.fires else target.registers["vth"][1],
        du=_decays(prepared, layer, "u", scale),
        dv=_decays(prepared, layer, "v", scale),
        bias_mantissa=mantissa,
        bias_exponent=exponent,
        u0=np.rint(UNIT * scale * layer.u0).astype(np.int64),
        v0=np.rint(UNIT * scale * layer.v0).astype(np.int64),
        reset=layer.reset,
        fires=layer.fires,
        most=most_sent(prepared, layer),
        at_threshold=fires_at_threshold(prepared, layer),
        refractory=layer.refractory,
    )


def _thresholds(prepared: Prepared, layer: RealPopulation, scale: Float) -> Ints:
    """Return the threshold mantissas; one that rounds to 0 is refused, unless the threshold itself is 0 or below."""
    vth = np.rint(scale * layer.threshold).astype(np.int64)
    lost = (vth < 1) & (layer.threshold > 0)
    if lost.any():
        least = float(scale[lost].min())
        what = f"{int(lost.sum())} of {lost.size} thresholds are 0 at the scale of {least:.3g} that their inputs need"
        raise NoRegisterError(
            f"{what}, and such neurons fire on anything", "lower the weights or raise the threshold: 2^21 lie between"
        )
    lower = layer.fires_at_threshold and not fires_at_threshold(prepared, layer)
    return np.maximum(np.clip(vth, *prepared.target.registers["vth"]) - lower, int(layer.many))


def _decays(prepared: Prepared, layer: RealPopulation, which: Literal["u", "v"], scale: Float) -> Ints:
    target = prepared.target
    share, add, limits = (
        (layer.share_u, 1, target.registers["du"]) if which == "u" else (layer.share_v, 0, target.registers["dv"])
    )
    seen = prepared.ranges.layers.get(layer.name)
    sample = np.zeros(0) if seen is None else seen.u_sample if which == "u" else seen.v_sample
    if not prepared.options.compensate_decay or not sample.any() or (is_tried(layer) and prepared.trial is not None):
        return nearest_decay(share, add=add, limits=limits)
    steps = np.rint(4 * np.log2(scale * sample_unit(layer)))  # a quarter of an octave decides nothing
    result = np.zeros(layer.shape, dtype=np.int64)
    for step in np.unique(steps):
        here = steps == step
        choose_one = partial(compensated, scale=2.0 ** (step / 4), sample=sample[:2048], add=add, limits=limits)
        result[here] = per_value(share[here], choose_one)
    return result
