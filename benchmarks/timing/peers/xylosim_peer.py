"""xylosim on specifications of `exporters.xylo`: ``xylosim_peer.py RUNNER SECONDS FOLDER ...``, run by its own Python.

RUNNER is the project's own ``run_xylosim.py``. Printed is one JSON line for each folder: the CPU seconds of a sample,
the least of all runs, and the SHA-256 of all spikes of the output. A layer is made anew for every sample; that is not
timed.
"""

import hashlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    runner, seconds, *folders = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("run_xylosim", runner)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for folder in folders:
        with np.load(Path(folder, "specification.npz"), allow_pickle=False) as stored:
            facts = {name: stored[name] for name in stored.files}
        samples = [sample.tolist() for sample in np.load(Path(folder, "input.npy"), allow_pickle=False)]
        print(json.dumps(measure(module, facts, samples, float(seconds))), flush=True)


def measure(module: Any, facts: dict[str, Any], samples: list[list[list[int]]], seconds: float) -> dict[str, Any]:
    took: list[list[float]] = [[] for _ in samples]
    heard, end = hashlib.sha256(), time.perf_counter() + seconds
    while time.perf_counter() < end or not took[-1]:
        for each, sample in zip(took, samples, strict=True):
            held: list[Any] = []
            layer = module.layer_of(facts, held)
            start = time.process_time()
            layer.evolve(sample)
            each.append(time.process_time() - start)
            if len(each) == 1:
                heard.update(np.asarray(layer.rec_out_spikes, dtype=np.uint8).tobytes())
            del layer
    least = [min(each) for each in took]
    return {"seconds_per_sample": sum(least) / len(least), "repeats": len(took[-1]), "output": heard.hexdigest()}


if __name__ == "__main__":
    main()
