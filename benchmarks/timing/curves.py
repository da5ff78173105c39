"""How the fast engine scales: batch, threads, input rate, size of the network, steps, memory."""

from typing import Any

from sim.cores import cores_here
from sim.wiring import synapse_count
from timing.memory import peak_memory
from timing.networks import INPUT_RATE, STEPS, dense_net, inputs, reference_net
from timing.ours import measure

__all__ = ["CURVES"]

SECONDS = 1.5
DISTINCT = 64
BATCHES = (1, 4, 16, 64, 256, 1024)
RATES = (0.01, 0.02, 0.05, INPUT_RATE, 0.2, 0.3, 0.5)
WIDTHS = (320, 1000, 3200, 10_400)
STEP_COUNTS = (STEPS, 200, 1000, 10_000)
THREADED = 256
ROUNDS = 3
KEPT = ("samples_per_s", "seconds_per_sample", "adds_per_sample", "adds_per_s", "distinct_inputs", "steps", "clock")


def batch() -> list[dict[str, Any]]:
    """Samples in one call."""
    program = reference_net().program
    raster = inputs(program, max(BATCHES))
    return [{"batch": n, **_kept(measure(program, raster[:n], SECONDS))} for n in BATCHES]


def threads() -> list[dict[str, Any]]:
    """Threads over one batch, in turn, so that a busy moment hits all of them; the best of each, by the wall."""
    program = reference_net().program
    raster = inputs(program, THREADED)
    counts = range(1, cores_here() + 1)
    best: dict[int, dict[str, Any]] = {}
    for _ in range(ROUNDS):
        for count in counts:
            row = measure(program, raster, SECONDS, threads=count, clock="wall")
            if count not in best or row["seconds_per_sample"] < best[count]["seconds_per_sample"]:
                best[count] = row
    one = best[1]["seconds_per_sample"]
    return [{"threads": count, "speedup": one / row["seconds_per_sample"], **_kept(row)} for count, row in best.items()]


def rate() -> list[dict[str, Any]]:
    """Rates of the input, thresholds as they are, so that the layers behind it become busier too."""
    program = reference_net().program
    return [{"rate": r, **_kept(measure(program, inputs(program, DISTINCT, rate=r), SECONDS))} for r in RATES]


def size() -> list[dict[str, Any]]:
    """Two layers, all to all, of growing width."""
    rows = []
    for width in WIDTHS:
        program = dense_net(width).program
        shapes = ["input", *(p.name for p in program.populations)]
        synapses = sum(
            synapse_count(p.inputs[0].wiring, program.shape_of(source), p.shape)
            for source, p in zip(shapes, program.populations, strict=False)
        )
        raster = inputs(program, DISTINCT if width < 5000 else DISTINCT // 4)
        rows.append({"width": width, "synapses": synapses, **_kept(measure(program, raster, SECONDS))})
    return rows


def steps() -> list[dict[str, Any]]:
    """Steps of a sample."""
    program = reference_net().program
    rows = []
    for count in STEP_COUNTS:
        raster = inputs(program, max(4, DISTINCT * STEPS // count), count)
        row = _kept(measure(program, raster, SECONDS))
        memory = {"peak_bytes": peak_memory(2, count), "input_bytes": raster[:2].nbytes}
        rows.append({"steps_per_s": count * row["samples_per_s"], **memory, **row})
    return rows


def memory() -> list[dict[str, Any]]:
    """Peak memory of a process, states not recorded."""
    pixels = reference_net().program.input.shape
    size_of_sample = STEPS * pixels[0] * pixels[1] * pixels[2]
    return [{"batch": n, "peak_bytes": peak_memory(n, STEPS), "input_bytes": n * size_of_sample} for n in BATCHES]


CURVES = {"batch": batch, "threads": threads, "rate": rate, "size": size, "steps": steps, "memory": memory}
"""Each gives the points of one curve."""


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in KEPT}
