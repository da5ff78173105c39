"""Run the exported program in ONNX Runtime and compare it with the golden vectors beside this file.

Needs onnxruntime and numpy, nothing else.  python run_onnx.py  prints "equal", or what differs. Exit code: 0 equal, 1
not equal, 2 it did not run.
"""

import json
import sys
from pathlib import Path

try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    if __name__ != "__main__":
        raise
    print(f"run_onnx.py needs onnxruntime and numpy: {error}  fix: pip install onnxruntime numpy", file=sys.stderr)
    sys.exit(2)

HERE = Path(__file__).resolve().parent


def load(folder: Path, model: str) -> tuple[onnxruntime.InferenceSession, dict[str, np.ndarray]]:
    """Return one of the two models and the first states."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / model), options, providers=["CPUExecutionProvider"])
    with np.load(folder / "states.npz", allow_pickle=False) as arrays:
        return session, {name: arrays[name] for name in arrays.files}


def run(folder: Path, raster: np.ndarray) -> dict[str, np.ndarray]:
    """Run a raster (B, T, *shape) in one call; return spikes.NAME and STATE.NAME, such as v.NAME, as (B, T, *shape)."""
    session, states = load(folder, "sequence.onnx")
    feeds = {name: np.repeat(first[None], len(raster), axis=0) for name, first in states.items()}
    feeds["raster"] = np.ascontiguousarray(np.moveaxis(raster, 1, 0).astype(np.int64))
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, feeds), strict=True))
    if found["overflow.at"].any():
        raise _overflow(int(found["overflow.at"].argmax()))
    return {name[4:]: np.moveaxis(values, 0, 1) for name, values in found.items() if name.startswith("all.")}


def run_steps(folder: Path, raster: np.ndarray) -> dict[str, np.ndarray]:
    """Run a raster (B, T, *shape) with one call per step, as where the input arrives while the program runs."""
    session, states = load(folder, "step.onnx")
    states = {name: np.repeat(first[None], len(raster), axis=0) for name, first in states.items()}
    read, names = {i.name for i in session.get_inputs()}, [o.name for o in session.get_outputs()]
    seen: dict[str, list[np.ndarray]] = {}
    for t in range(raster.shape[1]):
        feeds = {"input": raster[:, t].astype(np.int64), **states}
        found = dict(zip(names, session.run(names, {n: v for n, v in feeds.items() if n in read}), strict=True))
        if found["overflow"]:
            raise _overflow(t)
        states = {name: found[f"{name}.next"] for name in states}
        spikes = {name: values for name, values in found.items() if name.startswith("spikes.")}
        for name, values in {**states, **spikes}.items():
            seen.setdefault(name, []).append(values)
    return {name: np.stack(values, axis=1) for name, values in seen.items() if not name.startswith("past.")}


def _overflow(step: int) -> OverflowError:
    return OverflowError(f"step {step} leaves the machine: |a| >= 2^21, or |u| >= 2^31 after repeated wraps")


def difference(got: dict[str, np.ndarray], golden: dict[str, np.ndarray], order: list[str]) -> str | None:
    """Return the first value that is not as expected, population by population."""
    recorded = {key.partition(".")[0] for key in golden if "." in key}
    for name in order:
        for register in sorted(recorded, key=lambda what: (what == "spikes", what)):
            key = f"{register}.{name}"
            if not np.array_equal(got[key], golden[key]):
                place = tuple(int(i) for i in np.argwhere(got[key] != golden[key])[0])
                where = f"population {name!r}: {register} at (sample, step, neuron) {place}"
                return f"{where} is {got[key][place]}, expected {golden[key][place]}"
    return None


def main() -> int:
    """Compare both models with golden.npz."""
    with np.load(HERE / "golden.npz", allow_pickle=False) as arrays:
        golden = {name: arrays[name] for name in arrays.files}
    facts = json.loads((HERE / "program.json").read_text())
    compared = 0
    for model, execute in (("sequence.onnx", run), ("step.onnx", run_steps)):
        got = execute(HERE, golden["input"])
        found = difference(got, golden, facts["order"])
        if found is not None:
            print(f"{model}: {found}")
            return 1
        compared += sum(values.size for values in got.values())
    print(f"equal: {compared} values of {len(facts['order'])} populations, program {facts['digest'][:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
