"""Why a program's spikes differ from the float network's: where each difference began, and what became of it.

A root is a difference before which nothing differed in its sample: from there on the two networks live different
lives. At a root one side fired and the other did not; the quiet side's distance from threshold, in threshold mantissas,
says how little decided. Every neuron-step is judged from the machine's own state too: the float neuron, given the
machine's u, v and messages, decides as the machine did, or the step counts as ``own``.

Distances are told in threshold mantissas and in register units: one unit is what v moves by if every register that had
a part in it is off by one, R mantissas with (x the messages, e a link's weight exponent)

    Q[t] = (1 - share_u) Q[t-1] + sum over links of (2^e sum |x| + [e < 0]) + |U| / 4096 + 1/64
    R[t] = (1 - share_v) R[t-1] + Q[t] + |V| / 4096 + (1 + bias unit) / 64,       R = 0 where a spike resets to zero

At a root both networks had heard the same messages since the start; for ``own`` R counts one step alone. A difference
within one unit is one that no register of this width could be expected to decide.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.engines import DEFAULT_ENGINE, run
from sim.program import INPUT
from sim.trace import Trace
from snn2hw.compiler.compile import Compiled
from snn2hw.compiler.quantized import Quantized
from snn2hw.network.apply import applied
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealPopulation

if TYPE_CHECKING:
    from snn2hw.network.float_reference import FloatTrace

__all__ = ["Explained", "explain"]

UNIT = 1 << VTH_SHIFT


@dataclass(frozen=True)
class Explained:
    """One firing population: how many neuron-steps differ from the float network's, and why."""

    name: str
    neuron_steps: int
    different: int
    roots: int
    root_distance: float
    """The greatest distance of the quiet side from threshold at a root, in threshold mantissas."""
    root_units: float
    """The greatest distance at a root in register units."""
    own: int
    """Neuron-steps in which the machine decided otherwise than the float neuron in the machine's own state."""
    own_distance: float
    """The greatest distance from threshold, in mantissas, at which it did."""
    own_units: float
    """The greatest such distance in register units."""


def explain(compiled: Compiled, data: NDArray[np.integer], *, engine: str = DEFAULT_ENGINE) -> tuple[Explained, ...]:
    """Run float network and program on ``data`` (B, T, *input shape) and account for every difference."""
    from snn2hw.network.float_reference import run_network

    program = compiled.program
    shaped = data.reshape(*data.shape[:2], *program.input.shape)
    trace = run(program, shaped, engine=engine, record=("spikes", "u", "v"))
    ideal = run_network(compiled.network, data, record=("spikes", "v"))
    firing = [made for made in compiled.layers if made.population.fires]
    different = {
        made.population.name: trace.spikes[made.population.name]
        != ideal.spikes[made.layer.node].reshape(trace.spikes[made.population.name].shape)
        for made in firing
    }
    first = _first_steps(list(different.values()))
    return tuple(
        _explained(compiled, made, trace, shaped, ideal, different[made.population.name], first) for made in firing
    )


