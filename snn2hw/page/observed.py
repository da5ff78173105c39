"""What a program does on its input, kept small: rates of all neurons over many samples, registers of a few.

Samples are run in pieces whose recordings fit into a bounded memory, and of each piece only sums are kept. So the page
of a large program takes no more memory than that of a small one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import Int
from sim.compare import recorded_of
from sim.engines import run
from sim.program import Program
from sim.trace import recordable

__all__ = ["MOST_SAMPLES", "Observed", "Seen", "observe", "see"]

MOST_SAMPLES = 256
"""Samples that activity is counted over, unless more are asked for."""
RECORDED_BYTES = 1 << 28
"""Bytes that one run may record."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One sample, run with everything recorded: ``registers[what][population]`` is (steps, neurons)."""

    name: str
    raster: NDArray[np.integer]  # t *shape
    registers: Mapping[str, Mapping[str, NDArray[np.integer]]]
    output: NDArray[np.integer]  # t n
    whole: int
    """Steps of the sample; more than are recorded where memory did not allow all."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What was counted over ``samples`` samples of ``steps`` steps."""

    samples: int
    steps: int
    spikes: Mapping[str, Int]  # n: of every neuron, over all samples and steps
    by_step: Mapping[str, Int]  # t: of all neurons and samples
    synops: Mapping[str, float]
    clips: Mapping[str, int]
    wraps: Mapping[str, int]
    output: NDArray[np.integer] = field(repr=False)  # b t n

    def rate(self, name: str) -> NDArray[np.float64]:
        """Return how many spikes every neuron of a population sends per step."""
        return self.spikes[name] / (self.samples * self.steps)


def observe(program: Program, spikes: NDArray[np.integer], engine: str = "auto") -> Observed:
    """Run ``spikes`` (B, T, *input shape) and count."""
    samples, steps = spikes.shape[:2]
    neurons = {p.name: p.size for p in program.populations}
    sent = {name: np.zeros(size, dtype=np.int64) for name, size in neurons.items()}
    by_step = {name: np.zeros(steps, dtype=np.int64) for name in neurons}
    tallies: dict[str, dict[str, int]] = {what: dict.fromkeys(neurons, 0) for what in ("synops", "clips", "wraps")}
    outputs = []
    for piece in _pieces(samples, steps * sum(neurons.values())):
        trace = run(program, spikes[piece], engine=engine, record=("spikes",), allow_wrap=True)
        for name, kept in trace.spikes.items():
            flat = kept.reshape(*kept.shape[:2], -1)
            sent[name] += flat.sum(axis=(0, 1), dtype=np.int64)
            by_step[name] += flat.sum(axis=(0, 2), dtype=np.int64)
        for what, found in tallies.items():
            for name in neurons:
                found[name] += int(getattr(trace.counts, what)[name].sum())
        outputs.append(trace.output.reshape(*trace.output.shape[:2], -1))
    return Observed(
        samples=samples,
        steps=steps,
        spikes=sent,
        by_step=by_step,
        synops={name: total / samples for name, total in tallies["synops"].items()},
        clips=tallies["clips"],
        wraps=tallies["wraps"],
        output=np.concatenate(outputs),
    )


def _pieces(samples: int, values: int) -> Iterator[slice]:
    """Yield samples in pieces that record at most `RECORDED_BYTES`, at least one at a time."""
    size = max(1, RECORDED_BYTES // max(values, 1))
    yield from (slice(start, min(start + size, samples)) for start in range(0, samples, size))


def see(program: Program, rasters: Sequence[tuple[str, NDArray[np.integer]]], engine: str = "auto") -> tuple[Seen, ...]:
    """Run each sample (T, *input shape) by itself and keep every register, of as many steps as memory allows."""
    return tuple(_one(program, name, raster, engine) for name, raster in rasters)


def _one(program: Program, name: str, raster: NDArray[np.integer], engine: str) -> Seen:
    record = recordable(program)
    per_step = sum(p.size for p in program.populations) * (4 * len(record) - 3)
    steps = max(1, min(len(raster), RECORDED_BYTES // max(per_step, 1)))
    trace = run(program, raster[None, :steps], engine=engine, record=record, allow_wrap=True)
    flat: Any = {
        what: {name: values[0].reshape(steps, -1) for name, values in kept.items()}
        for what, kept in recorded_of(trace).items()
        if what in record
    }
    return Seen(name, raster[:steps], flat, trace.output[0].reshape(steps, -1), len(raster))
