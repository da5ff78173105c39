"""What is measured of this project's own engines."""

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.fast import Kernels, simulate
from sim.program import Program
from sim.reference import simulate as simulate_reference
from sim.request import Request
from timing.networks import adds

__all__ = ["measure", "measure_reference_engine", "warm_up"]

LEAST = 3
"""Repeats of a measurement, unless one alone takes longer than it has."""


def warm_up(program: Program, raster: NDArray[Any], kernels: Kernels = "auto") -> None:
    """Have everything compiled that a measurement runs."""
    simulate(program, raster[:1], Request(record=()), kernels=kernels, threads=1)


def measure(
    program: Program,
    raster: NDArray[Any],
    seconds: float,
    *,
    kernels: Kernels = "auto",
    threads: int = 1,
    clock: Literal["CPU time of one thread", "wall"] = "CPU time of one thread",
) -> dict[str, Any]:
    """Run a batch again and again for so many seconds: outputs and counts of every sample, no states recorded.

    Several threads can only be timed by the wall.
    """
    warm_up(program, raster, kernels)
    now = time.perf_counter if clock == "wall" else time.thread_time
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < LEAST or time.perf_counter() < end:
        start = now()
        simulate(program, raster, Request(record=()), kernels=kernels, threads=threads)
        took.append(now() - start)
        if sum(took) > 2 * seconds:
            break
    per_sample, work = min(took) / len(raster), adds(program, raster)
    return {
        "samples_per_s": 1 / per_sample,
        "seconds_per_sample": per_sample,
        "median_seconds_per_sample": float(np.median(took)) / len(raster),
        "adds_per_sample": work,
        "adds_per_s": work / per_sample,
        "distinct_inputs": len(raster),
        "steps": int(raster.shape[1]),
        "repeats": len(took),
        "threads": threads,
        "clock": clock,
        "kernels": kernels,
    }


def measure_reference_engine(program: Program, raster: NDArray[Any]) -> dict[str, Any]:
    """Run the definition itself once; it computes with numpy and is not built for speed."""
    start = time.thread_time()
    simulate_reference(program, raster, Request())
    per_sample = (time.thread_time() - start) / len(raster)
    return {
        "samples_per_s": 1 / per_sample,
        "seconds_per_sample": per_sample,
        "distinct_inputs": len(raster),
        "repeats": 1,
        "clock": "CPU time of one thread",
    }
