"""Reference against oracle on fixed programs: ``python -m tests.sim.battery COUNT`` exits 1 at the first difference.

It runs in a process of its own so that a mutated copy of `sim` can be put in front of the path.
"""

import sys
from collections.abc import Iterator

import numpy as np

from sim.engines import run
from sim.errors import MachineError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.programs import random_program, random_raster
from tests.sim.first_difference import compare
from tests.sim.oracle import OracleError, run_sample


def difference(program: Program, raster: np.ndarray) -> str | None:
    """Say where the reference and the oracle differ on this case."""
    try:
        expected = [run_sample(program, sample) for sample in raster]
    except OracleError:
        try:
            run(program, raster, allow_wrap=True)
        except MachineError:
            return None
        return "the oracle leaves the machine, the reference does not notice"
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    for p in program.populations:
        for b, sample in enumerate(expected):
            e = sample[p.name]
            counts = trace.counts
            pairs = {
                "spikes": (e.spikes, trace.spikes[p.name][b]),
                "u": (e.u, trace.u[p.name][b]),
                "v": (e.v, trace.v[p.name][b]),
                "events": (e.events, counts.events[p.name][:, b]),
                "synops": (e.synops, counts.synops_by_connection[p.name][:, b]),
                "all synops": (sum(e.synops), counts.synops[p.name][b]),
                "spike count": (sum(map(sum, e.spikes)), counts.spikes[p.name][b]),
                "updates": (p.size * len(raster[b]), counts.updates[p.name][b]),
                "active": (e.active, counts.active[p.name][b]),
                "wraps": (e.wraps, counts.wraps[p.name][b]),
                "clips": (e.clips, counts.clips[p.name][b]),
                "messages": (e.messages, counts.messages[p.name][b]),
            }
            for what, (want, got) in pairs.items():
                if not np.array_equal(np.asarray(want).reshape(-1), np.asarray(got).reshape(-1)):
                    return f"{p.name}, sample {b}: {what}"
    return None


def edge_case() -> tuple[Program, np.ndarray]:
    """Return neurons of which u lands on and beside both ends of its register, or v on a threshold or several."""
    ends = np.array([[2**17], [-(2**17)], [2**17 + 1], [2**17 - 1], [-(2**17) + 1], [-(2**17) - 1]])
    edge = Population("edge", (6,), (Connection("input", Dense(ends)),), vth=7, du=4095, dv=4095)
    at = [Connection("input", Dense(np.array([[9], [18], [19], [27], [36]])))]  # thresholds of 9, and beside them
    reached = Population("reached", (5,), at, vth=9, du=4095, dv=4095, most=3, at_threshold=True, reset="subtract")
    passed = Population("passed", (5,), at, vth=9, du=4095, dv=4095, most=3, reset="subtract")
    once = Population("once", (5,), at, vth=9, du=4095, dv=4095, at_threshold=True)
    return Program(Input((1,)), (edge, reached, passed, once)), np.array([[[1], [0], [1]]])


def drawn(count: int) -> Iterator[tuple[str, tuple[Program, np.ndarray]]]:
    """Yield the edges, and ``count`` random cases."""
    yield "edges", edge_case()
    for seed in range(count):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        yield f"seed {seed}", (program, random_raster(rng, program))


def main(count: int) -> int:
    """Compare the edges, and ``count`` random cases."""
    return compare(drawn(count), difference)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
