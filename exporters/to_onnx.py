"""A Program as ONNX: one step and a whole sequence, integer operators only, run by ONNX Runtime on any platform."""

import importlib.util
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, write_artifact
from exporters.golden_vectors import golden_vectors, write_golden
from exporters.onnx_export.model import OPSET, scan_model, state_shapes, step_model
from exporters.recording import ExecutorTrace, recording_from
from sim.compare import first_divergence
from sim.cures import install
from sim.engines import run
from sim.errors import FileError, MachineError, MissingToolError, UnsupportedError
from sim.program import Program
from sim.trace import recordable

__all__ = ["execute", "export"]

RUNNER = Path(__file__).with_name("onnx_export") / "run_onnx.py"
MAX_BYTES = 1_900_000_000
"""A protobuf file ends at 2 GiB."""


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write ``step.onnx``, ``sequence.onnx``, first states, golden vectors and ``run_onnx.py``."""
    check_artifact_folder(folder)
    _check_tools()
    weights = sum(c.wiring.weight.nbytes for p in program.populations for c in p.inputs)
    if weights > MAX_BYTES:
        raise UnsupportedError("the program's weights do not fit an ONNX file of 2 GiB", "export it to C or Lava")
    one, many = step_model(program), scan_model(program)
    golden, trace = golden_vectors(program, raster)

    def fill(draft: Path) -> None:
        (draft / "step.onnx").write_bytes(one.SerializeToString())
        (draft / "sequence.onnx").write_bytes(many.SerializeToString())
        np.savez(draft / "states.npz", allow_pickle=False, **_first_states(program))
        write_golden(draft / "golden.npz", golden, trace)
        (draft / "program.json").write_text(json.dumps(_facts(program), indent=1) + "\n", encoding="utf-8")
        shutil.copyfile(RUNNER, draft / RUNNER.name)

    return write_artifact(folder, format="onnx", digest=program.digest, fill=fill)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Run a raster in ONNX Runtime; ``folder`` runs the artifact that stands there instead of a fresh export."""
    _check_tools()
    if folder is not None:
        check_same_program(folder, "onnx", program.digest)
        return _run_both(program, raster, folder)
    with tempfile.TemporaryDirectory(prefix="snn2hw-onnx-") as made:
        Path(made, "sequence.onnx").write_bytes(scan_model(program).SerializeToString())
        np.savez(Path(made, "states.npz"), allow_pickle=False, **_first_states(program))
        return _run(program, raster, Path(made))


def _run_both(program: Program, raster: NDArray[np.integer], folder: Path) -> ExecutorTrace:
    """Run the sequence and the single step; where they part, return the one that the reference contradicts."""
    sequence, steps = _run(program, raster, folder), _run(program, raster, folder, "run_steps")
    if first_divergence(program, sequence, steps) is None:
        return sequence
    expected = run(program, raster, record=recordable(program), allow_wrap=True)
    return steps if first_divergence(program, expected, sequence) is None else sequence


def _run(program: Program, raster: NDArray[np.integer], folder: Path, how: str = "run") -> ExecutorTrace:
    try:
        found = getattr(_runner(), how)(folder, raster)
    except OverflowError as error:
        raise MachineError(f"ONNX Runtime: {error}", "lower the weights, the fan-in or the weight exponent") from None
    except Exception as error:  # onnxruntime has no common root for its errors
        raise FileError(f"{folder}: ONNX Runtime cannot run it ({error})", "export again") from error
    return recording_from(program, found)


@cache
def _runner() -> ModuleType:
    """Import the runner that is shipped, so that what is verified is what users run."""
    spec = importlib.util.spec_from_file_location("run_onnx", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _check_tools() -> None:
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingToolError(f"the Python package {package} is not installed", install(package))


def _first_states(program: Program) -> dict[str, NDArray[np.int64]]:
    """Return every state before step 0, and no messages."""
    states: dict[str, NDArray[np.int64]] = {}
    initial = {state.name: state.initial for state in program.described.states}
    for name, shape in state_shapes(program).items():
        kind, _, source = name.partition(".")
        first: Any = 0 if kind == "past" else program.by_name[source].registers[initial[kind]]
        states[name] = np.array(np.broadcast_to(first, shape), dtype=np.int64)
    return states


def _facts(program: Program) -> dict[str, Any]:
    return {
        "digest": program.digest,
        "opset": OPSET,
        "input": {"shape": list(program.input.shape), "lo": program.input.lo, "hi": program.input.hi},
        "order": [p.name for p in program.populations],
        "states": {name: list(shape) for name, shape in state_shapes(program).items()},
    }
