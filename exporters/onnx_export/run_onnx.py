"""Run the exported program in ONNX Runtime and compare it with the golden vectors beside this file.

Needs onnxruntime and numpy, nothing else.  python run_onnx.py  prints "equal" and exits with 0, or says what differs.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent


def load(folder: Path) -> tuple[onnxruntime.InferenceSession, dict[str, np.ndarray]]:
    """Return the sequence model and the first states."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "sequence.onnx"), options, providers=["CPUExecutionProvider"])
    with np.load(folder / "states.npz", allow_pickle=False) as arrays:
        return session, {name: arrays[name] for name in arrays.files}


def run(folder: Path, raster: np.ndarray) -> dict[str, np.ndarray]:
    """Run a raster (B, T, *shape); return spikes.NAME, u.NAME and v.NAME as (B, T, *shape)."""
    session, states = load(folder)
    feeds = {name: np.repeat(first[None], len(raster), axis=0) for name, first in states.items()}
    feeds["raster"] = np.ascontiguousarray(np.moveaxis(raster, 1, 0).astype(np.int64))
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, feeds), strict=True))
    if found["overflow.at"].any():
        step = int(found["overflow.at"].argmax())
        raise OverflowError(f"step {step} leaves the machine: |a| >= 2^21, or |u| >= 2^31 after repeated wraps")
    return {name[4:]: np.moveaxis(values, 0, 1) for name, values in found.items() if name.startswith("all.")}


def main() -> int:
    """Compare with golden.npz."""
    with np.load(HERE / "golden.npz", allow_pickle=False) as golden:
        got = run(HERE, golden["input"])
        facts = json.loads((HERE / "program.json").read_text())
        for name in facts["order"]:
            for register in ("u", "v", "spikes"):
                key = f"{register}.{name}"
                if not np.array_equal(got[key], golden[key]):
                    place = tuple(int(i) for i in np.argwhere(got[key] != golden[key])[0])
                    print(
                        f"population {name!r}: {register} at (sample, step, neuron) {place} is {got[key][place]}",
                        end="",
                    )
                    print(f", expected {golden[key][place]}")
                    return 1
        compared = sum(values.size for values in got.values())
    print(f"equal: {compared} values of {len(facts['order'])} populations, program {facts['digest'][:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
