"""An input that does not change, summed once: a chip holds the sum as a bias, where a bias does what the sum did.

That is in a neuron that has a bias register and forgets u at once (its input is then what v gets), and by a connection
without lag. The sum is made in one step, written once, and from then on read and added once per neuron and step. It is
held where that makes fewer operations than summing in every step.
"""

from collections.abc import Mapping
from dataclasses import replace

from sim.arithmetic.registry import get_arithmetic
from sim.program import INPUT, Connection, Population, Program
from sim.trace import Counts, Tally, counts_from

__all__ = ["can_hold", "forgets_u", "held_connections", "is_at_rest", "is_biased", "summed_once"]


def forgets_u(population: Population) -> bool:
    """Return whether u is the new input itself in every neuron: nothing of it has to be stored."""
    return not (get_arithmetic(population.arithmetic).dynamics(population.neurons).share_u != 1).any()


def is_biased(population: Population) -> bool:
    """Return whether any neuron adds a bias."""
    return bool(get_arithmetic(population.arithmetic).dynamics(population.neurons).drive.any())


def is_at_rest(program: Program, population: Population) -> bool:
    """Return whether every state of a population begins at zero."""
    initial = (population.neurons.registers.get(state.initial) for state in program.described.states)
    return not any(values is not None and values.any() for values in initial)


def can_hold(population: Population, connection: Connection) -> bool:
    """Return whether a bias can stand for what a constant input brings by this connection."""
    biased = any(r.name.startswith("bias") for r in get_arithmetic(population.arithmetic).registers)
    return connection.source == INPUT and connection.lag == 0 and biased and forgets_u(population)


def held_connections(program: Program, counts: Counts, steps: int) -> frozenset[tuple[str, int]]:
    """Return the connections whose sums may be held, and where that makes fewer operations over all samples."""
    return frozenset(
        (p.name, i)
        for p in program.populations
        for i, connection in enumerate(p.inputs)
        if can_hold(p, connection)
        and float((counts.synops_by_connection[p.name][i] // steps + p.size * steps).mean())
        < float(counts.synops_by_connection[p.name][i].mean())
    )


def summed_once(
    program: Program, counts: Counts, steps: int, chosen: frozenset[tuple[str, int]]
) -> tuple[Counts, Mapping[str, int]]:
    """Return the counts where sums of chosen connections are made in one step, and how many each population holds."""
    tallies: dict[str, Tally] = {}
    sums: dict[str, int] = {}
    for p in program.populations:
        events, synops = counts.events[p.name].copy(), counts.synops_by_connection[p.name].copy()
        for i in range(len(p.inputs)):
            if (p.name, i) in chosen:
                events[i], synops[i] = events[i] // steps, synops[i] // steps
                sums[p.name] = sums.get(p.name, 0) + p.size
        tallies[p.name] = replace(counts.tally(p.name), events=events, synops=synops)
    return counts_from(program, steps, tallies), sums
