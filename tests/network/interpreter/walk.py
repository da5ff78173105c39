"""What a Source computes, in float64: the other end of every proof.

Independent of every compiler stage: it reads the NIR nodes themselves and runs any Source, lowered or not, in every
order of events that `snn2hw.sources.Semantics` can name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from snn2hw.network.float_reference import FloatRecorder, FloatTrace, Recorded, float_rasters, joined, recorder_of
from snn2hw.sources.graph import Edge, predecessors, shape_in, shape_out
from snn2hw.sources.order import Order, delay_steps, order_of
from snn2hw.sources.source import Source, require_source
from tests.network.interpreter.maps import Float, apply_map
from tests.network.interpreter.neurons import dynamics, held_message, start, step

__all__ = ["FloatTrace", "float_reference"]

MESSAGE_BYTES = 1 << 27
"""How much the messages of the largest node may take: beyond it samples are run in parts, one after the other."""


def float_reference(
    source: Source, rasters: ArrayLike, *, record: Collection[Recorded] = ("spikes", "v")
) -> FloatTrace:
    """Run ``source`` on ``rasters`` (B, T, *input shape), all samples at once, every sample from its initial state."""
    require_source(source)
    x = float_rasters(rasters, source.input_shape, source.origin)
    order = order_of(source)
    largest = max(int(np.prod(shape_out(node), dtype=np.int64)) for node in source.nodes.values())
    together = max(1, MESSAGE_BYTES // max(1, 8 * x.shape[1] * largest))
    parts = [
        _run_some(source, order, x[i : i + together], recorder_of(record)) for i in range(0, max(1, len(x)), together)
    ]
    return joined(parts)


def _run_some(source: Source, order: Order, x: Float, recorder: FloatRecorder) -> FloatTrace:
    run = _Run(source, order, x, recorder)
    for group in order.groups:
        if order.is_loop(group, source.graph.edges):
            _run_loop(run, group)
        else:
            _run_alone(run, group[0])
        _forget(run, group)
    return recorder.trace(run.output)


@dataclass(eq=False)
class _Run:
    """The messages of the nodes computed so far; those that nobody reads any more are dropped."""

    source: Source
    order: Order
    x: Float
    recorder: FloatRecorder
    sent: dict[str, Float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before: dict[str, list[str]] = predecessors(self.source.graph.edges)
        self.unread: dict[str, int] = {}
        for a, _ in self.source.graph.edges:
            self.unread[a] = self.unread.get(a, 0) + 1

    @property
    def output(self) -> Float:
        (name,) = self.source.graph.outputs
        return self.sent[name]


def _forget(run: _Run, group: tuple[str, ...]) -> None:
    for name in group:
        for source in run.before.get(name, []):
            run.unread[source] -= 1
            if not run.unread[source]:
                del run.sent[source]


def _run_alone(run: _Run, name: str) -> None:
    """Compute a node outside any loop for all steps at once."""
    node = run.source.nodes[name]
    kind = type(node).__name__
    if kind == "Input":
        run.sent[name] = run.x
        return
    batch, steps = run.x.shape[:2]
    into = (batch, steps, *shape_in(node))
    arriving = np.asarray(sum(run.sent[a].reshape(into) for a in run.before[name]))
    if kind == "Delay":
        run.sent[name] = _delayed(arriving, delay_steps(node, run.source.dt))
    elif kind in ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"):
        _run_neuron(run, name, arriving)
    else:
        flat = apply_map(node, arriving.reshape(batch * steps, *arriving.shape[2:]))
        run.sent[name] = flat.reshape(batch, steps, *shape_out(node))
        if kind == "Threshold" and "spikes" in run.recorder.asked:
            run.recorder.spikes[name] = run.sent[name]


def _delayed(x: Float, steps: np.ndarray) -> Float:
    """Shift every element by its own number of steps; nothing arrives before."""
    y = np.zeros_like(x)
    for k in np.unique(steps):
        where = (slice(None), slice(None), steps == k)
        y[where] = np.pad(x[where], ((0, 0), (int(k), 0), (0, 0)))[:, : x.shape[1]]
    return y


def _run_neuron(run: _Run, name: str, arriving: Float) -> None:
    d = dynamics(name, run.source)
    state = start(d, arriving.shape[0])
    sent = np.empty_like(arriving)
    recorders = _recorders(run, name, arriving.shape, fires=d.threshold is not None, sent=sent)
    for t in range(arriving.shape[1]):
        state, sent[:, t], u = step(d, state, arriving[:, t])
        if "u" in recorders:
            recorders["u"][:, t] = u
        if "v" in recorders:
            recorders["v"][:, t] = state.v
    run.sent[name] = sent


def _recorders(run: _Run, name: str, shape: tuple[int, ...], *, fires: bool, sent: Float) -> dict[Recorded, Float]:
    """Make the arrays that a neuron's registers are recorded into."""
    made: dict[Recorded, Float] = {}
    if "spikes" in run.recorder.asked and fires:
        run.recorder.spikes[name] = sent
    if "u" in run.recorder.asked:
        made["u"] = run.recorder.u[name] = np.empty(shape)
    if "v" in run.recorder.asked:
        made["v"] = run.recorder.v[name] = np.empty(shape) if fires else sent
    return made


