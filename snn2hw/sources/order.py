"""Which messages are read one step late, and in which order the nodes of a graph are computed.

Inside one step a message passes along edges without delay, except: an edge back (its target lies on every path from
the input to its source) brings the message of the step before, and a ``Delay`` of k steps that of k steps before.
Before step 0 neurons, delays and the input have sent nothing; a map with a bias in a loop has sent its bias. Where
spikes are read before the input, neurons send what they hold, and no edge is late.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from snn2hw.problems import Problem, refuse
from snn2hw.sources.graph import Edge, predecessors, successors

if TYPE_CHECKING:
    import nir

    from snn2hw.sources.source import Source

__all__ = ["Order", "delay_steps", "order_of"]

WHOLE_STEP = 1e-6
"""How far a delay may be from a whole number of steps, in steps: files store times in float32."""


@dataclass(frozen=True)
class Order:
    """The nodes in groups: each group is computed for all steps before the next one starts.

    A group of one node has no feedback; a longer one (or one with an edge onto itself) is a loop and goes step by step,
    in the order given. ``late`` holds the edges that bring the message of the step before.
    """

    groups: tuple[tuple[str, ...], ...]
    late: frozenset[Edge]

    def is_loop(self, group: tuple[str, ...], edges: Iterable[Edge]) -> bool:
        """Return whether the group has to be computed step by step."""
        return len(group) > 1 or (group[0], group[0]) in set(edges)


def delay_steps(node: "nir.NIRNode", dt: float) -> np.ndarray:
    """Return a Delay's whole number of steps for every element; refuse a part of a step."""
    steps = np.asarray(node.delay, np.float64) / dt
    whole = np.rint(steps)
    wrong = (np.abs(steps - whole) > WHOLE_STEP * np.maximum(1, np.abs(steps))) | (whole < 0)
    if wrong.any():
        value = float(np.asarray(node.delay, np.float64)[wrong].reshape(-1)[0])
        refuse(
            "delay", [Problem("Delay", f"{value} s is no whole number of steps of {dt} s", "change dt or the delay")]
        )
    return whole.astype(np.int64)


def order_of(source: "Source") -> Order:
    """Return the order of computation, or refuse a loop in which no edge can be told to be the one back."""
    nodes, edges = source.nodes, list(source.graph.edges)
    whole = {n for n, node in nodes.items() if _sends_the_past(node, source)}
    timely = [(a, b) for a, b in edges if b not in whole]
    late = _edges_back(list(nodes), timely, _roots(nodes) | whole)
    prompt = [edge for edge in timely if edge not in late]
    try:
        ranks = {n: i for i, n in enumerate(_topological(list(nodes), prompt))}
    except CycleError as error:
        loop = " -> ".join(reversed(error.args[1]))
        what = f"the loop {loop} can be entered at several places, so no edge of it is the one back"
        refuse(source.origin, [Problem("graph", what, "put nir.Delay(dt) on the edge that is read one step late")])
    groups = [sorted(g, key=ranks.__getitem__) for g in _loops(list(nodes), edges)]
    return Order(tuple(tuple(g) for g in _sorted_groups(groups, edges, ranks)), frozenset(late))


def _sends_the_past(node: "nir.NIRNode", source: "Source") -> bool:
    """Return whether what a node sends in a step is known before anything arrives in that step."""
    if type(node).__name__ == "Delay":
        return bool(delay_steps(node, source.dt).min() > 0)
    return source.semantics.spike_read == "before_input" and hasattr(node, "v_threshold")


def _roots(nodes: "Mapping[str, nir.NIRNode]") -> set[str]:
    return {name for name, node in nodes.items() if type(node).__name__ == "Input"}


def _topological(names: list[str], edges: list[Edge]) -> list[str]:
    before = predecessors(edges)
    return list(TopologicalSorter({n: before.get(n, []) for n in names}).static_order())


def _edges_back(names: list[str], edges: list[Edge], roots: set[str]) -> set[Edge]:
    """Return the edges whose target dominates their source: every path from a root to the source passes the target."""
    before = predecessors(edges)
    everything = frozenset(names)
    passed = {n: frozenset({n}) if n in roots else everything for n in names}
    changed = True
    while changed:
        changed = False
        for name in names:
            if name in roots:
                continue
            meets = [passed[b] for b in before.get(name, [])]
            new = frozenset.intersection(everything, *meets) | {name}
            changed |= new != passed[name]
            passed[name] = new
    return {(a, b) for a, b in edges if b in passed[a]}


def _loops(names: list[str], edges: list[Edge]) -> list[list[str]]:
    """Return the strongly connected components (Kosaraju, without recursion)."""
    finished = _finished(names, successors(edges))
    before = predecessors(edges)
    component: dict[str, list[str]] = {}
    for name in reversed(finished):
        if name in component:
            continue
        members: list[str] = []
        stack = [name]
        while stack:
            here = stack.pop()
            if here not in component:
                component[here] = members
                members.append(here)
                stack.extend(before.get(here, []))
    return list({id(m): m for m in component.values()}.values())


def _finished(names: list[str], after: Mapping[str, list[str]]) -> list[str]:
    """Return the nodes in the order in which a depth-first walk leaves them."""
    seen: set[str] = set()
    done: list[str] = []
    for start in names:
        stack = [(start, iter(after.get(start, ())))] if start not in seen else []
        seen.add(start)
        while stack:
            here, rest = stack[-1]
            step = next((n for n in rest if n not in seen), None)
            if step is None:
                done.append(here)
                stack.pop()
            else:
                seen.add(step)
                stack.append((step, iter(after.get(step, ()))))
    return done


def _sorted_groups(groups: list[list[str]], edges: list[Edge], ranks: Mapping[str, int]) -> list[list[str]]:
    """Order the groups along the edges between them."""
    home = {name: index for index, group in enumerate(groups) for name in group}
    reads: dict[int, set[int]] = {index: set() for index in range(len(groups))}
    for a, b in edges:
        if home[a] != home[b]:
            reads[home[b]].add(home[a])
    return [groups[index] for index in TopologicalSorter(reads).static_order()]
