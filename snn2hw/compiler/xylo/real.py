"""A layer of a Xylo chip in real numbers: which shifts its leaks become, and what that asks of its weights.

With s the share that a real state loses and s' = 2^-dash what the chip's loses, the chip's current decays after its
input, so it comes to (1 - s') / s' of a constant input where the real one comes to 1 / s. A weight of

    W s' / (s (1 - s')) sqrt(m' / m)

gives the same charge; m and m' are the same of the membrane, whose error lies half in the weights: a quiet membrane
follows 1 / m, a busy one the thresholds alone, and data decide about the rest (`snn2hw.compiler.xylo.joint`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.registers import NoRegisterError
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealPopulation

__all__ = ["XyloLayer", "nearest_dash", "xylo_layer"]

TOP = 32767

UNMEASURED = 2048
"""Where there are no data, a threshold's worth of a register: 16 of them fit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class XyloLayer:
    """One layer: decays, and weights, threshold and drive in units of V, all per neuron."""

    layer: RealPopulation
    dash_syn: NDArray[np.int64]
    dash_mem: NDArray[np.int64]
    weights: tuple[Float, ...]
    """Per link, with what makes up for the decays."""
    drive: Float
    largest: Float
    """The greatest value that a state reaches, in units of V, per neuron: 16 bits must hold the scale times this."""


def nearest_dash(share: Float, least: int) -> NDArray[np.int64]:
    """Return the shift whose share is nearest by ratio; a state that loses nothing gets the longest.

    >>> nearest_dash(np.array([0.0, 0.06, 0.5, 1.0]), 0).tolist()
    [15, 4, 1, 0]
    """
    with np.errstate(divide="ignore"):
        dash = np.rint(-np.log2(share))
    return np.clip(dash, least, 15).astype(np.int64)


def xylo_layer(prepared: Prepared, layer: RealPopulation) -> XyloLayer:
    """Return a layer with the chip's decays; refuse a state before step 0, which the chip cannot set."""
    if layer.v0.any() or layer.u0.any():
        raise NoRegisterError("a potential or current before step 0, which the chip cannot set", "start from 0")
    syn, mem = nearest_dash(layer.share_u, 1), nearest_dash(layer.share_v, 0)
    lost_u, lost_v = np.exp2(-syn.astype(np.float64)), np.exp2(-mem.astype(np.float64))
    leaks = layer.share_v > 0
    membrane = np.sqrt(np.where(leaks, lost_v / np.where(leaks, layer.share_v, 1), 1))
    gain = lost_u / (layer.share_u * (1 - lost_u)) * membrane
    drive = layer.drive + sum((a.values / layer.share_u for a in layer.always), np.zeros(layer.shape))
    weights = tuple(k.map.weight * _of_rows(gain, k.map.weight) for k in layer.links)
    return XyloLayer(
        layer=layer,
        dash_syn=syn,
        dash_mem=mem,
        weights=weights,
        drive=drive * membrane,
        largest=_largest(prepared, layer, weights, lost_u),
    )


def _of_rows(values: Float, weight: Float) -> Float:
    """Return one value per row of weights, as an array that multiplies them."""
    rows = values.reshape(weight.shape[0], -1)[:, 0]
    return rows.reshape(-1, *(1,) * (weight.ndim - 1))


def _largest(prepared: Prepared, layer: RealPopulation, weights: tuple[Float, ...], lost_u: Float) -> Float:
    seen = prepared.ranges.layers.get(layer.name)
    theta = np.where(layer.fires, layer.threshold, 0.0)
    if seen is None:
        rows = sum((np.abs(w).reshape(len(w), -1).sum(axis=1) for w in weights), np.zeros(layer.shape[0]))
        unmeasured = TOP / UNMEASURED * (theta if layer.fires else np.broadcast_to(rows.max(initial=1e-9), theta.shape))
        return np.maximum(unmeasured, 1e-9)

    def per_neuron(values: Float) -> Float:
        return np.broadcast_to(values.reshape(-1, *(1,) * (len(layer.shape) - 1)), layer.shape)

    current = np.maximum(-per_neuron(seen.u_low), per_neuron(seen.u_high)) / (1 - lost_u)
    potential = np.maximum(-per_neuron(seen.v_low), per_neuron(seen.v_high) + max(1, seen.most) * theta)
    return np.asarray(np.maximum(np.maximum(current, potential), 1e-9), dtype=np.float64)
