"""Where biases go: behind the synaptic filter, into a register, onto an axon, and the mean of what rounding lost."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.program import Population
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.options import BiasPolicy
from snn2hw.compiler.trial import is_tried
from snn2hw.compiler.weights import Stored
from snn2hw.network.maps import ConvMap, DenseMap, Float
from snn2hw.network.network import Link
from snn2hw.network.registers import RealPopulation

__all__ = ["always_on", "centred", "is_centred", "place_biases"]


def always_on(name: str) -> Population:
    """Return a population of one neuron that fires in every step."""
    return Population(name, (1,), (), vth=0, du=4095, dv=4095, bias_mantissa=1)


def place_biases(layer: RealPopulation, policy: BiasPolicy) -> tuple[RealPopulation, tuple[Population, ...]]:
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
        links.append(Link(helper.name, DenseMap(bias.values.reshape(-1, 1), helper.shape, layer.shape), bias.lag))
    return replace(layer, drive=drive, u0=u0, links=tuple(links), always=()), helpers


def is_centred(layer: RealPopulation, prepared: Prepared) -> bool:
    """Return whether the mean error of a layer's input sums goes to its bias."""
    options, ranges = prepared.options, prepared.ranges
    if options.method != "mse" or layer.adds_up:
        return False
    has_axon = any(link.source not in ranges.power for link in layer.links)
    felt = is_tried(layer) and prepared.trial is not None  # what counts adds a mean error up
    return options.centre == "always" or (options.centre == "biased" and (bool(layer.drive.any()) or has_axon or felt))


def centred(layer: RealPopulation, stored: Sequence[Stored], prepared: Prepared) -> RealPopulation:
    """Take the mean error of the input sums back out of the drive.

    What an always-on axon cannot say exactly is constant, so its remainder goes there too; the other links' means come
    from the calibration data, with the half mantissa that an arithmetic right shift loses. A drive reaches v alone: an
    integrator that a rewrite has put into the current would not add it up.
    """
    if layer.adds_up:
        return layer
    ranges, wanted = prepared.ranges, is_centred(layer, prepared)
    shift = np.zeros(layer.shape)
    for i, (link, part) in enumerate(zip(layer.links, stored, strict=True)):
        moments = ranges.moments.get((layer.name, i))
        if link.source not in ranges.power:
            lost = part.error[:, 0] / _rows_of(layer.share_u, part)
        elif wanted and moments is not None:
            mean = np.repeat(moments.mean, len(part.error) // len(moments.mean), axis=0)
            floored = (
                moments.heard * 0.5 * max(0.0, 1 - 2.0**part.exponent) / part.scale / _rows_of(layer.share_u, part)
            )
            lost = (part.error * mean).sum(axis=1) - floored
        else:
            continue
        shift += lost.reshape(-1, 1, 1) if isinstance(link.map, ConvMap) else lost.reshape(layer.shape)
    return replace(layer, drive=layer.drive - shift)


def _rows_of(values: Float, part: Stored) -> Float:
    """Return the value of every row: a row of weights makes one channel, or one neuron."""
    return values.reshape(len(part.error), -1)[:, 0]
