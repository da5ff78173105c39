"""A trained network of ReLUs as a spiking Source: rates of integrate-and-fire neurons stand for its activations.

A ReLU layer whose activations stay below L becomes neurons with threshold L that lose L with every spike and start at
L / 2; each of their spikes counts L. Over T steps of a constant input x a neuron gets T x and sends about T x / L
spikes, so what it sends on is x to within L / (2 T). L is a percentile of the layer's activations on data: a higher one
loses resolution, a lower one cuts the largest activations off. The last layer is added up and read after the last step.
Neurons that only reset to zero lose what exceeds the threshold; what a spike of theirs counts is fitted to the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import InputError
from snn2hw.conversion.balance import Balance, Per, balance, or_worths, rates
from snn2hw.conversion.spikes import Stand, neurons, spiking
from snn2hw.problems import Problem, refuse
from snn2hw.sources.expression.emit import emit
from snn2hw.sources.expression.neurons import NetworkStep
from snn2hw.sources.expression.operations import Array, Shape
from snn2hw.sources.expression.values import Value
from snn2hw.sources.semantics import NORSE, Reset
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import nir
    import torch

__all__ = ["Conversion", "ReluNetwork", "Spiking", "convert", "in_steps", "read_ann"]

Spiking = Literal["if", "lif"]

OR = "max pooling stands as an OR of spikes, whose rate is above the greatest one: judge it, or train with averages"
CURVE = "train with ReLU: rates of spikes are 0 or more and grow in proportion, no other curve is one"


@dataclass(frozen=True, eq=False)
class ReluNetwork:
    """A network of ReLUs: its output as an expression of its layers, and where it comes from."""

    output: Value
    input_shape: Shape
    origin: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Conversion:
    """A spiking network, the thresholds it got, and the network that it was made from."""

    source: Source
    balances: tuple[Balance, ...]
    ann: ReluNetwork

    def outputs(self, x: ArrayLike) -> Array:
        """Return the outputs of the network of ReLUs for samples (n, *input shape)."""
        graph, caps = _rate_graph(self.ann)
        samples = _samples(x, self.ann)
        return np.concatenate([out for out, _ in rates(graph, samples, caps)])


def read_ann(model: "Path | str | torch.nn.Module", input_shape: Sequence[int] | None = None) -> ReluNetwork:
    """Read an ONNX file or a torch module; ``input_shape`` (without batch) is needed for a module only.

    Raises:
        ProblemsError: every operator that cannot be converted, each with its place and what to write instead.
    """
    if isinstance(model, str | Path):
        from snn2hw.conversion.onnx_graph import read_onnx

        output, shape, notes = read_onnx(model)
        return ReluNetwork(output, shape, f"ann: {Path(model).name}", notes)
    origin = f"ann: {type(model).__name__}"
    if input_shape is None:
        raise InputError(f"{origin}: no input shape", "give input_shape, one sample without the batch axis")
    return _read_module(model, tuple(int(n) for n in input_shape), origin)


def _read_module(model: "torch.nn.Module", shape: Shape, origin: str) -> ReluNetwork:
    from snn2hw.sources.from_norse.heads import chosen
    from snn2hw.sources.from_norse.needed import needed
    from snn2hw.sources.from_norse.tracing import trace

    run = trace(model, shape, "once", 1, origin)
    name, others = chosen(run.heads, None, origin)
    tag = run.heads[0].tags.get(name)
    found = needed(() if tag is None else tag.values, run.threads)
    problems = [p for p, always in run.reported.items() if always or p in found.problems or tag is None]
    problems += [*run.branches, *(p for p in found.problems if p not in run.reported)]
    problems = [replace(p, fix=CURVE) if "a neuron is the nonlinearity" in p.fix else p for p in problems]
    if run.threads:
        what = f"holds spiking neurons ({', '.join(t.where for t in run.threads)})"
        problems.append(Problem(type(model).__name__, what, "read it with from_norse instead"))
    elif tag is None and not problems:
        what = f"the output is a {run.heads[0].kind} that does not depend on the input"
        problems.append(Problem(type(model).__name__, what, "return the output tensor"))
    refuse(origin, problems)
    assert tag is not None
    notes = [f"{tag.decoded} runs on the host"] if tag.decoded else []
    notes += [f"output {name!r} is read; left out: output {', '.join(map(repr, others))}"] if others else []
    return ReluNetwork(tag.values[0], shape, origin, tuple(notes))


def convert(
    ann: ReluNetwork,
    data: ArrayLike,
    *,
    percentile: float = 99.9,
    per: Per | None = None,
    neuron: Spiking = "if",
    reset: Reset | Literal["zero"] = "subtract",
    leak_steps: float = 100.0,
    dt: float = 1e-3,
) -> Conversion:
    """Return ``ann`` as a spiking network, balanced on ``data`` (n, *input shape), whose input is fed anew every step.

    Args:
        ann: what `read_ann` returned.
        data: samples like those it was trained on; a few hundred are enough.
        percentile: of the positive activations, the one that a neuron firing in every step stands for.
        per: one threshold for a "layer", or one for each "channel"; by default the latter if spikes subtract.
        neuron: "if" keeps what it got; "lif" leaks towards half its threshold, with a time constant of ``leak_steps``.
        reset: "subtract" keeps what exceeds the threshold; "zero", which is "value" too, loses it.
        leak_steps: the membrane's time constant in steps, for "lif".
        dt: seconds per step.
    """
    reset = "value" if reset == "zero" else reset
    if not leak_steps > 1:
        raise InputError(f"leak_steps {leak_steps}", "give a time constant above 1 step")
    per = per or ("channel" if reset == "subtract" else "layer")
    samples = _samples(data, ann)
    graph, caps = _rate_graph(ann)
    if not caps:
        raise InputError(f"{ann.origin}: holds no ReLU", "nothing would spike; give a network with ReLUs")
    balances = balance(graph, samples, caps, percentile=percentile, per=per, reset=reset)
    leak = None if neuron == "if" else 1.0 / leak_steps
    ors = or_worths(graph, samples, balances)
    stands = [Stand(neurons(b.threshold, leak), b.worth) for b in balances]
    step, _ = spiking(ann.output, stands, ors)
    kind = "IF" if neuron == "if" else f"LIF, tau {leak_steps:g} steps"
    said = (f"converted: {kind}, thresholds at percentile {percentile:g} per {per}", *([OR] if ors else []))
    notes = (*ann.notes, *said, "output: last step")
    source = Source(_graph(step, ann, dt), dt, "euler", reset, ann.origin, semantics=NORSE, notes=notes)
    return Conversion(source, balances, ann)


def in_steps(x: ArrayLike, steps: int) -> Array:
    """Return samples (n, *shape) as rasters (n, steps, *shape): the same input in every step."""
    samples = np.asarray(x, np.float64)
    return np.broadcast_to(samples[:, None], (len(samples), steps, *samples.shape[1:]))


def _samples(x: ArrayLike, ann: ReluNetwork) -> Array:
    samples = np.asarray(x, np.float64)
    if samples.shape[1:] != ann.input_shape or len(samples) == 0:
        expected = ("n", *ann.input_shape)
        raise InputError(
            f"{ann.origin}: data of shape {samples.shape}", f"give samples ({', '.join(map(str, expected))})"
        )
    if not np.isfinite(samples).all():
        raise InputError(f"{ann.origin}: data holds values that are not finite", "give finite numbers")
    return samples


def _rate_graph(ann: ReluNetwork) -> tuple["nir.NIRGraph", dict[str, float | None]]:
    """Return the network with stand-ins for its ReLUs, and the largest value that each lets through."""
    step, caps = spiking(ann.output, None)
    return _graph(step, ann, 1.0), caps


def _graph(step: NetworkStep, ann: ReluNetwork, dt: float) -> "nir.NIRGraph":
    from snn2hw.sources.graph import assemble

    emitted = emit(step, ann.input_shape, dt)
    refuse(ann.origin, emitted.problems)
    return assemble(emitted.nodes, emitted.edges, ann.origin)
