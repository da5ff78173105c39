"""Layers whose whole weights are stored as they are, with no scale to choose."""

import math

import numpy as np

from sim.program import Connection, Population
from snn2hw.chips.target import Target
from snn2hw.compiler.grid import grid_for, most_bits
from snn2hw.compiler.quantized import Quantized, wiring_of
from snn2hw.network.registers import RealPopulation

__all__ = ["exact", "is_exact"]


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


def exact(layer: RealPopulation, target: Target) -> Quantized:
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
