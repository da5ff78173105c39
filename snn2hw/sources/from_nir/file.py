"""Read a .nir file into its raw form: the file is checked before any array is read, and nothing is executed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.hdf5_border import open_checked
from sim.errors import FileError
from snn2hw.sources.from_nir.raw import RawGraph, RawNode

if TYPE_CHECKING:
    import h5py

__all__ = ["read_raw"]


def read_raw(path: Path | str) -> RawGraph:
    """Return the graph in a .nir file as it was written, nested graphs included."""
    with open_checked(path) as file:
        if "node" not in file:
            raise FileError(f"{path}: has no group 'node', so it is no NIR file", "export the network as NIR")
        return _graph(file["node"], str(path))


def _graph(group: "h5py.Group", where: str) -> RawGraph:
    if _kind(group, where) != "NIRGraph":
        raise FileError(f"{where}: {group.name} is a {_kind(group, where)}, not a graph", "write a NIRGraph")
    if "nodes" not in group or "edges" not in group:
        raise FileError(f"{where}: {group.name} has no nodes or no edges", "export the network again")
    nodes: dict[str, RawNode | RawGraph] = {}
    for name, node in group["nodes"].items():
        if not _is_group(node):
            raise FileError(f"{where}: {node.name} is no node", "export the network again")
        nodes[name] = _graph(node, where) if _kind(node, where) == "NIRGraph" else _node(node, where)
    edges = np.asarray(group["edges"][()])
    if edges.size and (edges.ndim != 2 or edges.shape[1] != 2):
        raise FileError(f"{where}: edges have shape {edges.shape}", "write them as pairs (source, target)")
    pairs = tuple((_text(a), _text(b)) for a, b in edges) if edges.size else ()
    return RawGraph(nodes, pairs, _metadata(group))


def _node(group: "h5py.Group", where: str) -> RawNode:
    fields = {name: _value(item) for name, item in group.items() if not _is_group(item) and name != "type"}
    return RawNode(_kind(group, where), fields, _metadata(group))


def _kind(group: "h5py.Group", where: str) -> str:
    if "type" not in group or _is_group(group["type"]):
        raise FileError(f"{where}: {group.name} has no type", "export the network again")
    return _text(group["type"][()])


def _metadata(group: "h5py.Group") -> dict[str, Any]:
    inside = group.get("metadata")
    if inside is None or not _is_group(inside):
        return {}
    return {name: _value(item) for name, item in inside.items() if not _is_group(item)}


def _is_group(item: Any) -> bool:
    return hasattr(item, "keys")


def _value(dataset: "h5py.Dataset") -> Any:
    value = dataset[()]
    return _text(value) if isinstance(value, (bytes, str)) else np.asarray(value)


def _text(value: Any) -> str:
    return value.decode("utf8", "replace") if isinstance(value, bytes) else str(value)
