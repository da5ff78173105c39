"""What the engine "auto" reckons with: how long the reference takes, and what the fast engine costs before it starts.

python benchmarks/auto.py            into benchmarks/results/auto.{json,md}; the constants go into sim/auto.py by hand

The reference's seconds for a step are fitted as

    STEP_S layers + CALL_S calls + WEIGHT_S weights + samples (PRODUCT_S products + UPDATE_S neurons)

over programs of many sizes, in processor time of one core, each relative to what it took; what remains is stated too.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

import numpy as np
from results import write
from scipy.optimize import nnls

from sim import auto
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.reference import simulate
from sim.request import Request

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = Path(__file__).resolve().parents[1]
REPEATS = 3
LEAST_S = 0.02
"""A measurement takes at least so long: more steps are run until it does."""


def _programs(rng: np.random.Generator) -> list[tuple[str, Program, int]]:
    """Return programs and numbers of samples: dense and convolutional, small and large, alone and in batches."""
    found = []
    for size in (4, 32, 128, 512, 2048):
        for layers in (1, 3):
            for samples in (1, 8):
                found.append((f"dense {size} x {layers}, {samples}", _dense(rng, size, layers), samples))
    for side, channels in ((8, 4), (16, 8), (32, 8), (32, 32)):
        for samples in (1, 8):
            found.append((f"conv {side} x {channels}, {samples}", _conv(rng, side, channels), samples))
    return found


def _dense(rng: np.random.Generator, size: int, layers: int) -> Program:
    populations = []
    for place in range(layers):
        source = "input" if place == 0 else f"p{place - 1}"
        wiring = Dense(rng.integers(-20, 21, (size, size)))
        populations.append(Population(f"p{place}", (size,), (Connection(source, wiring),), vth=200, du=2000))
    return Program(Input((size,)), tuple(populations))


def _conv(rng: np.random.Generator, side: int, channels: int) -> Program:
    first = Connection("input", Conv(rng.integers(-20, 21, (channels, 2, 3, 3)), padding=(1, 1)))
    second = Connection("p0", Conv(rng.integers(-20, 21, (channels, channels, 3, 3)), padding=(1, 1)))
    shape = (channels, side, side)
    populations = (Population("p0", shape, (first,), vth=200), Population("p1", shape, (second,), vth=200))
    return Program(Input((2, side, side)), populations)


def _seconds(program: Program, samples: int, rng: np.random.Generator) -> float:
    """Return the processor time of one step, the least of a few measurements."""
    steps, taken = 2, 0.0
    while True:
        raster = (rng.random((samples, steps, *program.input.shape)) < 0.2).astype(np.int32)
        begun = time.process_time()
        simulate(program, raster, Request())
        taken = time.process_time() - begun
        if taken >= LEAST_S:
            break
        steps *= 4
    times = [taken]
    for _ in range(REPEATS - 1):
        begun = time.process_time()
        simulate(program, raster, Request())
        times.append(time.process_time() - begun)
    return min(times) / steps


def _import_s() -> float:
    """Return the processor time that importing the fast engine adds to a process that has NumPy."""
    code = (
        "import time, numpy, sim.reference; t = time.process_time(); import sim.fast.readiness; "
        "print(time.process_time() - t)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(REPEATS)
    ]
    return median(times)


def main() -> int:
    """Measure, fit, write."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for name, program, samples in _programs(rng):
        work = auto.work_of(program)
        rows.append({"program": name, "samples": samples, **asdict(work), "step_s": _seconds(program, samples, rng)})
    taken = np.array([r["step_s"] for r in rows])
    alone = [[r[key] for key in ("layers", "calls", "weights")] for r in rows]
    shared = [[r["samples"] * r[key] for key in ("products", "neurons")] for r in rows]
    work_done = np.concatenate([np.array(alone, float), np.array(shared, float)], axis=1)
    fitted, _ = nnls(work_done / taken[:, None], np.ones(len(rows)))
    names = ("STEP_S", "CALL_S", "WEIGHT_S", "PRODUCT_S", "UPDATE_S")
    stated = work_done @ [getattr(auto, name) for name in names] / taken
    found = {
        **dict(zip(names, fitted.tolist(), strict=True)),
        "NUMBA_S": _import_s(),
        "stated_over_measured": {"least": stated.min(), "median": float(np.median(stated)), "greatest": stated.max()},
        "rows": rows,
    }
    write(RESULTS / "auto.json", json.dumps(found, indent=1, default=float) + "\n")
    write(RESULTS / "auto.md", _page(found))
    print(_page(found))
    return 0


def _page(found: dict[str, Any]) -> str:
    names = [name for name in found if name.endswith("_S")]
    lines = ["| constant | measured | in `sim/auto.py` |", "|---|---|---|"]
    lines += [f"| `{name}` | {found[name]:.2g} | {getattr(auto, name):g} |" for name in names]
    kept = found["stated_over_measured"]
    spread = f"{kept['least']:.2f} to {kept['greatest']:.2f}, half of them below {kept['median']:.2f}"
    return (
        "\n".join(lines) + f"\n\nWhat `sim/auto.py` expects over what {len(found['rows'])} programs took: {spread}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
