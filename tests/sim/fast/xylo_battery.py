"""The kernel for Xylo programs against the reference: ``python -m tests.sim.fast.xylo_battery COUNT``.

It runs in a process of its own so that a mutated copy of `sim` can be put in front of the path.
"""

import sys

from sim import reference
from sim.compare import count_difference, first_divergence
from sim.fast.xylo.engine import simulate
from sim.request import Request
from sim.trace import recordable
from tests.exporters.xylo.networks import random_xylo
from tests.sim.first_difference import compare


def difference(program, raster):
    """Say where the kernel and the reference differ."""
    request = Request(recordable(program))
    slow, quick = reference.simulate(program, raster, request), simulate(program, raster, request, threads=1)
    return first_divergence(program, slow, quick) or count_difference(slow.counts, quick.counts)


def drawn(count):
    """Yield ``count`` random cases, every third of populations of several pieces."""
    for seed in range(count):
        yield f"seed {seed}", random_xylo(seed, widest=8 if seed % 3 else 80)


if __name__ == "__main__":
    sys.exit(compare(drawn(int(sys.argv[1])), difference))
