"""Look at a Source before anything is compiled: everything that stands in the way, and how large it is."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import Snn2hwError
from snn2hw.problems import Problem, ProblemsError
from snn2hw.sources.graph import predecessors, shape_in, shape_out
from snn2hw.sources.order import delay_steps, order_of
from snn2hw.sources.shapes import is_neuron
from snn2hw.sources.source import Source, require_source, reset_of

if TYPE_CHECKING:
    import nir

    from snn2hw.chips.target import Target

__all__ = ["Size", "check", "measure", "rounded"]

LEAST_SHARE = 1 / 8192
"""Half a step of a decay register: what is less reads 0."""


@dataclass(frozen=True)
class Size:
    """What there is: neurons that fire and that do not, synapses (a shared weight once per use), weights, depth."""

    spiking: int
    readout: int
    synapses: int
    weights: int
    depth: int
    populations: int

    def to_json(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)


def check(source: Source, target: "str | Path | Target | None" = None) -> list[Problem]:
    """Return everything that keeps ``source`` from being compiled (for ``target``), [] when nothing does."""
    from snn2hw.network.lowering import lower
    from snn2hw.network.reading import read_network

    require_source(source)
    problems: list[Problem] = []
    try:
        read_network(lower(source))
    except ProblemsError as error:
        problems += error.problems
    except Snn2hwError as error:
        problems.append(Problem(source.origin, error.what, error.fix or "correct the model"))
    if target is not None:
        from snn2hw.chips.target import get_target

        problems += _beyond(source, get_target(target))
    return problems


def rounded(source: Source) -> list[Problem]:
    """Return parameters that a register only holds to its nearest value, where that is felt; they stop nothing."""
    found = []
    for name, node in source.nodes.items():
        for tau in ("tau", "tau_mem", "tau_syn"):
            if hasattr(node, tau):
                found += [Problem(f"node {name!r}", *said) for said in _felt(node, tau, source)]
    return found


def _felt(node: "nir.NIRNode", tau: str, source: Source) -> "Iterator[tuple[str, str]]":
    constants = np.asarray(getattr(node, tau), np.float64)
    if (constants <= 0).any():
        return  # what stops the model is for `check` to say
    ratio = source.dt / constants
    share = ratio if source.scheme == "euler" else -np.expm1(-ratio)
    if (share < LEAST_SHARE).any():
        steps = 1 / share.min()
        held = "its current leaks 1/4096 a step all the same" if tau == "tau_syn" else "it does not leak"
        yield f"{tau} of {steps:,.0f} steps is beyond the decay register: {held}", "use a larger dt, or a smaller tau"
    if tau != "tau_syn" and ((share > 1 - LEAST_SHARE) & (share <= 1)).any():
        what = f"{tau} of one step: a 4096th of v stays, where all of it should go"
        yield what, "nothing, unless v far below its threshold matters"


def _beyond(source: Source, target: "Target") -> Iterator[Problem]:
    """Find what this chip cannot do, though the machine could."""
    for name, node in source.nodes.items():
        where = f"node {name!r}"
        if hasattr(node, "v_threshold"):
            rule = "zero" if reset_of(node, source) == "value" else "subtract"
            if rule not in target.resets:
                what = f"resets by subtraction, which {target.title} cannot"
                yield Problem(where, what, "train with reset to a value, or choose another target")
        if type(node).__name__ == "Delay":
            longest = int(delay_steps(node, source.dt).max(initial=0))
            if longest > target.delay_steps:
                what = f"delays by {longest} steps, {target.title} by at most {target.delay_steps}"
                yield Problem(where, what, "shorten the delay, or choose another target")


def measure(source: Source) -> Size:
    """Count neurons, synapses, weights, and the longest way from input to output in populations."""
    from snn2hw.network.lowering import lower

    lowered = lower(source)
    nodes = lowered.nodes
    neurons = {n: math.prod(shape_in(x)) for n, x in nodes.items() if is_neuron(x)}
    fires = {n for n in neurons if hasattr(nodes[n], "v_threshold") or type(nodes[n]).__name__ == "Threshold"}
    return Size(
        spiking=sum(size for name, size in neurons.items() if name in fires),
        readout=sum(size for name, size in neurons.items() if name not in fires),
        synapses=sum(_synapses(node) for node in nodes.values()),
        weights=sum(int(np.count_nonzero(node.weight)) for node in nodes.values() if hasattr(node, "weight")),
        depth=_depth(lowered, set(neurons)),
        populations=len(neurons),
    )


def _synapses(node: "nir.NIRNode") -> int:
    """Count connections of non-zero weight; those of a convolution exactly, borders and padding included."""
    from snn2hw.network.maps import map_of
    from snn2hw.network.reach import synapses

    return synapses(map_of(node, shape_in(node), shape_out(node))) if hasattr(node, "weight") else 0


def _depth(source: Source, neurons: set[str]) -> int:
    """Return the most populations on a way from the input, late edges and delays not counted as ways."""
    before, late = predecessors(source.graph.edges), order_of(source).late
    deep: dict[str, int] = {}
    for group in order_of(source).groups:
        for name in group:
            ways = [deep.get(a, 0) for a in before.get(name, ()) if (a, name) not in late and a not in group]
            deep[name] = max(ways, default=0) + (name in neurons)
    return max(deep.values(), default=0)
