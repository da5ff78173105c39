"""Golden vectors: a Program's registers and weights, some samples, and every spike, u and v they must give.

golden.npz        input, and spikes.NAME, u.NAME, v.NAME, (B, T, *shape)
golden.data.nir   the same as NIR data
mem/*.hex         the same, the registers and the weights, for $readmemh in a test bench
golden.json       what each memory holds, and the program's structure
"""

import io
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, read_artifact, write_artifact
from exporters.golden_export.memories import compare, constants, read_memory, recordings, write_memory
from exporters.golden_vectors import golden_arrays, golden_vectors, write_golden
from exporters.nir_export.header import header_of
from exporters.recording import ExecutorTrace, recording_from
from exporters.to_nir import step_seconds
from sim.border import JSON_BYTES, foreign_errors, parse_json, read_bytes
from sim.compare import recorded_of
from sim.errors import FileError, InputError, UnsupportedError
from sim.files import fill_file
from sim.order import step_order
from sim.program import INPUT, Program
from sim.trace import Trace

__all__ = ["execute", "export", "extent_of"]

SCHEMA = "snn2hw.golden/1"
MAX_TEXT_BYTES = 1 << 31


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write golden vectors for ``raster``, or for a few made-up samples."""
    check_artifact_folder(folder)
    if raster is not None:
        _check_size(program, *raster.shape[:2])
    samples, trace = golden_vectors(program, raster)
    _check_size(program, *samples.shape[:2])

    def fill(draft: Path) -> None:
        _write_memories(draft, program, samples, trace)
        write_golden(draft / "golden.npz", samples, trace)
        _write_nir_data(draft / "golden.data.nir", program, samples, trace)

    return write_artifact(folder, format="golden", digest=program.digest, fill=fill)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Return what the memories say of these samples, after every register and weight in them has been compared.

    Without ``folder`` the memories are made first; with it, the samples must be among those it holds. Nothing runs, so
    ``timeout_s`` has no effect.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="snn2hw-golden-") as made:
            export(program, Path(made) / "golden", raster)
            return execute(program, raster, folder=Path(made) / "golden")
    check_same_program(folder, "golden", program.digest)
    compare(folder, constants(program))
    memories = recordings(program, *extent_of(folder))
    rows = _rows(folder, read_memory(folder, memories.pop((INPUT, "messages"))), raster)
    found = {f"{what}.{name}": read_memory(folder, memory)[rows] for (name, what), memory in memories.items()}
    read_artifact(folder)
    return recording_from(program, found)


def _check_size(program: Program, samples: int, steps: int) -> None:
    memories = [*constants(program), *recordings(program, samples, steps).values()]
    size = sum(memory.depth * (-(-memory.bits // 4) + 1) for memory in memories)
    if size > MAX_TEXT_BYTES:
        what = f"golden vectors of {samples} samples of {steps} steps would make {size / 2**30:.1f} GiB of text"
        raise UnsupportedError(what, "give fewer samples or steps")


def _write_memories(draft: Path, program: Program, samples: NDArray[np.integer], trace: Trace) -> None:
    (draft / "mem").mkdir()
    registers, recorded = constants(program), recordings(program, *samples.shape[:2])
    arrays = golden_arrays(samples, trace)
    for memory, values in registers.items():
        write_memory(draft, memory, values)
    for (name, what), memory in recorded.items():
        write_memory(draft, memory, samples if name == INPUT else arrays[f"{what}.{name}"])
    facts = {
        "schema": SCHEMA,
        "digest": program.digest,
        "samples": samples.shape[0],
        "steps": samples.shape[1],
        "order": [p.name for p in step_order(program.populations)],
        "program": header_of(program),
        "memories": [asdict(memory) for memory in (*registers, *recorded.values())],
    }
    (draft / "golden.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _write_nir_data(path: Path, program: Program, samples: NDArray[np.integer], trace: Trace) -> None:
    """Write NIR data: (sample, step, neuron) per node and observable, single spikes as booleans."""
    import nir

    dt = step_seconds(program)

    def gridded(values: NDArray[Any]) -> Any:
        return nir.TimeGriddedData(np.ascontiguousarray(values.reshape(*values.shape[:2], -1)), dt)

    binary = (program.input.lo, program.input.hi) == (0, 1)
    recorded = recorded_of(trace)
    nodes = {INPUT: nir.NIRNodeData({"messages": gridded(samples.astype(np.bool_) if binary else samples)})}
    for p in program.populations:
        spikes = gridded(trace.spikes[p.name].astype(np.bool_ if p.most_sent <= 1 else np.uint8))
        state = {s.name: gridded(recorded[s.name][p.name]) for s in program.described.states}
        nodes[p.name] = nir.NIRNodeData({"spikes": spikes, **state})
    made = io.BytesIO()  # the HDF5 library must not meet a full disk
    nir.write_data(made, nir.NIRGraphData(nodes))
    fill_file(path, made.getbuffer())


def extent_of(folder: Path) -> tuple[int, int]:
    """Return how many samples of how many steps a folder holds."""
    path = folder / "golden.json"
    with foreign_errors(path, "cannot be read", "export again"):
        facts = parse_json(read_bytes(path, JSON_BYTES, "export again"), str(path), "export again")
        samples, steps = facts["samples"], facts["steps"]
    if type(samples) is not int or type(steps) is not int or min(samples, steps) < 1:
        raise FileError(f"{path}: {samples!r} samples of {steps!r} steps", "export again")
    return samples, steps


def _rows(folder: Path, held: NDArray[np.integer], raster: NDArray[np.integer]) -> list[int]:
    """Return where the samples asked for stand among those held."""
    places = {sample.tobytes(): row for row, sample in reversed(list(enumerate(held.astype(np.int64))))}
    rows = [places.get(sample.tobytes()) for sample in raster.astype(np.int64)]
    if held.shape[1:] != raster.shape[1:] or None in rows:
        raise InputError(f"{folder}: does not hold these samples", "verify with the samples it was exported with")
    return [row for row in rows if row is not None]
