"""What every peer of the comparison shares: programs as plain arrays, the order of a step, and the loop over jobs.

A peer lives in its simulator's own environment, which has NumPy but not this project. A line on standard input names
the file of a program with its inputs and the file for what comes of it; a line on standard output answers: null, or
what went wrong.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Job", "Link", "Neurons", "serve", "serve_steps", "serve_whole"]

Array = Any
Step = Callable[[Array], tuple[Array, Array, Array]]
"""Takes what arrives at a population, and advances it: spikes, u, v."""
Population = Callable[["Neurons", list[Array]], tuple[Array, Array, Array]]
"""Takes a population and what it hears in all steps, and runs it: spikes, u, v."""


@dataclass(frozen=True, eq=False)
class Link:
    """One connection: ``matrix`` (out, in) whatever the wiring; of a convolution the kernel and its geometry too."""

    source: str
    exponent: int
    lag: int
    matrix: Array
    kernel: Array | None = None
    geometry: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[Any, Any] = ((), ())


@dataclass(frozen=True, eq=False)
class Neurons:
    """One population: flat registers du, dv, vth, bias, u0, v0; what it hears."""

    name: str
    size: int
    links: tuple[Link, ...]
    registers: dict[str, Array]
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Job:
    """A program in the order of its computation, and its inputs (B, T, N)."""

    populations: tuple[Neurons, ...]
    raster: Array
    most: int


Result = dict[str, Array]


def serve(run: Callable[[Job], Result]) -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a simulator prints goes to the log
    for line in sys.stdin:
        job, result = json.loads(line)
        try:
            np.savez(result, **run(_read(job)))
            print("null", file=answers)
        except Exception as error:
            traceback.print_exc()
            print(json.dumps(f"{type(error).__name__}: {error}".splitlines()[0][:300]), file=answers)


def _read(path: str) -> Job:
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    plan = json.loads(str(arrays["plan"]))
    made = []
    for p in plan["populations"]:
        links = tuple(
            Link(
                source=c["source"],
                exponent=c["exponent"],
                lag=c["lag"],
                matrix=arrays[f"matrix.{p['name']}.{i}"],
                kernel=arrays.get(f"kernel.{p['name']}.{i}"),
                geometry=c["geometry"],
                shapes=(tuple(c["from"]), tuple(p["shape"])),
            )
            for i, c in enumerate(p["inputs"])
        )
        registers = {name: arrays[f"{name}.{p['name']}"] for name in ("du", "dv", "vth", "bias", "u0", "v0")}
        made.append(Neurons(p["name"], len(registers["du"]), links, registers, p))
    return Job(tuple(made), arrays["raster"], plan["most"])


def serve_steps(neurons: Callable[[Neurons], Step], deliver: Callable[[Link], Callable[[Array], Array]]) -> None:
    """Answer in local time: in every step each population in order, each connection with its lag."""
    serve(lambda job: _step_by_step(job, neurons, deliver))


def _step_by_step(
    job: Job, neurons: Callable[[Neurons], Step], deliver: Callable[[Link], Callable[[Array], Array]]
) -> Result:
    result = _empty(job)
    for b, sample in enumerate(job.raster):
        advance = {p.name: neurons(p) for p in job.populations}
        brings = {p.name: [deliver(link) for link in p.links] for p in job.populations}
        sent: dict[str, list[Array]] = {"input": list(sample), **{p.name: [] for p in job.populations}}
        for t in range(len(sample)):
            for p in job.populations:
                arriving = np.zeros(p.size, dtype=np.int64)
                for link, bring in zip(p.links, brings[p.name], strict=True):
                    if t >= link.lag:
                        arriving = arriving + bring(sent[link.source][t - link.lag])
                made = advance[p.name](arriving)
                sent[p.name].append(np.asarray(made[0]))
                for what, values in zip(("spikes", "u", "v"), made, strict=True):
                    result[f"{what}.{p.name}"][b, t] = values
    return result


def serve_whole(population: Population) -> None:
    """Answer population after population, each over all ``steps``; it gets what each source sent, its lag allowed for.

    What a population hears of itself is left to it: None stands in its place.
    """
    serve(lambda job: _whole(job, population))


def _whole(job: Job, run: Population) -> Result:
    for p in job.populations:
        p.facts["steps"] = job.raster.shape[1]
    result = _empty(job)
    for b, sample in enumerate(job.raster):
        sent: dict[str, Array] = {"input": sample}
        for p in job.populations:
            heard = [None if link.source == p.name else _late(sent[link.source], link.lag) for link in p.links]
            made = run(p, heard)
            sent[p.name] = np.asarray(made[0])
            for what, values in zip(("spikes", "u", "v"), made, strict=True):
                result[f"{what}.{p.name}"][b] = values
    return result


def _late(values: Array, lag: int) -> Array:
    late = np.zeros_like(values)
    late[lag:] = values[: len(values) - lag]
    return late


def _empty(job: Job) -> Result:
    kinds, size = ("spikes", "u", "v"), job.raster.shape[:2]
    return {f"{kind}.{p.name}": np.zeros((*size, p.size)) for p in job.populations for kind in kinds}
