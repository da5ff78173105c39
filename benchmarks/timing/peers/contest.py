"""What every peer script shares: the network that the benchmark wrote down, the clocks, and the answer in JSON.

A peer script runs in its peer's own environment, which has numpy but not this project. It is called with the file of a
network and a number of seconds, and prints one JSON list: a row for each form of the network that it measured. It
prints it again after each row, so that one that is stopped has said what it had; the last line counts.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Layer", "Task", "cpu_of_everybody", "repeated", "say", "task"]

KEPT_CURRENT = 0.5
"""Of the synaptic current in a step: 1 - (du + 1) / 4096."""
LEAK = 410 / 4096
"""Of the membrane potential in a step: dv / 4096."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: as trained (weight, stride, sum pool), and with its pool folded into its convolution."""

    weight: np.ndarray[Any, Any]
    stride: int
    pool: int
    folded: np.ndarray[Any, Any]
    folded_stride: int
    vth: int


@dataclass(frozen=True, eq=False)
class Task:
    """What a peer is to run: layers, distinct inputs (B, T, ...), the seconds it may take, the batches to try."""

    layers: tuple[Layer, ...]
    raster: np.ndarray[Any, Any]
    seconds: float
    batches: tuple[int, ...]
    forms: tuple[str, ...]


def task() -> Task:
    """Read the command line: network file, seconds, batch sizes, forms; lists separated by commas."""
    file, seconds, batches, forms = sys.argv[1:5]
    with np.load(Path(file), allow_pickle=False) as data:
        count = int(data["layers"])
        layers = tuple(
            Layer(
                weight=data[f"weight{i}"],
                stride=int(data[f"stride{i}"]),
                pool=int(data[f"pool{i}"]),
                folded=data[f"folded{i}"],
                folded_stride=int(data[f"folded_stride{i}"]),
                vth=int(data[f"vth{i}"]),
            )
            for i in range(count)
        )
        raster = data["raster"]
    sizes = tuple(int(b) for b in batches.split(","))
    return Task(layers, raster, float(seconds), sizes, tuple(forms.split(",")))


def repeated(
    call: Callable[[], object], seconds: float, clock: Callable[[], float] = time.thread_time, most: int | None = None
) -> list[float]:
    """Call until so many seconds have passed, once at least and ``most`` times; return what each took by ``clock``."""
    took, end = [], time.perf_counter() + seconds
    while True:
        start = clock()
        call()
        took.append(clock() - start)
        if time.perf_counter() + took[-1] > end or len(took) == most:
            return took


def say(rows: list[dict[str, Any]]) -> None:
    """Print what is known so far."""
    print(json.dumps(rows), flush=True)


def cpu_of_everybody() -> float | None:
    """Return the CPU seconds of this process and of all processes below it; None where there is no /proc to tell."""
    if not Path("/proc/self/stat").is_file():
        return None
    parents, ticks = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended in the meantime
            continue
        parents[int(folder.name)], ticks[int(folder.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    return sum(ticks[pid] for pid in _below(os.getpid(), parents)) / os.sysconf("SC_CLK_TCK")


def _below(pid: int, parents: dict[int, int]) -> Iterator[int]:
    yield pid
    for child, parent in parents.items():
        if parent == pid:
            yield from _below(child, parents)
