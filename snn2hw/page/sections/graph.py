"""How is it wired? Populations as boxes, connections as arrows."""

from typing import assert_never

from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population
from sim.summary import shape_text, span_text
from sim.wiring import synapse_count
from snn2hw.page.dossier import Cell, GraphChart, Section, Table, columns_of
from snn2hw.page.material import Material
from snn2hw.page.wording import plural

__all__ = ["graph_section"]


def graph_section(material: Material) -> Section:
    """Return the program as a graph and as a table."""
    program = material.program
    ranks = _ranks(material)
    places: dict[int, int] = {}
    nodes = []
    for name, rank in ranks.items():
        places[rank] = places.get(rank, -1) + 1
        called = {"id": name, "title": material.layer(name), "detail": _detail(material, name)}
        nodes.append({**called, "rank": rank, "place": places[rank]})
    edges = [edge for p in program.populations for edge in _edges(p, ranks)]
    weights = sum(c.wiring.weight.size for p in program.populations for c in p.inputs)
    said = (
        f"{plural(len(program.populations), 'population')}, {material.neurons:,} neurons, {weights:,} stored weights; "
        f"input {shape_text(program.input.shape)} of {span_text(program.input.lo, program.input.hi)}."
    )
    chart = GraphChart(
        id="graph.wiring",
        title="Populations and connections",
        said="; ".join(
            f"{material.layer(p.name)} reads {', '.join(material.sources(p.name)) or 'nothing'}"
            for p in program.populations
        ),
        nodes=tuple(nodes),
        edges=tuple(edges),
    )
    return Section("graph", "Graph", "How is it wired?", said=(said,), charts=(chart,), tables=(_table(material),))


def _ranks(material: Material) -> dict[str, int]:
    """Return how many connections lie between the input and each population, on the longest way without a loop."""
    ranks = {INPUT: 0}
    for p in step_order(material.program.populations):
        ranks[p.name] = 1 + max((ranks[c.source] for c in p.inputs if c.source in ranks), default=0)
    return ranks


def _detail(material: Material, name: str) -> str:
    if name == INPUT:
        return "graded messages" if material.graded else "spikes"
    p = material.program.by_name[name]
    return f"{plural(p.size, 'neuron')}{'' if p.fires else ', readout'}"


def _edges(p: Population, ranks: dict[str, int]) -> list[dict[str, object]]:
    found: dict[str, list[Connection]] = {}
    for connection in p.inputs:
        found.setdefault(connection.source, []).append(connection)
    return [
        {"source": source, "target": p.name, "label": _label(several), "back": ranks[source] >= ranks[p.name]}
        for source, several in found.items()
    ]


def _label(connections: list[Connection]) -> str:
    lags = sorted({c.lag for c in connections})
    kinds = ", ".join(dict.fromkeys(_wiring(c) for c in connections))
    if lags == [0]:
        return kinds
    return f"{kinds}; {'lag' if len(lags) == 1 else 'lags'} {', '.join(map(str, lags))}"


def _wiring(connection: Connection) -> str:
    match connection.wiring:
        case Dense():
            return "dense"
        case Conv() as conv:
            height, width = conv.weight.shape[2:]
            grouped = f", {conv.groups} groups" if conv.groups > 1 else ""
            return f"conv {height}x{width}{grouped}"
        case _:
            assert_never(connection.wiring)


def _table(material: Material) -> Table:
    program = material.program
    columns = columns_of(
        """
        layer     Layer
        name      Name in the program
        shape     Shape
        neurons   Neurons         count
        reads     Reads
        wiring    Wiring
        weights   Stored weights  count
        synapses  Synapses        count
        reset     Reset
        """
    )
    rows: list[tuple[Cell, ...]] = []
    for p in program.populations:
        synapses = sum(synapse_count(c.wiring, program.shape_of(c.source), p.shape) for c in p.inputs)
        weights = sum(c.wiring.weight.size for c in p.inputs)
        wirings = ", ".join(dict.fromkeys(_wiring(c) for c in p.inputs)) or "none"
        reads = ", ".join(material.sources(p.name)) or "nothing"
        reset = p.reset if p.fires else "never fires"
        shape = shape_text(p.shape)
        rows.append((material.layer(p.name), p.name, shape, p.size, reads, wirings, weights, synapses, reset))
    return Table("graph.populations", "Populations", columns, tuple(rows))
