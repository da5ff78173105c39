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


def main(count):
    """Compare ``count`` random cases, every third of populations of several pieces."""
    for seed in range(count):
        program, raster = random_xylo(seed, widest=8 if seed % 3 else 80)
        request = Request(recordable(program))
        slow, quick = reference.simulate(program, raster, request), simulate(program, raster, request, threads=1)
        found = first_divergence(program, slow, quick) or count_difference(slow.counts, quick.counts)
        if found:
            print(f"seed {seed}: {found}")
            return 1
    print(f"{count} cases equal")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
