"""The historic L-level scheme, for comparison only: what was done before scales were chosen with care.

Per layer D = max(w) / (L - 1), and every weight becomes sign(w) D floor(|w| / D): magnitudes rounded down, the step
taken from the greatest positive weight alone.
"""

from dataclasses import replace

import numpy as np

from snn2hw.network.network import Link, Network

__all__ = ["leveled"]


def leveled(network: Network, levels: int) -> Network:
    """Return the network with the weights of every link on L levels."""
    layers = [replace(layer, links=tuple(_leveled(link, levels) for link in layer.links)) for layer in network.layers]
    return replace(network, layers=tuple(layers))


def _leveled(link: Link, levels: int) -> Link:
    weight = link.map.weight
    greatest = float(weight.max())
    if greatest <= 0:
        return link  # the scheme has no step for a matrix without a positive weight
    step = greatest / (levels - 1)
    whole = np.floor(np.abs(weight) / step * (1 + 1e-12))
    return replace(link, map=replace(link.map, weight=np.sign(weight) * whole * step))
