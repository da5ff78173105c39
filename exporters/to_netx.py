"""A Program as the `.net` file that lava-dl's NetX reads on the way to Loihi 2, proven by reading it back.

network.net    the layers, in lava-dl's order and conventions
golden.npz     samples, and every spike, u and v that they must cause
run_netx.py    reads the file with lava-dl, runs it in lava-nc and compares
plan.json      what the file has no place for: the populations' names and shapes, the message range, the losses
"""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program
from exporters.golden_vectors import write_with_golden
from exporters.hdf5_file import write_hdf5
from exporters.lava.install import copy_standalone
from exporters.lava.runner import ask_in_parts
from exporters.lava.session import shared_session
from exporters.netx_export.layers import MESSAGE_BITS, NetxChain, NetxLayer, layers
from exporters.recording import ExecutorTrace, recording_from
from sim.program import Json, Program

__all__ = ["execute", "export"]

SCHEMA = "snn2hw.netx/1"


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write ``network.net``, the samples of ``raster`` and what they must do, and `run_netx.py`.

    Without a raster it makes up three samples of 20 steps, the same ones for the same program.
    """
    check_artifact_folder(folder)
    made = layers(program)
    return write_with_golden(
        program, folder, raster, format="netx", fill=partial(_write_whole, program, made), losses=made.losses
    )


def _write_whole(program: Program, made: NetxChain, folder: Path) -> None:
    _write(program, made, folder)
    copy_standalone(("run_netx.py", "netx_graph.py"), folder)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Read the file with lava-dl and run it in lava-nc; ``folder`` reads the one that stands there."""
    deadline = time.monotonic() + timeout_s
    made, worker = layers(program), shared_session()
    with worker.scratch() as scratch:
        if folder is None:
            _write(program, made, scratch)
        else:
            check_same_program(folder, "netx", program.digest)
        found = ask_in_parts(program, raster, folder or scratch, executor="netx", worker=worker, deadline=deadline)
    return recording_from(program, found, made.losses)


def _write(program: Program, made: NetxChain, folder: Path) -> None:
    def fill(file: Any) -> None:
        file.attrs["digest"] = program.digest
        for number, layer in enumerate(made.layers):
            _write_layer(file.create_group(f"layer/{number}"), layer)

    write_hdf5(folder / "network.net", fill)
    (folder / "plan.json").write_text(json.dumps(_plan(program, made), indent=1) + "\n", encoding="utf-8")


def _write_layer(group: Any, layer: NetxLayer) -> None:
    """Write one layer; the population's name is an attribute, which NetX passes over."""
    group.create_dataset("type", data=np.array([layer.type], "S10"))
    group["shape"] = np.array(layer.shape)
    for name, values in layer.values.items():
        group[name] = values
    if layer.neuron is not None:
        group.attrs["population"] = layer.population
        neuron = group.create_group("neuron")
        neuron["type"] = "CUBA"
        for name, values in layer.neuron.items():
            neuron[name] = values


def _plan(program: Program, made: NetxChain) -> dict[str, Json]:
    lo, hi = program.input.lo, program.input.hi
    populations = [layer for layer in made.layers if layer.population]
    return {
        "schema": SCHEMA,
        "digest": program.digest,
        "gap": 0,
        "streams": made.streams,
        "input": {
            "shape": list(program.input.shape),
            "lo": lo,
            "hi": hi,
            "message_bits": MESSAGE_BITS if lo < 0 or hi > 1 else 0,
        },
        "populations": [
            {
                "name": layer.population,
                "shape": list(program.by_name[layer.population].shape),
                "layer_shape": list(layer.shape),
                "start": number + 1,
            }
            for number, layer in enumerate(populations)
        ],
        "losses": [str(loss) for loss in made.losses],
    }
