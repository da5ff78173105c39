"""What of a Program is not an array, as JSON; and the Program again, from that JSON and the nodes of a graph."""

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import numpy as np

from exporters.nir_export.graph import REGISTER, weight_nodes
from exporters.nir_export.node import NirNode, Value
from sim.arithmetic.description import Arithmetic
from sim.arithmetic.registry import get_arithmetic
from sim.border import parse_json
from sim.digest import structure, wiring_facts
from sim.errors import FileError
from sim.program import INPUT, Connection, Conv, Dense, Input, Json, Population, Program, Wiring

__all__ = ["dump_json", "header_of", "load_json", "program_from"]

SAID_OF_ALL = {"name", "shape", "reset", "fires", "inputs"}
"""What a header says of every population, beside the properties of its arithmetic."""

T = TypeVar("T")
Facts = Mapping[str, Any]


def dump_json(value: Json) -> str:
    """Return the one text of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def load_json(text: Value | None, what: str) -> dict[str, Json]:
    """Read a JSON object out of a metadata field."""
    facts = parse_json(text, what, "export again") if isinstance(text, str) else None
    if not isinstance(facts, dict):
        raise FileError(f"{what}: is not a JSON object")
    return facts


def header_of(program: Program) -> Json:
    """Return everything of a Program but its registers and weights, and which nodes hold those."""
    holders = weight_nodes(program)

    def told_of(population: Population, index: int) -> dict[str, Json]:
        wiring = wiring_facts(population.inputs[index].wiring)
        return {"node": holders[population.name, index], "wiring": wiring}

    return structure(program, told_of)


def program_from(header: Facts, nodes: Mapping[str, NirNode]) -> Program:
    """Build the Program; a FileError says what is missing or of the wrong kind, a ProgramError what is illegal."""
    described = _get(header, "input", dict, "header")
    arithmetic = get_arithmetic(_get(header, "arithmetic", str, "header"))
    populations = [
        _population(facts, nodes, arithmetic, f"population {place}")
        for place, facts in enumerate(_get(header, "populations", list, "header"))
    ]
    read_late = any(c.source == INPUT and c.lag for p in populations for c in p.inputs)
    shape = _shape(described, "shape", "input")
    if read_late and not any(
        n.kind == "Delay" and _size(n.fields.get("delay")) == math.prod(shape) for n in nodes.values()
    ):
        raise FileError(f"input: shape {shape} is not that of its Delay nodes")
    return Program(
        Input(shape, _get(described, "lo", int, "input"), _get(described, "hi", int, "input")),
        tuple(populations),
        arithmetic=arithmetic.name,
        record=_get(header, "record", dict, "header"),
    )


def _population(facts: Any, nodes: Mapping[str, NirNode], arithmetic: Arithmetic, where: str) -> Population:
    name = _get(facts, "name", str, where)
    where = f"population {name!r}"
    node, shape = _node(nodes, name, where), _shape(facts, "shape", where)
    unknown = facts.keys() - SAID_OF_ALL - {p.name for p in arithmetic.properties}
    if unknown:
        raise FileError(f"{where}: arithmetic {arithmetic.name!r} has no property {min(unknown)!r}")
    # The graph has an array for every parameter: a shape that no array backs would cost memory before it is refused.
    if any(_size(value) != math.prod(shape) for value in node.fields.values()) or not node.fields:
        raise FileError(f"{where}: shape {shape} is not that of its node")
    registers: dict[str, Any] = {
        r.name: _get(node.metadata, f"{REGISTER}{r.name}", (int, np.ndarray), where)
        for r in arithmetic.registers
        if not r.optional or f"{REGISTER}{r.name}" in node.metadata
    }
    properties = {p.name: _get(facts, p.name, type(p.default), where) for p in arithmetic.properties if p.name in facts}
    return Population(
        name,
        shape,
        tuple(_connection(c, nodes, where) for c in _get(facts, "inputs", list, where)),
        reset=cast("Any", _get(facts, "reset", str, where)),
        fires=_get(facts, "fires", bool, where),
        arithmetic=arithmetic.name,
        registers=registers,
        properties=properties,
    )


def _connection(facts: Any, nodes: Mapping[str, NirNode], where: str) -> Connection:
    source = _get(facts, "source", str, where)
    where = f"{where}: reads {source!r}"
    holder = _get(facts, "node", str, where)
    node = _node(nodes, holder, where)
    wiring, weight = _get(facts, "wiring", dict, where), node.metadata.get("weight", node.fields.get("weight"))
    shape = _shape(wiring, "shape", where)
    if not isinstance(weight, np.ndarray) or weight.size != math.prod(shape):
        raise FileError(f"{where}: node {holder!r} holds no weight of shape {shape}")
    return Connection(
        source,
        _wiring(wiring, weight.reshape(shape), where),
        exponent=_get(facts, "exponent", int, where),
        lag=_get(facts, "lag", int, where),
        port=_get(facts, "port", int, where) if "port" in facts else 0,
    )


def _wiring(facts: Facts, weight: Any, where: str) -> Wiring:
    match _get(facts, "kind", str, where):
        case "Dense":
            return Dense(weight)
        case "Conv":
            stride, padding, dilation = (_shape(facts, key, where) for key in ("stride", "padding", "dilation"))
            groups = _get(facts, "groups", int, where)
            return Conv(weight, cast("Any", stride), cast("Any", padding), cast("Any", dilation), groups)
        case kind:
            raise FileError(f"{where}: wiring {kind!r} is unknown")


def _get(facts: Any, key: str, kind: type[T] | tuple[type[T], ...], where: str) -> T:
    """Take a value of the right kind; true is no integer here."""
    value = facts.get(key) if isinstance(facts, Mapping) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FileError(f"{where}: {key} is missing or of the wrong kind")
    return value


def _shape(facts: Any, key: str, where: str) -> tuple[int, ...]:
    values = _get(facts, key, list, where)
    if len(values) > 4 or not all(type(v) is int and 0 <= v < 1 << 31 for v in values):
        raise FileError(f"{where}: {key} is not a short list of sizes")
    return tuple(values)


def _node(nodes: Mapping[str, NirNode], name: str, where: str) -> NirNode:
    if name not in nodes:
        raise FileError(f"{where}: node {name!r} is missing")
    return nodes[name]


def _size(value: Value | None) -> int:
    return int(value.size) if isinstance(value, np.ndarray) else -1