def _first_steps(different: list[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return, per sample, population * steps + step of the first difference in the order of computation."""
    steps = different[0].shape[1]
    any_at = np.stack([d.reshape(*d.shape[:2], -1).any(axis=2) for d in different], axis=2)  # b t p
    flat = any_at.reshape(len(any_at), -1)
    where = np.where(flat.any(axis=1), flat.argmax(axis=1), -1)  # step * populations + population
    step, population = np.divmod(where, len(different))
    return np.where(where < 0, -1, population * steps + step)


def _explained(
    compiled: Compiled,
    made: Quantized,
    trace: Trace,
    data: NDArray[np.integer],
    ideal: "FloatTrace",
    different: NDArray[np.bool_],
    first: NDArray[np.int64],
) -> Explained:
    name = made.population.name
    place = [m.population.name for m in compiled.layers if m.population.fires].index(name)
    rooted = np.zeros_like(different)
    for sample, at in enumerate(first - place * different.shape[1]):
        if 0 <= at < different.shape[1]:
            rooted[sample, at] = different[sample, at]
    distance = _quiet_distance(made, trace, ideal)
    once, since_start = _units(made, trace, data)
    missed = _own_distance(made, trace, data)
    own = missed > 0
    return Explained(
        name=name,
        neuron_steps=different.size,
        different=int(different.sum()),
        roots=int(rooted.sum()),
        root_distance=float(distance[rooted].max(initial=0)),
        root_units=float((distance / since_start)[rooted].max(initial=0)),
        own=int(own.sum()),
        own_distance=float(missed.max(initial=0)),
        own_units=float((missed / once)[own].max(initial=0)),
    )


def _units(made: Quantized, trace: Trace, data: NDArray[np.integer]) -> tuple[Float, Float]:
    """Return one register unit in mantissas, per neuron-step: within the step alone, and since the sample's start."""
    layer, population, name = made.layer, made.population, made.population.name
    spikes = trace.spikes[name]
    once, since_start = np.empty(spikes.shape), np.empty(spikes.shape)
    bias = np.exp2(population.bias_exponent.astype(np.float64))
    q, r = np.zeros(layer.shape), np.zeros(layer.shape)
    u, v = population.u0.astype(np.float64), population.v0.astype(np.float64)
    for t in range(spikes.shape[1]):
        arriving = np.zeros((len(data), *layer.shape))
        for link, connection in zip(layer.links, population.inputs, strict=True):
            if t >= link.lag:
                ones = replace(link.map, weight=np.ones_like(link.map.weight))
                messages = np.abs(_messages(link.source, trace, data)[:, t - link.lag].astype(np.float64))
                arriving += 2.0**connection.exponent * applied(ones, messages) + (connection.exponent < 0)
        on_u = arriving + (np.abs(u) / DECAY_ONE + 1) / UNIT
        on_v = (np.abs(v) / DECAY_ONE + 1 + bias) / UNIT
        once[:, t] = on_u + on_v
        q = (1 - layer.share_u) * q + on_u
        r = (1 - layer.share_v) * r + q + on_v
        since_start[:, t] = r
        if population.reset == "zero":
            r = np.where(spikes[:, t] > 0, 0.0, r)
        u, v = trace.u[name][:, t].astype(np.float64), trace.v[name][:, t].astype(np.float64)
    return once, since_start


def _quiet_distance(made: Quantized, trace: Trace, ideal: "FloatTrace") -> Float:
    """Return how far below threshold the side that did not fire stands, in mantissas."""
    layer, name = made.layer, made.population.name
    ours = trace.v[name] / (UNIT * made.scale)
    if layer.node not in ideal.v:
        return np.asarray(np.abs(ours - layer.threshold) * made.scale)
    theirs = (ideal.v[layer.node].reshape(ours.shape) - layer.origin) / layer.unit
    return np.asarray(np.abs(np.where(trace.spikes[name] > 0, theirs, ours) - layer.threshold) * made.scale)


def _own_distance(made: Quantized, trace: Trace, data: NDArray[np.integer]) -> Float:
    """Return how far from threshold the float neuron stood where the machine decided otherwise from the same state."""
    layer, name = made.layer, made.population.name
    spikes, unit = trace.spikes[name], UNIT * made.scale
    missed = np.zeros(spikes.shape)
    u, v = made.population.u0 / unit, made.population.v0 / unit
    for t in range(spikes.shape[1]):
        raised = _step(layer, trace, data, t, u, v)
        fires = raised >= layer.threshold if layer.fires_at_threshold else raised > layer.threshold
        distance = np.maximum(np.abs(raised - layer.threshold) * made.scale, np.finfo(np.float64).tiny)
        missed[:, t] = np.where(fires != spikes[:, t], distance, 0.0)
        u, v = trace.u[name][:, t] / unit, trace.v[name][:, t] / unit
    return missed


def _step(layer: RealPopulation, trace: Trace, data: NDArray[np.integer], t: int, u: Float, v: Float) -> Float:
    """Return V before the reset, as the float neuron computes it from the machine's state and messages."""
    arriving = np.zeros((len(data), *layer.shape))
    for link in layer.links:
        if t >= link.lag:
            messages = _messages(link.source, trace, data)[:, t - link.lag]
            arriving += applied(link.map, messages.astype(np.float64))
    return np.asarray((1 - layer.share_v) * v + (1 - layer.share_u) * u + arriving + layer.drive)


def _messages(source: str, trace: Trace, data: NDArray[np.integer]) -> NDArray[np.generic]:
    return data if source == INPUT else trace.spikes[source]
