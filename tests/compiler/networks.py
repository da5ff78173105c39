"""Random float networks of every kind the compiler reads, as Sources."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np

from snn2hw.sources import NORSE, Semantics, Source
from snn2hw.sources.graph import assemble

DT = 1e-3


@dataclass
class Builder:
    """Nodes and edges, and a generator to draw their numbers from."""

    rng: np.random.Generator
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, node: Any, *sources: str) -> str:
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return name

    def source(self, last: str, *, reset: str = "value", semantics: Semantics = NORSE) -> Source:
        self.nodes["output"] = nir.Output(None)
        self.edges.append((last, "output"))
        graph = assemble(self.nodes, self.edges, "test")
        return Source(graph, DT, "euler", reset, "test", semantics)  # type: ignore[arg-type]  # tests say it as text

    def normal(self, *shape: int, scale: float) -> np.ndarray:
        return self.rng.normal(0.0, scale, shape)


def lif(v_leak: float = 0.0, v_reset: float = 0.0, tau: float = 8e-3) -> Any:
    """A neuron without synaptic filter."""
    return nir.LIF(*(np.array([x]) for x in (tau, 1.0, v_leak, 1.0)), v_reset=np.array([v_reset]))


def cuba(v_leak: float = 0.0, v_reset: float = 0.0, tau: float = 1e-2, tau_syn: float = 5e-3) -> Any:
    """Norse's default neuron: an input jumps the current by itself."""
    first = (np.array([x]) for x in (tau_syn, tau, 1.0, v_leak, 1.0))
    return nir.CubaLIF(*first, v_reset=np.array([v_reset]), w_in=np.array([tau_syn / DT]))


def readout(tau: float = 1e-2, tau_syn: float = 5e-3) -> Any:
    """A leaky integrator behind a synaptic filter."""
    return nir.CubaLI(*(np.array([x]) for x in (tau_syn, tau, 1.0, 0.0)), w_in=np.array([tau_syn / DT]))


def dense(rng: np.random.Generator, neuron: Callable[[], Any] = lif, *, bias: float = 0.0, **options: Any) -> Source:
    """20 -> 16 -> 6, all to all."""
    b = Builder(rng)
    b.add("input", nir.Input(np.array([20])))
    b.add("fc1", nir.Affine(b.normal(16, 20, scale=1.5), b.normal(16, scale=bias) if bias else np.zeros(16)), "input")
    b.add("one", neuron(), "fc1")
    b.add("fc2", nir.Affine(b.normal(6, 16, scale=2.0), b.normal(6, scale=bias) if bias else np.zeros(6)), "one")
    return b.source(b.add("two", neuron(), "fc2"), **options)


def convolutional(rng: np.random.Generator, *, bias: float = 0.3) -> Source:
    """conv, LIF, max pool of spikes, conv, CubaLIF, flatten, linear, LI: the shape of a keyword spotter."""
    b = Builder(rng)
    b.add("input", nir.Input(np.array([2, 10, 9])))
    weight = b.normal(5, 2, 3, 3, scale=1.5)
    b.add("conv1", nir.Conv2d(None, weight, 1, (1, 1), 1, 1, b.normal(5, scale=bias)), "input")
    b.add("lif1", lif(), "conv1")
    b.add("pool", nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])), "lif1")
    b.add("or", nir.Threshold(np.array([0.5])), "pool")
    b.add("conv2", nir.Conv2d(None, b.normal(7, 5, 3, 3, scale=1.5), 1, (0, 0), 1, 1, b.normal(7, scale=bias)), "or")
    b.add("lif2", cuba(), "conv2")
    b.add("flatten", nir.Flatten(None, 0, -1), "lif2")
    b.add("fc", nir.Linear(b.normal(4, 7 * 3 * 2, scale=0.5)), "flatten")
    return b.source(b.add("readout", readout(), "fc"))


def recurrent(rng: np.random.Generator, neuron: Callable[[], Any] = cuba, **options: Any) -> Source:
    """12 -> 10 with a loop and a skip of three steps -> 5."""
    b = Builder(rng)
    b.add("input", nir.Input(np.array([12])))
    b.add("fc", nir.Affine(b.normal(10, 12, scale=2.0), b.normal(10, scale=0.3)), "input")
    b.add("w_rec", nir.Linear(b.normal(10, 10, scale=0.8)), "hidden")
    b.add("hidden", neuron(), "fc", "w_rec")
    b.add("late", nir.Delay(np.full(10, 3 * DT)), "hidden")
    b.add("skip", nir.Linear(b.normal(5, 10, scale=1.5)), "late")
    b.add("fc2", nir.Linear(b.normal(5, 10, scale=1.5)), "hidden")
    return b.source(b.add("out", neuron(), "fc2", "skip"), **options)


def raster(source: Source, rng: np.random.Generator, *, samples: int = 6, steps: int = 40, rate: float = 0.3) -> Any:
    """Bernoulli spikes."""
    return (rng.random((samples, steps, *source.input_shape)) < rate).astype(np.uint8)
