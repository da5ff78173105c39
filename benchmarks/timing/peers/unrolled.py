"""A convolution as the list of its synapses, for simulators that know no convolutions."""

from typing import Any

import numpy as np
from contest import Layer

__all__ = ["shape_after", "synapses"]

Array = np.ndarray[Any, Any]


def shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape (C, H, W) or (N,) of a layer's neurons."""
    if layer.folded.ndim == 2:
        return layer.folded.shape[:1]
    sides = [(n - k) // layer.folded_stride + 1 for n, k in zip(shape[1:], layer.folded.shape[2:], strict=True)]
    return layer.folded.shape[0], *sides


def synapses(layer: Layer, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Return weight, target and source of every synapse, neurons numbered in the order (C, H, W)."""
    if layer.folded.ndim == 2:
        targets, sources = np.indices(layer.folded.shape)
        return layer.folded.astype(np.int32).ravel(), targets.ravel(), sources.ravel()
    out = shape_after(layer, shape)
    o, i, y, x, h, w = np.ix_(*(np.arange(n) for n in (*layer.folded.shape, *out[1:])))
    targets = (o * out[1] + h) * out[2] + w
    sources = (i * shape[1] + h * layer.folded_stride + y) * shape[2] + w * layer.folded_stride + x
    weights = layer.folded.astype(np.int32)[..., None, None]
    everywhere = np.broadcast_shapes(targets.shape, sources.shape, weights.shape)
    weights, targets, sources = (np.broadcast_to(a, everywhere).ravel() for a in (weights, targets, sources))
    return weights, targets, sources
