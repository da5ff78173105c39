"""What a run of many samples sends and holds, by formula: for a plan before there is a cluster.

request    B T n w            n messages of w bytes a step
answer     8 B (sum over populations of 2 c + 5, and 1)      c connections; the counts of `sim.trace`, and the class
weights    s w                s stored weights of w bytes
cut        B T r n q          a population on another machine than its source: n neurons, rate r, q bytes a message
"""

from collections.abc import Mapping

from sim.program import Program
from sim.trace import TALLIES, Counts

__all__ = ["CUT_BYTES", "answer_bytes", "cut_bytes", "request_bytes", "weight_bytes"]

COUNT_BYTES = 8
CUT_BYTES = 8
"""Bytes of a message between machines: the number of its neuron and its value, 32 bits each."""
PER_CONNECTION = 2
"""Events and synops."""


def request_bytes(samples: int, steps: int, inputs: int, itemsize: int = 1) -> int:
    """Return the bytes of the messages of a chunk, without its head.

    >>> request_bytes(1000, 48, 1024)
    49152000
    """
    return samples * steps * inputs * itemsize


def answer_bytes(program: Program, samples: int) -> int:
    """Return the bytes of what comes back of a chunk: counts, and one answer for each sample."""
    counts = sum(PER_CONNECTION * len(p.inputs) + len(TALLIES) for p in program.populations)
    return COUNT_BYTES * samples * (counts + 1)


def weight_bytes(program: Program) -> int:
    """Return the bytes of all stored weights in memory; a convolution stores each of its taps once."""
    return sum(int(c.wiring.weight.nbytes) for p in program.populations for c in p.inputs)


def cut_bytes(program: Program, machines: Mapping[str, int], counts: Counts) -> int:
    """Return the bytes of the messages that go from one machine to another in the run that was counted.

    ``machines`` says on which machine each population is; what the input sends is a request. A message goes to each
    other machine once, however many populations read it there.
    """
    total = 0
    for source in program.populations:
        readers = {machines[p.name] for p in program.populations for c in p.inputs if c.source == source.name}
        total += len(readers - {machines[source.name]}) * int(counts.messages[source.name].sum())
    return CUT_BYTES * total
