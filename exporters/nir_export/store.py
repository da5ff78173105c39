"""A graph in HDF5, laid out as ``nir.write`` lays it out: /version, /node/{type, edges, nodes/NAME/FIELD, metadata}.

``nir.write`` itself copies every array and packs it at 40 MB/s; here a large array is packed only where that pays.
"""

import zlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.hdf5_border import open_checked
from exporters.hdf5_file import write_hdf5
from exporters.nir_export.node import NirGraph, NirNode, Value
from sim.errors import FileError

if TYPE_CHECKING:
    import h5py

__all__ = ["load", "save"]

SMALL_BYTES = 1 << 10
SAMPLE_BYTES = 1 << 18
CHUNK_BYTES = 1 << 20
WORTH_PACKING = 0.8


def save(graph: NirGraph, path: Path) -> None:
    """Write a graph; the same graph gives the same bytes."""
    write_hdf5(path, lambda file: _fill(file, graph))


def _fill(file: "h5py.File", graph: NirGraph) -> None:
    import h5py

    text = h5py.string_dtype()
    file.create_dataset("version", data=version("nir"), dtype=text)
    root = file.create_group("node")
    root.create_dataset("type", data="NIRGraph", dtype=text)
    root.create_dataset("edges", data=[list(edge) for edge in graph.edges], dtype=text)
    _save_values(root, {}, graph.metadata)
    nodes = root.create_group("nodes")
    for name, node in graph.nodes.items():
        group = nodes.create_group(name)
        group.create_dataset("type", data=node.kind, dtype=text)
        _save_values(group, node.fields, node.metadata)


def _save_values(group: "h5py.Group", fields: Mapping[str, Value], metadata: Mapping[str, Value]) -> None:
    for name, value in fields.items():
        _save_value(group, name, value)
    if metadata:
        inside = group.create_group("metadata")
        for name, value in metadata.items():
            _save_value(inside, name, value)


def _save_value(group: "h5py.Group", name: str, value: Value) -> None:
    import h5py

    if isinstance(value, str):
        group.create_dataset(name, data=value, dtype=h5py.string_dtype())
    elif isinstance(value, np.ndarray):
        group.create_dataset(name, data=value, **_packing(value))
    else:
        group.create_dataset(name, data=value)


def _packing(array: NDArray[np.generic]) -> dict[str, Any]:
    """Choose gzip where a sample of the array shrinks: random weights do not, zeros and repeated parameters do."""
    if array.nbytes <= SMALL_BYTES:
        return {}
    flat = array.reshape(-1)
    piece = max(1, SAMPLE_BYTES // array.itemsize)
    sample = np.ascontiguousarray(flat[(flat.size - piece) // 2 :][:piece] if flat.size > piece else flat)
    planes = sample.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()  # what the shuffle filter makes of it
    if len(zlib.compress(planes, 1)) > WORTH_PACKING * len(planes):
        return {}
    return {"compression": "gzip", "compression_opts": 1, "shuffle": array.itemsize > 1, "chunks": _chunks(array)}


def _chunks(array: NDArray[np.generic]) -> tuple[int, ...]:
    """Cut along the leading axes, so that a chunk is one piece of memory of at most 1 MiB where rows allow it."""
    chunk = list(array.shape)
    for axis in range(array.ndim):
        row = int(np.prod(chunk[axis + 1 :], dtype=np.int64)) * array.itemsize
        chunk[axis] = min(chunk[axis], max(1, CHUNK_BYTES // row))
        if chunk[axis] > 1:
            break
    return tuple(chunk)


def load(path: Path | str) -> NirGraph:
    """Read a graph back after its structure has passed the border."""
    with open_checked(path) as file:
        root = _group(file, "node", path)
        if _text(root, "type", path) != "NIRGraph":
            raise FileError(f"{path}: /node is not a NIRGraph", "name a .nir file")
        nodes = _group(root, "nodes", path)
        return NirGraph(
            nodes={name: _load_node(_group(nodes, name, path), path) for name in nodes},
            edges=_load_edges(root, path),
            metadata=_load_values(_group(root, "metadata", path), path) if "metadata" in root else {},
        )


def _load_node(group: "h5py.Group", path: Path | str) -> NirNode:
    metadata = _load_values(_group(group, "metadata", path), path) if "metadata" in group else {}
    fields = {name: _value(group, name, path) for name in group if name not in ("type", "metadata")}
    return NirNode(_text(group, "type", path), fields, metadata)


def _load_values(group: "h5py.Group", path: Path | str) -> dict[str, Value]:
    return {name: _value(group, name, path) for name in group}


def _load_edges(root: "h5py.Group", path: Path | str) -> tuple[tuple[str, str], ...]:
    edges = _value(root, "edges", path)
    if not isinstance(edges, np.ndarray) or edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "OS":
        raise FileError(f"{path}: /node/edges is not a list of pairs of names", "export the network again")
    return tuple((bytes(a).decode(), bytes(b).decode()) for a, b in edges)


def _value(group: "h5py.Group", name: str, path: Path | str) -> Value:
    import h5py

    item = group[name]
    if not isinstance(item, h5py.Dataset):
        raise FileError(f"{path}: {item.name} is a group, an array is expected", "export the network again")
    try:
        value = item[()]
    except OSError as error:
        raise FileError(f"{path}: {item.name} cannot be read ({error})", "fetch or export the file again") from None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic):
        number: int | float = value.item()
        return number
    return np.asarray(value)


def _text(group: "h5py.Group", name: str, path: Path | str) -> str:
    value = _value(group, name, path) if name in group else None
    if not isinstance(value, str):
        raise FileError(f"{path}: {group.name}/{name} is not text", "export the network again")
    return value


def _group(parent: "h5py.Group", name: str, path: Path | str) -> "h5py.Group":
    import h5py

    child = parent.get(name)
    if not isinstance(child, h5py.Group):
        raise FileError(f"{path}: {parent.name}/{name} is not a group", "name a .nir file")
    return child
