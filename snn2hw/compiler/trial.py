"""Layers that count, one threshold a spike, tried on the calibration data before their registers are settled.

One spike too many among seven is a threshold's worth of error in everything downstream, so what decides here is not
the expected squared error of V alone:

- A decay register misses its share by up to half a unit. Of the nearest registers, with a gain for the inputs that
  makes up for what they lose, those are taken that leave V nearest to the float network's, its own spikes given. A gain
  of g is a threshold of 1 / g.
- Of the scales and roundings whose expected error is nearly the least, the one is taken that sends most messages as the
  float network does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE
from sim.program import INPUT
from snn2hw.network.apply import applied
from snn2hw.network.float_reference import run_network
from snn2hw.network.maps import Float
from snn2hw.network.network import Link
from snn2hw.network.registers import RealMachine, RealPopulation, WeightMap

__all__ = ["NEAR", "FloatTrial", "is_tried", "settled", "trial_of"]

VALUES = 1 << 22
"""How many neuron-steps a trial has at most: so many samples are enough to tell two roundings apart."""

NEAR = 2.0
"""A rounding is nearly the best up to so many times its expected squared error."""

WORK = 3e9
"""Products that the trials of one layer may take; beyond it the expected error decides alone."""


@dataclass(frozen=True, eq=False)
class FloatTrial:
    """The float network on some of the calibration data: messages (b, t, *shape) by source, u and v in real registers.

    Only layers that count are in ``u`` and ``v``.
    """

    messages: Mapping[str, Float]
    u: Mapping[str, Float]
    v: Mapping[str, Float]

    def differing(self, layer: RealPopulation, heard: Sequence[Link[WeightMap]], most: int) -> NDArray[np.int64]:
        """Return, per neuron, how many messages differ from the float network's where the links have these weights."""
        wanted = self.messages[layer.name]
        arriving = np.zeros(wanted.shape)
        for link in heard:
            arriving += self._brought(link, wanted.shape)
        u, v = np.zeros(wanted[:, 0].shape), np.broadcast_to(layer.v0, wanted[:, 0].shape).copy()
        off = np.zeros(layer.shape, np.int64)
        for t in range(wanted.shape[1]):
            u = (1 - layer.share_u) * u + arriving[:, t]
            v = (1 - layer.share_v) * v + u + layer.drive
            sent = np.clip(np.floor(v / layer.threshold), 0, most)
            v = v - sent * layer.threshold
            off += (sent != wanted[:, t]).sum(axis=0)
        return off

    def affordable(self, layer: RealPopulation, tries: int) -> bool:
        """Return whether so many trials of a layer are soon done."""
        steps = self.messages[layer.name].size
        return bool(tries * steps * sum(link.map.weight[0].size for link in layer.links) <= WORK)

    def _brought(self, link: Link[WeightMap], shape: tuple[int, ...]) -> Float:
        sent = self.messages.get(link.source)
        if sent is None:  # an axon that is always on
            sent = np.ones((*shape[:2], 1))
        late = np.zeros_like(sent)
        late[:, link.lag :] = sent[:, : max(0, shape[1] - link.lag)]
        return applied(link.map, late.reshape(shape[0] * shape[1], *sent.shape[2:])).reshape(shape)


def is_tried(layer: RealPopulation) -> bool:
    """Return whether a layer keeps what is left above a threshold that it takes off: it counts what arrives."""
    return layer.fires_at_threshold and layer.reset == "subtract"


def trial_of(machine: RealMachine, rasters: NDArray[np.integer] | None) -> FloatTrial | None:
    """Return a trial of the layers that count; None without any, or without data."""
    several = [p for p in machine.populations if is_tried(p)]
    if rasters is None or not several:
        return None
    largest = max(p.size for p in machine.populations)
    x = rasters[: max(1, VALUES // (rasters.shape[1] * largest))]
    trace = run_network(machine.network, x, record=("spikes", "u", "v"))
    messages: dict[str, Float] = {INPUT: x.reshape(*x.shape[:2], *machine.input_shape).astype(np.float64)}
    for p in machine.populations:
        if p.fires:
            messages[p.name] = trace.spikes[p.node].reshape(*x.shape[:2], *p.shape)
    shapes = {p.name: messages[p.name].shape for p in several}
    return FloatTrial(
        messages,
        u={p.name: trace.u[p.node].reshape(shapes[p.name]) / p.unit for p in several},
        v={p.name: (trace.v[p.node].reshape(shapes[p.name]) - p.origin) / p.unit for p in several},
    )


def settled(layer: RealPopulation, trial: FloatTrial | None) -> RealPopulation:
    """Return a layer that counts with the decays that its registers will hold, and the gain that makes up for them."""
    if trial is None or not is_tried(layer):
        return layer
    u, v = trial.u[layer.name], trial.v[layer.name]
    decides = v + trial.messages[layer.name] * layer.threshold > 0  # what is inhibited is far from any spike
    least = np.full(layer.shape, np.inf)
    best = [layer.share_u, layer.share_v, np.ones(layer.shape)]
    for shares in product(_registers(layer.share_u), _registers(layer.share_v)):
        missed, response = (decides * made for made in _responses(layer, u, v, shares))
        power = np.square(response).sum(axis=(0, 1))
        gain = -(missed * response).sum(axis=(0, 1)) / np.where(power > 0, power, 1.0)
        error = np.square(missed + gain * response).sum(axis=(0, 1))
        better = error < least
        least = np.where(better, error, least)
        best = [np.where(better, new, old) for new, old in zip((*shares, 1 + gain), best, strict=True)]
    share_u, share_v, gain = best
    return replace(
        layer,
        share_u=share_u,
        share_v=share_v,
        threshold=layer.threshold / gain,
        drive=layer.drive / gain,
        u0=layer.u0 / gain,
        v0=layer.v0 / gain,
        unit=layer.unit * gain,
    )


def _registers(share: Float) -> tuple[Float, ...]:
    """Return the shares of the two registers nearest to ``share``; what needs none stays as it is."""
    if ((share == 1) | (share == 0)).any():
        return (share,)
    low = np.clip(np.floor(share * DECAY_ONE), 1, DECAY_ONE - 1)
    return (low / DECAY_ONE, (low + 1) / DECAY_ONE)


def _responses(layer: RealPopulation, u: Float, v: Float, shares: tuple[Float, Float]) -> tuple[Float, Float]:
    """Return by how much V is missed with other shares, and V's response to what arrives: a gain adds so much of it.

    Spikes are the float network's own. With x what arrives, s' the other shares and E, F what is returned,

        E_u = (1 - s'_u) E_u + (s_u - s'_u) u[t - 1];    E = (1 - s'_v) E + E_u + (s_v - s'_v) v[t - 1]
        F_u = (1 - s'_u) F_u + x;                        F = (1 - s'_v) F + F_u
    """
    other_u, other_v = shares
    missed, response = np.empty_like(v), np.empty_like(v)
    e_u, e, f_u, f, last_u = (np.zeros(v[:, 0].shape) for _ in range(5))
    last_v = np.broadcast_to(layer.v0, e.shape)
    for t in range(v.shape[1]):
        e_u = (1 - other_u) * e_u + (layer.share_u - other_u) * last_u
        f_u = (1 - other_u) * f_u + u[:, t] - (1 - layer.share_u) * last_u
        e = (1 - other_v) * e + e_u + (layer.share_v - other_v) * last_v
        f = (1 - other_v) * f + f_u
        missed[:, t], response[:, t] = e, f
        last_u, last_v = u[:, t], v[:, t]
    return missed, response
