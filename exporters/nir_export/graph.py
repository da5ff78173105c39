"""A Program as a NIR graph in memory: nodes, edges and node metadata, as they stand in the file.

Every connection is a chain of its own, so a neuron's input current is the sum over its edges. NIR would add an Output
to every node that nobody reads and an Input to every one that reads nothing when it loads the file; they are written
here, so that loading and saving again changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

from exporters.nir_export.connection import chain, shape_value
from exporters.nir_export.neurons import neuron_fields
from exporters.nir_export.node import Graph, Node, Shape, Style, Value
from exporters.nir_export.views import Views, choose_views
from sim.arithmetic import VTH_SHIFT
from sim.program import INPUT, REGISTERS, Population, Program

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


def graph_of(program: Program, style: Style, views: Views | None = None) -> Graph:
    """Return the graph of a program, without metadata of its own."""
    views = views or choose_views(program)
    holders = weight_nodes(program)
    nodes = {INPUT: Node("Input", {"shape": shape_value(views.shapes[INPUT])})}
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
    nodes[OUTPUT] = Node("Output", {"shape": shape_value(views.shapes[program.output.name])})
    edges.append((program.output.name, OUTPUT))
    _add_ends(program, views, nodes, edges, taken)
    return Graph(nodes, tuple(edges))


def _add_ends(
    program: Program, views: Views, nodes: dict[str, Node], edges: list[tuple[str, str]], taken: set[str]
) -> None:
    """Give what nobody reads an Output, and what reads nothing an Input."""
    read = {source for source, _ in edges}
    for name in (INPUT, *program.by_name):
        if name not in read:
            made = _fresh(f"output_{name}", taken)
            nodes[made] = Node("Output", {"shape": shape_value(views.shapes[name])})
            edges.append((name, made))
    for p in program.populations:
        if not p.inputs:
            made = _fresh(f"input_{p.name}", taken)
            nodes[made] = Node("Input", {"shape": shape_value(views.shapes[p.name])})
            edges.append((made, p.name))


def _neuron(p: Population, shape: Shape, style: Style) -> Node:
    kind, floats = neuron_fields(p, shape, style.dt)
    if style.exact:
        registers: dict[str, Value] = {f"{REGISTER}{name}": _narrowed(getattr(p, name)) for name in REGISTERS}
        return Node(kind, dict(floats), registers)
    narrow: dict[str, Value] = {name: values.astype(np.float32) for name, values in floats.items()}
    said: dict[str, Value] = {"v0": (p.v0 / (1 << VTH_SHIFT)).astype(np.float32).reshape(shape)}
    if p.fires:
        said["reset"] = "value" if p.reset == "zero" else "subtract"
    return Node(kind, narrow, said)


def _narrowed(register: NDArray[np.int32]) -> Value:
    """Return one number where all neurons agree."""
    first = int(register.flat[0])
    return first if bool((register == first).all()) else np.ascontiguousarray(register)
