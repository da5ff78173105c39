"""What flows through a network on real input: ranges of every membrane and current, and how active every source is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError
from sim.program import INPUT
from snn2hw.compiler.moments import MomentMeter, Moments
from snn2hw.network.network import Float, Layer, Network

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["LayerRange", "Ranges", "calibrate", "sample_unit"]

CHUNK_VALUES = 1 << 24
"""How many neuron-steps are run at once: the float run records three arrays of them."""

SAMPLED = 1 << 14
"""How many values of u and v are kept per layer."""


@dataclass(frozen=True, eq=False)
class LayerRange:
    """One layer on the calibration data, in the real registers of its `Layer`; arrays are per channel."""

    u_low: Float
    u_high: Float
    v_low: Float
    v_high: Float
    u_sample: Float
    v_sample: Float
    """Values of u and v drawn at random, in thresholds of their neuron where it fires."""
    rate: float
    silent: float
    """The fraction of neurons that never fired."""
    always_on: float
    """The fraction of neurons that fired in every step."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """The calibration of a network: one `LayerRange` per layer, and the mean square message of every source element."""

    steps: int
    samples: int
    input_low: int
    input_high: int
    layers: Mapping[str, LayerRange]
    power: Mapping[str, Float]
    moments: Mapping[tuple[str, int], Moments | None]
    """Per link (layer, place among its links): which inputs are active together."""


def calibrate(
    source: "Source", network: Network, rasters: ArrayLike, *, progress: Callable[[int], object] | None = None
) -> Ranges:
    """Run a lowered Source in float64 on rasters (B, T, *input shape) and measure it."""
    x = np.asarray(rasters)
    if x.ndim != len(source.input_shape) + 2 or x.shape[2:] != source.input_shape or not x.size:
        expected = ", ".join(map(str, ("B", "T", *source.input_shape)))
        raise InputError(f"calibration data: shape {x.shape}", f"give ({expected}) integers")
    if not np.issubdtype(x.dtype, np.integer) and x.dtype != np.bool_:
        raise InputError(
            f"calibration data: expected integers, got {x.dtype}",
            "encode or quantise the input first; cast spikes with .astype('uint8')",
        )
    meters = {layer.name: _Meter(layer.shape[0], layer.size) for layer in network.layers}
    power = {INPUT: np.zeros(network.input_shape)} | {layer.name: np.zeros(layer.shape) for layer in network.layers}
    per_sample = x.shape[1] * max(layer.size for layer in network.layers)
    size = max(1, CHUNK_VALUES // per_sample)
    shapes = {INPUT: network.input_shape} | {layer.name: layer.shape for layer in network.layers}
    moments = {
        (layer.name, i): MomentMeter(
            link.map, shapes[link.source], layer.shape, (float(layer.share_u.mean()), float(layer.share_v.mean()))
        )
        for layer in network.layers
        for i, link in enumerate(layer.links)
    }
    for first in range(0, x.shape[0], size):
        _measure(source, network, x[first : first + size], meters, power, moments)
        if progress is not None:
            progress(min(size, x.shape[0] - first))
    neuron_steps = x.shape[0] * x.shape[1]
    return Ranges(
        steps=x.shape[1],
        samples=x.shape[0],
        input_low=min(0, int(x.min())),
        input_high=max(1, int(x.max())),
        layers={name: meter.finish(neuron_steps) for name, meter in meters.items()},
        power={name: values / neuron_steps for name, values in power.items()},
        moments={place: meter.finish() for place, meter in moments.items()},
    )


def _measure(
    source: "Source",
    network: Network,
    x: NDArray[np.generic],
    meters: "Mapping[str, _Meter]",
    power: Mapping[str, Float],
    moments: "Mapping[tuple[str, int], MomentMeter]",
) -> None:
    from snn2hw.network.float_reference import float_reference

    trace = float_reference(source, x, record=("spikes", "u", "v"))
    messages: dict[str, NDArray[np.generic]] = {INPUT: x}
    power[INPUT][...] += np.square(x.astype(np.float64)).sum(axis=(0, 1)).reshape(network.input_shape)
    for layer in network.layers:
        shape = (*x.shape[:2], *layer.shape)
        z = trace.spikes[layer.node].reshape(shape) if layer.fires else np.zeros(shape)
        messages[layer.name] = z
        power[layer.name][...] += z.sum(axis=(0, 1))
        if layer.node in trace.v:
            v = (trace.v[layer.node].reshape(shape) - layer.origin) / layer.unit
            meters[layer.name].add(trace.u[layer.node].reshape(shape) / layer.unit, v, z, sample_unit(layer))
        else:  # a Threshold or a bare Output keeps nothing
            meters[layer.name].add(np.zeros(shape), np.zeros(shape), z, np.ones(layer.shape))
    for layer in network.layers:
        for i, link in enumerate(layer.links):
            moments[layer.name, i].add(messages[link.source])


def sample_unit(layer: Layer) -> Float:
    """Return in what the samples of a layer's u and v are counted: thresholds, where there is one above zero."""
    return np.asarray(np.where(layer.fires & (layer.threshold > 0), layer.threshold, 1.0))


class _Meter:
    """Extremes and samples of one layer's registers, over all chunks."""

    def __init__(self, channels: int, neurons: int) -> None:
        self.extremes = np.zeros((4, channels))  # u low, u high, v low, v high; every register passes 0
        self.samples: dict[str, list[Float]] = {"u": [], "v": []}
        self.fired = np.zeros(neurons)
        self.rng = np.random.default_rng(0)

    def add(self, u: Float, v: Float, z: Float, unit: Float) -> None:
        """Take in one chunk, (b, t, *shape)."""
        axes = (0, 1, *range(3, u.ndim))
        for row, values in ((0, u), (2, v)):
            self.extremes[row] = np.minimum(self.extremes[row], values.min(axis=axes))
            self.extremes[row + 1] = np.maximum(self.extremes[row + 1], values.max(axis=axes))
        for name, values in (("u", u), ("v", v)):
            drawn = self.rng.integers(0, values.size, min(SAMPLED, values.size))
            self.samples[name].append(values.reshape(-1)[drawn] / unit.reshape(-1)[drawn % unit.size])
        self.fired += z.reshape(*z.shape[:2], -1).sum(axis=(0, 1))

    def finish(self, neuron_steps: int) -> LayerRange:
        """Return what was seen."""
        drawn = {name: np.concatenate(parts) for name, parts in self.samples.items()}
        u_low, u_high, v_low, v_high = self.extremes
        return LayerRange(
            u_low=u_low,
            u_high=u_high,
            v_low=v_low,
            v_high=v_high,
            u_sample=self.rng.permutation(drawn["u"])[:SAMPLED],
            v_sample=self.rng.permutation(drawn["v"])[:SAMPLED],
            rate=float(self.fired.mean() / neuron_steps),
            silent=float((self.fired == 0).mean()),
            always_on=float((self.fired == neuron_steps).mean()),
        )
