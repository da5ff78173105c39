"""NeuroBench's metrics of an integer Program, from the counts of a run.

A connection at one step is one call of a layer: it is called at every step, also where a lag delivers nothing yet.
Weights that are zero meet nothing, and our synops leave them out as NeuroBench does; only the split of a graded input
into ACs and MACs needs the raster: a call counts as ACs if the whole batch holds nothing but -1, 0 and 1 at that step.
"""

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.program import INPUT, Conv, Dense, Program, Wiring
from sim.trace import Counts
from sim.weight_rule import weight_bits
from sim.wiring import synapse_count
from snn2hw.chunks.input_facts import InputFacts, input_facts
from snn2hw.costs.neurobench_rules.torch_model import NeurobenchCounts

__all__ = ["count_facts", "count_program"]


def count_program(program: Program, raster: NDArray[np.integer], counts: Counts) -> NeurobenchCounts:
    """Count a run of ``raster`` (B, T, *input shape), taken as one batch."""
    return count_facts(program, input_facts(program, raster), counts)


def count_facts(program: Program, facts: InputFacts, counts: Counts) -> NeurobenchCounts:
    """Count a run whose input is known by its facts.

    The footprint is weights as stored and the neurons' states, in whole bytes; populations that never fire are no
    activations, since they send nothing.
    """
    samples, steps = facts.samples, facts.steps
    state_bits = sum(state.bits for state in program.described.states)
    if len(next(iter(counts.spikes.values()))) != samples:
        raise InputError(f"counts and raster hold different numbers of samples ({samples} in the raster)")
    macs = _graded_synops(program, facts)
    synops = sum(int(n.sum()) for n in counts.synops.values())
    wirings = [(c, p) for p in program.populations for c in p.inputs]
    dense = sum(synapse_count(_full(c.wiring), program.shape_of(c.source), p.shape) for c, p in wirings)
    firing = [p for p in program.populations if p.fires]
    sent, possible = (
        sum(int(counts.spikes[p.name].sum()) for p in firing),
        sum(p.size for p in firing) * samples * steps,
    )
    weights = sum(c.wiring.weight.size for c, _ in wirings)
    zeros = sum(int((c.wiring.weight == 0).sum()) for c, _ in wirings)
    bits = sum(
        c.wiring.weight.size * weight_bits(program, p, i) for p in program.populations for i, c in enumerate(p.inputs)
    )
    return NeurobenchCounts(
        effective_macs=macs / samples,
        effective_acs=(synops - macs) / samples,
        dense=float(dense * steps),
        activation_sparsity=(possible - sent) / possible * samples / samples if possible else 0.0,  # its way to round
        connection_sparsity=round(float(np.float32(zeros) / np.float32(weights)), 4) if weights else None,
        footprint=-(-bits // 8) + sum(p.size for p in program.populations) * state_bits // 8,
    )


def _full(wiring: Wiring) -> Wiring:
    """Return the same geometry with no weight zero."""
    ones = np.ones(wiring.weight.shape, dtype=np.int8)
    match wiring:
        case Dense():
            return Dense(ones)
        case Conv():
            return Conv(ones, wiring.stride, wiring.padding, wiring.dilation, wiring.groups)


def _graded_synops(program: Program, facts: InputFacts) -> int:
    """Count the synops of those input steps that hold another value than -1, 0 and 1 in any sample."""
    lags = [c.lag for p in program.populations for c in p.inputs if c.source == INPUT]
    within = [max(facts.steps - lag, 0) for lag in lags]  # what comes later than the last step is not delivered
    rows = zip(facts.synops, within, strict=True)
    return sum(int(row[:last][facts.graded[:last]].sum()) for row, last in rows)
