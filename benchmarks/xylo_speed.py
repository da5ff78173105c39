"""How fast Xylo programs run: the fast engine beside xylosim, the simulator of the chip's maker, on one thread.

python benchmarks/xylo_speed.py                a table, and benchmarks/results/xylo_speed.{json,md}
python benchmarks/xylo_speed.py --seconds 1    less time for each network

Random networks of the chip's form, 16 inputs and 8 outputs, 301 steps; CPU time of one thread, our figure measured
right before and right after xylosim's; the slower one counts. docs/fast.md says what was found.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, write
from timing.machine import describe

from exporters.xylo.install import find_python
from exporters.xylo.runner import RUNNER, write_input, write_specification
from exporters.xylo.specification import specify
from sim.engines import run
from sim.errors import ToolError
from sim.fast.xylo.engine import XyloKernels, simulate
from sim.files import make_folder
from sim.program import INPUT, Connection, Dense, Input, Population, Program
from sim.request import Request

RESULTS = Path(__file__).resolve().parent / "results"
PEER = Path(__file__).resolve().parent / "timing" / "peers" / "xylosim_peer.py"
INPUTS, OUTPUTS, STEPS, SAMPLES, LEAST = 16, 8, 301, 8, 5
RATES = (0.02, 0.10, 0.30)
"""Spikes of a hidden neuron and step, about."""


@dataclass(frozen=True)
class Shape:
    """Hidden layers, and whether each also reads itself."""

    title: str
    layers: tuple[int, ...]
    recurrent: bool
    second: bool = False


SHAPES = (
    Shape("190 hidden neurons, recurrent", (190,), recurrent=True),
    Shape("64 + 63 + 63 hidden neurons, feed-forward", (64, 63, 63), recurrent=False),
    Shape("190 hidden neurons, recurrent, two currents", (190,), recurrent=True, second=True),
    Shape("1000 hidden neurons, recurrent", (1000,), recurrent=True),
)


def network(shape: Shape, theta: int) -> Program:
    rng = np.random.default_rng(len(shape.layers) + sum(shape.layers))

    def weights(out: int, into: int) -> Dense:
        return Dense(np.clip(rng.normal(4, 30, (out, into)), -128, 127).astype(np.int64))

    populations, source, into = [], INPUT, INPUTS
    for place, size in enumerate(shape.layers):
        lag = 0 if source == INPUT else 1
        heard = [Connection(source, weights(size, into), 3 if source == INPUT else 0, lag)]
        if shape.second:
            heard.append(Connection(source, weights(size, into), 3, lag, port=1))
        name = f"hidden{place}"
        if shape.recurrent:
            heard.append(Connection(name, weights(size, size), 0, 1))
        dashes = {"dash_syn": rng.integers(1, 4, size), "dash_mem": rng.integers(2, 6, size)}
        populations.append(Population(name, (size,), heard, arithmetic="xylo", theta=theta, most=31, **dashes))
        source, into = name, size
    read = [Connection(source, weights(OUTPUTS, into), 0, 1)]
    populations.append(Population("out", (OUTPUTS,), read, arithmetic="xylo", theta=2000, dash_syn=2, dash_mem=4))
    return Program(Input((INPUTS,), 0, 15), tuple(populations), arithmetic="xylo")


def samples() -> NDArray[np.integer]:
    rng = np.random.default_rng(0)
    size = (SAMPLES, STEPS, INPUTS)
    return np.where(rng.random(size) < 0.2, rng.integers(1, 6, size), 0)


def rate_of(program: Program, raster: NDArray[np.integer]) -> float:
    counts = run(program, raster, engine="fast").counts
    hidden = program.populations[:-1]
    return float(sum(counts.spikes[p.name].sum() for p in hidden) / sum(counts.updates[p.name].sum() for p in hidden))


def fitted(shape: Shape, rate: float, raster: NDArray[np.integer]) -> Program:
    """Return a network of which hidden neurons send about so many spikes a step."""
    low, high = 1, 32767
    while high - low > 20:
        theta = (low + high) // 2
        low, high = (theta, high) if rate_of(network(shape, theta), raster[:2]) > rate else (low, theta)
    return network(shape, high)


def ours(program: Program, raster: NDArray[np.integer], seconds: float) -> dict[str, float]:
    """Return the CPU seconds of a sample, the least of all runs, for a batch in one call and for one sample alone."""
    forms: tuple[tuple[str, XyloKernels, int], ...] = (
        ("batch", "auto", SAMPLES), ("one sample", "auto", 1), ("portable", "portable", SAMPLES)
    )  # fmt: skip
    found = {}
    for name, kernels, count in forms:
        took: list[float] = []
        simulate(program, raster[:count], Request(record=()), kernels=kernels, threads=1)  # compiled before the clock
        end = time.perf_counter() + seconds / len(forms)
        while time.perf_counter() < end or len(took) < LEAST:
            start = time.thread_time()
            simulate(program, raster[:count], Request(record=()), kernels=kernels, threads=1)
            took.append(time.thread_time() - start)
        found[name] = min(took) / count
    return found


def xylosim(program: Program, raster: NDArray[np.integer], seconds: float) -> dict[str, Any]:
    """Return what xylosim says of the same samples: the CPU seconds of one, and a hash of its output."""
    specified = specify(program)
    with tempfile.TemporaryDirectory() as made:
        write_specification(Path(made), specified)
        write_input(Path(made), specified, raster)
        command = [str(find_python()), "-I", str(PEER), str(RUNNER), str(seconds), made]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"xylosim: ended with code {done.returncode}: {done.stderr[-600:]}", "install it again")
    said: dict[str, Any] = json.loads(done.stdout)
    first = specified.start[program.output.name]
    output = run(program, raster, engine="fast").output
    shifted = np.pad(output, ((0, 0), (first, specified.steps_more - first), (0, 0)))
    if not specified.steps_more - first and hashlib.sha256(shifted.tobytes()).hexdigest() != said["output"]:
        raise ToolError("xylosim: its spikes are not ours", "snn2hw verify --against xylosim says where")
    return said


def compete(shape: Shape, rate: float, seconds: float) -> dict[str, Any]:
    """Return a row: both simulators on one network, ours before and after the other."""
    raster = samples()
    program = fitted(shape, rate, raster)
    before = ours(program, raster, seconds)
    said = xylosim(program, raster, seconds)
    after = ours(program, raster, seconds)
    took = {name: max(before[name], after[name]) for name in before}
    counts = run(program, raster, engine="fast").counts
    return {
        "network": shape.title,
        "spikes": float(sum(c.mean() for c in counts.spikes.values())),
        "synops": float(sum(c.mean() for c in counts.synops.values())),
        "clips": float(sum(c.mean() for c in counts.clips.values())),
        "xylosim": said["seconds_per_sample"],
        "ours": took,
        "ratio": {name: said["seconds_per_sample"] / each for name, each in took.items()},
    }


def table(rows: list[dict[str, Any]]) -> str:
    head = ["network", "spikes a sample", "xylosim", "snn2hw", "faster by", "one sample alone", "portable kernels"]
    cells = [
        [
            row["network"], f"{row['spikes']:,.0f}", f"{1e3 * row['xylosim']:.1f} ms",
            f"{1e3 * row['ours']['batch']:.3f} ms", *(f"{row['ratio'][n]:.0f}x" for n in row["ratio"]),
        ]
        for row in rows
    ]  # fmt: skip
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *cells)) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring each (default: 3)")
    parser.add_argument("--only", default="", help="networks whose title holds this (default: all)")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder (default: benchmarks/results)")
    arguments = parser.parse_args()
    shapes = [shape for shape in SHAPES if arguments.only in shape.title]
    rows = [compete(shape, rate, arguments.seconds) for shape in shapes for rate in RATES]
    folder, text = make_folder(arguments.output), table(rows)
    write(folder / "xylo_speed.json", json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n")
    write(folder / "xylo_speed.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(ended(main))
