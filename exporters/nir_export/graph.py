"""A Program as a NIR graph in memory: nodes, edges and node metadata, as they stand in the file.

Every connection is a chain of its own, so a neuron's input current is the sum over its edges. NIR would add an Output
to every node that nobody reads and an Input to every one that reads nothing when it loads the file; they are written
here, so that loading and saving again changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

from exporters.nir_export.connection import chain, shape_value
from exporters.nir_export.neurons import neuron_fields
from exporters.nir_export.node import NirGraph, NirNode, Shape, Style, Value
from exporters.nir_export.views import Views, choose_views
from sim.arithmetic.registry import get_arithmetic
from sim.program import INPUT, Population, Program

__all__ = ["OUTPUT", "REGISTER", "graph_of", "weight_nodes"]

OUTPUT = "output"
"""The node that reads the last population."""

REGISTER = "register_"
"""Before a register's name in the metadata of a neuron."""


def weight_nodes(program: Program) -> dict[tuple[str, int], str]:
    """Return the name of the node that holds the weights of (population, place among its inputs)."""
    taken = {INPUT, OUTPUT, *program.by_name}
    places = [(p, i, c) for p in program.populations for i, c in enumerate(p.inputs)]
    return {(p.name, i): _fresh(f"{c.source}_to_{p.name}", taken) for p, i, c in places}


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def graph_of(program: Program, style: Style, views: Views | None = None) -> NirGraph:
    """Return the graph of a program, without metadata of its own."""
    views = views or choose_views(program)
    holders = weight_nodes(program)
    nodes = {INPUT: NirNode("Input", {"shape": shape_value(views.shapes[INPUT])})}
    nodes |= {p.name: _neuron(p, views.shapes[p.name], style) for p in program.populations}
    edges: list[tuple[str, str]] = []
    taken = {OUTPUT, *nodes, *holders.values()}
    for p in program.populations:
        for i, connection in enumerate(p.inputs):
            last = connection.source
            for suffix, node in chain(program, p, connection, views, style):
                name = _fresh(holders[p.name, i] + suffix, taken) if suffix else holders[p.name, i]
                nodes[name] = node
                edges.append((last, name))
                last = name
            edges.append((last, p.name))
    nodes[OUTPUT] = NirNode("Output", {"shape": shape_value(views.shapes[program.output.name])})
    edges.append((program.output.name, OUTPUT))
    _add_ends(program, views, nodes, edges, taken)
    return NirGraph(nodes, tuple(edges))


def _add_ends(
    program: Program, views: Views, nodes: dict[str, NirNode], edges: list[tuple[str, str]], taken: set[str]
) -> None:
    """Give what nobody reads an Output, and what reads nothing an Input."""
    read = {source for source, _ in edges}
    for name in (INPUT, *program.by_name):
        if name not in read:
            made = _fresh(f"output_{name}", taken)
            nodes[made] = NirNode("Output", {"shape": shape_value(views.shapes[name])})
            edges.append((name, made))
    for p in program.populations:
        if not p.inputs:
            made = _fresh(f"input_{p.name}", taken)
            nodes[made] = NirNode("Input", {"shape": shape_value(views.shapes[p.name])})
            edges.append((made, p.name))


def _neuron(p: Population, shape: Shape, style: Style) -> NirNode:
    dynamics = get_arithmetic(p.arithmetic).dynamics(p.neurons)
    kind, floats = neuron_fields(dynamics, fires=p.fires, shape=shape, dt=style.dt)
    if style.exact:
        registers: dict[str, Value] = {f"{REGISTER}{name}": _narrowed(r) for name, r in p.kept_registers().items()}
        return NirNode(kind, dict(floats), registers)
    narrow: dict[str, Value] = {name: values.astype(np.float32) for name, values in floats.items()}
    said: dict[str, Value] = {"v0": dynamics.v0.astype(np.float32).reshape(shape)}
    if p.fires:
        said["reset"] = {"zero": "value", "subtract": "subtract", "none": "none"}[p.reset]
    return NirNode(kind, narrow, said)


def _narrowed(register: NDArray[np.int32]) -> Value:
    """Return one number where all neurons agree."""
    first = int(register.flat[0])
    return first if bool((register == first).all()) else np.ascontiguousarray(register)