def _run_loop(run: _Run, group: tuple[str, ...]) -> None:
    """Compute the nodes of a loop together, step by step."""
    batch, steps = run.x.shape[:2]
    nodes = run.source.nodes
    neurons = {n: dynamics(n, run.source) for n in group if hasattr(nodes[n], "r")}
    states = {n: start(d, batch) for n, d in neurons.items()}
    delays = {n: delay_steps(nodes[n], run.source.dt) for n in group if type(nodes[n]).__name__ == "Delay"}
    for n in group:
        run.sent[n] = np.zeros((batch, steps, *shape_out(nodes[n])))
    made = {
        n: _recorders(run, n, run.sent[n].shape, fires=d.threshold is not None, sent=run.sent[n])
        for n, d in neurons.items()
    }
    silent = _silent(run, group)
    held = [
        n for n in neurons if run.source.semantics.spike_read == "before_input" and hasattr(nodes[n], "v_threshold")
    ]
    for t in range(steps):
        for n in held:
            run.sent[n][:, t] = held_message(neurons[n], states[n])
        for n in (*(n for n in group if n not in held), *held):
            if n in delays:
                run.sent[n][:, t] = _read_back(run, n, t, delays[n])
                continue
            into = (batch, *shape_in(nodes[n]))
            arriving = np.asarray(sum(_message(run, (a, n), t, silent).reshape(into) for a in run.before[n]))
            if n not in neurons:
                run.sent[n][:, t] = apply_map(nodes[n], arriving)
                continue
            states[n], run.sent[n][:, t], u = step(neurons[n], states[n], arriving)
            if "u" in made[n]:
                made[n]["u"][:, t] = u
            if "v" in made[n]:
                made[n]["v"][:, t] = states[n].v
    for n in group:
        if type(nodes[n]).__name__ == "Threshold" and "spikes" in run.recorder.asked:
            run.recorder.spikes[n] = run.sent[n]


def _message(run: _Run, edge: Edge, t: int, silent: Mapping[str, Float]) -> Float:
    if edge not in run.order.late:
        return run.sent[edge[0]][:, t]
    return run.sent[edge[0]][:, t - 1] if t else silent[edge[0]]


def _read_back(run: _Run, name: str, t: int, steps: np.ndarray) -> Float:
    """Return what a Delay in a loop sends at step t."""
    y = np.zeros((run.x.shape[0], *steps.shape))
    for k in np.unique(steps):
        if k <= t:
            arriving = sum(run.sent[a][:, t - int(k)].reshape(y.shape) for a in run.before[name])
            y[:, steps == k] = np.asarray(arriving)[:, steps == k]
    return y


def _silent(run: _Run, group: tuple[str, ...]) -> dict[str, Float]:
    """Return what the nodes of a loop have sent before step 0: nothing, and maps what they make of nothing."""
    sent: dict[str, Float] = {}
    for name in group:
        node = run.source.nodes[name]
        shape = (run.x.shape[0], *shape_out(node))
        if hasattr(node, "r") or type(node).__name__ == "Delay":
            sent[name] = np.zeros(shape)
            continue
        into = (run.x.shape[0], *shape_in(node))
        inside = [sent[a].reshape(into) for a in run.before[name] if a in sent]
        sent[name] = apply_map(node, sum(inside, np.zeros(into)))
    return sent
