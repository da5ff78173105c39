"""From a network with real registers to a Program: weights, thresholds, decays and biases chosen together."""

from collections.abc import Mapping
from functools import partial

from sim.errors import InputError, UnsupportedError
from sim.program import Connection
from snn2hw.chips.limits import refuse_beyond
from snn2hw.chips.target import Target
from snn2hw.compiler.biases import centred, is_centred, place_biases
from snn2hw.compiler.bounds import bounds_at
from snn2hw.compiler.calibrate import Prepared, Progress
from snn2hw.compiler.certify import greatest_message
from snn2hw.compiler.exact import exact, is_exact
from snn2hw.compiler.given import given_registers
from snn2hw.compiler.grid import grid_for, most_bits
from snn2hw.compiler.messages import firing_of
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantized import Quantized, wiring_of
from snn2hw.compiler.registers import NoRegisterError, registers_at
from snn2hw.compiler.scales import scale_groups
from snn2hw.compiler.trial import settled
from snn2hw.compiler.weights import WeightTask, choose_weights
from snn2hw.network.registers import RealMachine, RealPopulation

__all__ = ["bits_by_layer", "quantize", "quantize_layer"]

ATTEMPTS = 40
"""How often the scale of a population is lowered by a tenth before the compiler gives up."""


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
        bounds = bounds_at(prepared, made)
        if bounds.safe:
            most = max(1, min(made.population.most_sent, greatest_message(made.population, bounds)))
            return made if most >= made.population.most_sent else made.sending(most)
        shrink *= 0.9
    what = f"population {layer.name!r}: no scale keeps |a| < 2^21 and |u| < 2^23 within {steps} steps"
    raise UnsupportedError(what, "lower the fan-in, the weights or the time constant of the synapse")


def _at_scale(prepared: Prepared, layer: RealPopulation, bits: Bits, shrink: float) -> Quantized:
    """Return the population of one layer; ``shrink`` lowers the greatest scale that its registers allow."""
    target, options = prepared.target, prepared.options
    if is_exact(layer, target):
        return exact(layer, target)
    layer, helpers = place_biases(settled(layer, prepared.trial), options.bias)
    wanted = is_centred(layer, prepared)
    axons = {helper.name for helper in helpers}
    grids = tuple(
        grid_for(link.map.weight, most_bits(target) if link.source in axons else bits, target.weight_rule)
        for link in layer.links
    )
    task = WeightTask(
        layer=layer,
        group=scale_groups(layer, options.per),
        grids=grids,
        prepared=prepared,
        centred=wanted,
        shrink=shrink,
        rebiased=partial(centred, layer, prepared=prepared),
    )
    scale, stored = choose_weights(task)
    connections = [
        Connection(link.source, wiring_of(link.map, part.mantissas), part.exponent, link.lag)
        for link, part in zip(layer.links, stored, strict=True)
    ]
    layer = centred(layer, stored, prepared)
    firing = firing_of(prepared, layer)
    return Quantized(
        population=registers_at(prepared, layer, firing, connections, scale),
        helpers=helpers,
        grids=grids,
        scale=scale,
        layer=layer,
        sqnr_db=tuple(part.sqnr_db for part in stored),
    )
