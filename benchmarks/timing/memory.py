"""The most memory that one process held while it ran the reference network: run as a program, it prints bytes.

python benchmarks/timing/memory.py BATCH STEPS
"""

import resource
import sys
from pathlib import Path

__all__ = ["peak_memory"]


def peak_memory(batch: int, steps: int) -> int:
    """Run a batch in a process of its own, states not recorded; return the most bytes it held, its inputs included."""
    import subprocess

    command = [sys.executable, __file__, str(batch), str(steps)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _main(batch: int, steps: int) -> None:
    from networks import inputs, reference_net

    from sim.fast import simulate
    from sim.request import Request

    net = reference_net()
    simulate(net.program, inputs(net.program, batch, steps), Request(record=()))
    print(_high_water())


def _high_water() -> int:
    """Return the high-water mark of this process. Where /proc has none, the mark may be that of whoever started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
