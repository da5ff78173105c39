"""What flows through a network on real input: ranges of every membrane and current, and how active every source is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.program import INPUT
from sim.summary import Shown, Summary, span_text
from snn2hw.compiler.feeding import Fed
from snn2hw.compiler.moments import MomentMeter, Moments
from snn2hw.network.float_reference import FloatTrace
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealMachine, RealPopulation

__all__ = ["LayerRange", "Ranges", "measured", "sample_unit", "unmeasured"]

SAMPLED = 1 << 14
"""How many values of u and v are kept per layer."""


@dataclass(frozen=True, eq=False)
class LayerRange:
    """One population on the calibration data, in its real registers; arrays are per channel."""

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
    most: int = 1
    """The greatest message that was sent."""


@dataclass(frozen=True, eq=False, repr=False)
class Ranges(Shown):
    """The calibration of a network: one `LayerRange` per layer, and the mean square message of every source element."""

    steps: int
    samples: int
    messages: tuple[int, int]
    """The least and the greatest message of the input."""
    layers: Mapping[str, LayerRange]
    power: Mapping[str, Float]
    moments: Mapping[tuple[str, int], Moments | None]
    """Per link (layer, place among its links): which inputs are active together."""

    def _summary(self) -> Summary:
        return Summary(
            title=f"Ranges of {len(self.layers)} layers on {self.samples} samples of {self.steps} steps",
            facts=[f"input {span_text(*self.messages)}"],
            header=("layer", "u", "v", "rate", "silent", "always on"),
            rows=[
                (
                    name,
                    *(
                        span_text(f"{low.min():.3g}", f"{high.max():.3g}")
                        for low, high in ((one.u_low, one.u_high), (one.v_low, one.v_high))
                    ),
                    *(f"{share:.1%}" for share in (one.rate, one.silent, one.always_on)),
                )
                for name, one in self.layers.items()
            ],
        )


def unmeasured(machine: RealMachine, data: Fed) -> Ranges:
    """Return what is taken for granted where there are no data: all messages count alike."""
    power = {name: np.ones(shape) for name, shape in machine.shapes.items()}
    return Ranges(data.steps, 0, data.messages, layers={}, power=power, moments={})


def measured(machine: RealMachine, data: Fed, runs: Iterable[tuple[NDArray[np.integer], FloatTrace]]) -> Ranges:
    """Measure in real registers what the float machine did with each chunk of the data."""
    meters = _Meters(machine)
    for chunk, trace in runs:
        meters.add(chunk, trace)
    return meters.finish(data)


class _Meters:
    """What is measured of a whole machine, over all chunks of data."""

    def __init__(self, machine: RealMachine) -> None:
        self.machine = machine
        self.layers = {layer.name: _Meter(layer.shape[0], layer.size) for layer in machine.populations}
        self.power = {name: np.zeros(shape) for name, shape in machine.shapes.items()}
        self.moments = {
            (layer.name, i): MomentMeter(link.map, (float(layer.share_u.mean()), float(layer.share_v.mean())))
            for layer in machine.populations
            for i, link in enumerate(layer.links)
        }

    def add(self, x: NDArray[np.integer], trace: FloatTrace) -> None:
        """Take in what the float machine did with one chunk."""
        messages: dict[str, NDArray[np.generic]] = {INPUT: x}
        self.power[INPUT] += np.square(x.astype(np.float64)).sum(axis=(0, 1)).reshape(self.machine.input_shape)
        for layer in self.machine.populations:
            shape = (*x.shape[:2], *layer.shape)
            z = trace.spikes[layer.node].reshape(shape) if layer.fires else np.zeros(shape)
            messages[layer.name] = z
            self.power[layer.name] += np.square(z).sum(axis=(0, 1))
            if layer.node in trace.v:
                v = (trace.v[layer.node].reshape(shape) - layer.origin) / layer.unit
                self.layers[layer.name].add(trace.u[layer.node].reshape(shape) / layer.unit, v, z, sample_unit(layer))
            else:  # a gate or a bare output keeps nothing
                self.layers[layer.name].add(np.zeros(shape), np.zeros(shape), z, np.ones(layer.shape))
        for layer in self.machine.populations:
            for i, link in enumerate(layer.links):
                self.moments[layer.name, i].add(messages[link.source])

    def finish(self, data: Fed) -> Ranges:
        """Return what was seen."""
        samples, steps = (0, 0) if data.rasters is None else data.rasters.shape[:2]
        neuron_steps = samples * steps
        return Ranges(
            steps=data.steps,
            samples=samples,
            messages=data.messages,
            layers={name: meter.finish(neuron_steps) for name, meter in self.layers.items()},
            power={name: values / neuron_steps for name, values in self.power.items()},
            moments={place: meter.finish() for place, meter in self.moments.items()},
        )


def sample_unit(layer: RealPopulation) -> Float:
    """Return in what the samples of a layer's u and v are counted: thresholds, where there is one above zero."""
    return np.asarray(np.where(layer.fires & (layer.threshold > 0), layer.threshold, 1.0))


class _Meter:
    """Extremes and samples of one layer's registers, over all chunks."""

    def __init__(self, channels: int, neurons: int) -> None:
        self.extremes = np.zeros((4, channels))  # u low, u high, v low, v high; every register passes 0
        self.samples: dict[str, list[Float]] = {"u": [], "v": []}
        self.fired = np.zeros(neurons)  # steps
        self.spikes, self.most = 0.0, 0
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
        self.fired += (z > 0).reshape(*z.shape[:2], -1).sum(axis=(0, 1))
        self.spikes, self.most = self.spikes + float(z.sum()), max(self.most, int(z.max(initial=0)))

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
            rate=self.spikes / (self.fired.size * neuron_steps),
            silent=float((self.fired == 0).mean()),
            always_on=float((self.fired == neuron_steps).mean()),
            most=self.most,
        )
