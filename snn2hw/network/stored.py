"""The links of a layer as a chip stores them: one map each, as weights, in the order in which they are delivered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import numpy as np

from sim.errors import Snn2hwError
from snn2hw.network.maps import (
    ConvMap,
    DenseMap,
    Diagonal,
    Map,
    SingleMap,
    as_matrix,
    carries,
    is_identity,
    one_tap,
    single,
    varies_within_channels,
)
from snn2hw.network.network import ADDED, FloatLayer, Link
from snn2hw.sources.shapes import Shape

__all__ = ["WeightMap", "stored_links", "weighted_links", "with_weights"]

LARGEST_DIAGONAL = 1 << 28
"""Entries of a matrix that only connects neuron to neuron: 2 GiB of float64."""

WeightMap = DenseMap | ConvMap
"""The maps of which a chip holds the weights."""


def weighted_links(layer: FloatLayer, shapes: Mapping[str, Shape]) -> list[Link[WeightMap]]:
    """Return the links that carry anything; ``shapes`` are the machine's, by the name of a layer or of the input."""
    links = stored_links(layer)
    order = sorted(range(len(links)), key=lambda i: _steps_away(links, i, constant=bool(layer.always)))
    weighted = [with_weights(links[i], shapes[links[i].source], shapes[layer.name]) for i in order]
    return [Link(k.source, k.map, k.lag, ADDED if k.name == ADDED else "") for k in weighted if k.map.weight.any()]


def with_weights(link: Link[SingleMap], source: Shape, target: Shape) -> Link[WeightMap]:
    """Return a link with a map that has weights, between the machine's shapes."""
    return link.through(_weights(link.map, source, target))


def stored_links(layer: FloatLayer) -> list[Link[SingleMap]]:
    """Return the links as weights can be stored: single maps that fit the layer, the first carrying its constant.

    Refused are chains, and matrices that are too large to stand for a convolution.
    """
    links = [_stored(link, layer.shape) for link in layer.links]
    at_once = next((always.values for always in layer.always if not always.lag), None)
    if at_once is not None and not carries(links[0].map, at_once):
        links[0] = links[0].through(as_matrix(links[0].map))
    return links


def _stored(link: Link[Map], shape: Shape) -> Link[SingleMap]:
    map_ = single(link.map)
    if map_.shape == shape:
        return link.through(map_)
    match map_:
        case ConvMap():  # it fills an array of its own shape only
            return link.through(as_matrix(map_))
        case Diagonal():
            return link.through(Diagonal(map_.scale.reshape(shape), shape))
        case DenseMap():
            return link.through(map_)
        case _:
            assert_never(map_)


def _steps_away(links: Sequence[Link[SingleMap]], index: int, *, constant: bool) -> int:
    """Return where a link stands among its layer's: messages as they are first, late ones through weights last."""
    link = links[index]
    carries = constant and index == 0
    twin = any(k.source == link.source and k.lag == link.lag and is_identity(k.map) for k in links[:index])
    plain = is_identity(link.map) and not carries and not twin
    return (not plain) + (link.lag > 0)


def _weights(map_: SingleMap, source: Shape, target: Shape) -> WeightMap:
    """Return a map between the machine's shapes; a diagonal is a convolution of one tap per channel, else a matrix."""
    match map_:
        case DenseMap():
            return replace(map_, source=source, shape=target)
        case ConvMap():
            return replace(map_, source=source, shape=target)
        case Diagonal():
            scale = map_.scale.reshape(target)
            if len(target) == 3 and source == target and not varies_within_channels(scale):
                taps = scale[:, 0, 0].copy()
                return one_tap(taps, source)
            if scale.size**2 > LARGEST_DIAGONAL:
                what = f"one input to each of {scale.size:,} neurons needs {scale.size:,} x {scale.size:,} weights"
                raise Snn2hwError(what, "give both sides one shape (channels, height, width): one weight per channel")
            return DenseMap(np.diag(scale.reshape(-1)), source, target)
        case _:
            assert_never(map_)
