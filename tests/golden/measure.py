"""What is kept of a compiled program, of a lowered graph, of an exported folder: digests, bounds, hashes of arrays."""

import hashlib
import json
import math
from functools import cache
from pathlib import Path

import h5py
import numpy as np

import snn2hw as sw
from tests.golden import inside
from tests.golden.formulas import raster
from tests.golden.pairs import PAIRS, Pair
from tests.golden.sources import source_of

__all__ = [
    "certificate_facts",
    "compiled_of",
    "content_of",
    "facts_of",
    "float_arrays",
    "lowered_facts",
    "portable",
    "program_facts",
    "samples_of",
    "sha_of",
    "steps_for",
    "trace_sha",
]

RECORDED = ("spikes", "u", "v")
LITTLE = {"spikes": "u1", "u": "<i4", "v": "<i4"}


def sha_of(*parts: bytes | str) -> str:
    """Return one SHA-256 over all parts, each behind its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()


def steps_for(shape) -> int:
    """Return how long a raster is: images take longer to run."""
    size = math.prod(shape)
    return 24 if size < 30 else 12 if size < 1000 else 6


@cache
def compiled_of(pair: Pair | str):
    """Return the program of a pair and what was proven of it."""
    chosen = PAIRS[pair] if isinstance(pair, str) else pair
    source = source_of(chosen.source)
    spread = {"low": chosen.low, "high": chosen.high, "steps": steps_for(source.input_shape)}
    data = raster(source.input_shape, samples=chosen.data, seed=17, **spread) if chosen.data else None
    return inside.compile_source(
        source,
        chosen.target,
        data,
        weight_bits=chosen.bits,
        scale=chosen.scale,
        steps=chosen.steps,
        messages=chosen.messages,
        options=inside.Options(**chosen.options),
    )


def samples_of(program, *, seed: int = 1) -> np.ndarray:
    """Return what a program is run on: messages over the whole of its range."""
    shape = program.input.shape
    return raster(shape, steps=steps_for(shape), seed=seed, low=program.input.lo, high=program.input.hi)


def trace_sha(program, *, engine: str = "reference") -> str:
    """Return the hash of every spike, u and v of every population."""
    trace = sw.run(program, samples_of(program), engine=engine, record=RECORDED, allow_wrap=True)
    parts: list[bytes | str] = []
    for population in program.populations:
        for what in RECORDED:
            values = np.ascontiguousarray(getattr(trace, what)[population.name], dtype=LITTLE[what])
            parts += [f"{population.name} {what} {values.shape}", values.tobytes()]
    return sha_of(*parts)


def program_facts(program) -> dict[str, str]:
    """Return the digest, the digest without the record of how it was made, and what the program does."""
    bare = sw.Program(program.input, program.populations, program.arithmetic)
    return {"digest": program.digest, "registers and weights": bare.digest, "trace": trace_sha(program)}


def portable(value):
    """Return JSON values with floats of nine digits: what was measured may differ in its last ones between machines."""
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def facts_of(name: str) -> dict[str, object]:
    """Return what is kept of the compilation of a pair: facts of its program and its bounds, or why there is none."""
    try:
        compiled = compiled_of(name)
    except sw.Snn2hwError as error:
        return {"refused": str(error)}
    return {**program_facts(compiled.program), "certificate": certificate_facts(compiled.certificate)}


def certificate_facts(certificate) -> dict[str, object]:
    """Return what was proven; the digest stands beside it."""
    return {key: value for key, value in certificate.to_json().items() if key != "digest"}


def lowered_facts(source) -> dict[str, object]:
    """Return nodes with the shapes and the hash of their numbers, and the edges; minus zero counts as zero."""
    graph = sw.lower(source).graph
    nodes = {}
    for name, node in graph.nodes.items():
        numbers = {key: value for key, value in vars(node).items() if _is_numbers(value)}
        parts: list[bytes | str] = []
        for key, value in sorted(numbers.items()):
            array = np.asarray(value, dtype="<f8") + 0.0
            parts += [f"{key} {array.shape}", array.tobytes()]
        shapes = {key: list(np.shape(value)) for key, value in sorted(numbers.items())}
        nodes[name] = {"type": type(node).__name__, "shapes": shapes, "numbers": sha_of(*parts)}
    edges = sorted([str(a), str(b)] for a, b in graph.edges)
    return {"nodes": dict(sorted(nodes.items())), "edges": edges}


def _is_numbers(value: object) -> bool:
    return isinstance(value, int | float | np.ndarray | np.generic | tuple) and np.asarray(value).dtype.kind in "iufb"


def float_arrays(name: str) -> dict[str, np.ndarray]:
    """Return the spikes and the membranes that the float network answers with, by node."""
    source = source_of(name)
    trace = sw.float_reference(source, raster(source.input_shape, steps=steps_for(source.input_shape)))
    found = {f"{name}|{what}|{node}": value for what in ("spikes", "v") for node, value in getattr(trace, what).items()}
    return found | {f"{name}|output": np.asarray(trace.output)}


def content_of(path: Path) -> str:
    """Return the hash of what a file says: arrays and attributes of containers, whose bytes depend on their library."""
    match path.suffix:
        case ".nir" | ".net":
            with h5py.File(path) as file:
                return sha_of(*_hdf5(file))
        case ".npz":
            with np.load(path) as arrays:
                return sha_of(*(part for name in sorted(arrays) for part in (name, *_array(arrays[name]))))
        case _ if path.name == "artifact.json":
            said = json.loads(path.read_text(encoding="utf-8"))
            said["files"] = sorted(said["files"])  # their own hashes are of bytes
            return sha_of(json.dumps(said, sort_keys=True))
        case _:
            return sha_of(path.read_bytes())


def _hdf5(group) -> list[bytes | str]:
    parts: list[bytes | str] = []
    for name in sorted(group):
        item = group[name]
        parts.append(item.name)
        parts += [part for key in sorted(item.attrs) for part in (key, *_array(np.asarray(item.attrs[key])))]
        parts += _hdf5(item) if isinstance(item, h5py.Group) else _array(np.asarray(item[()]))
    return parts


def _array(values: np.ndarray) -> tuple[str, bytes]:
    if values.dtype.kind == "O":
        return "text", repr(values.tolist()).encode()
    return f"{values.dtype.str} {values.shape}", np.ascontiguousarray(values).tobytes()
