"""Both sides of listening, and the gate, as workloads of one sample: the whole sound."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sim.arithmetic.description import Int
from sim.program import Program
from sim.trace import Counts
from snn2hw.chips.target import Updates
from snn2hw.costs.equal_rule import Rule, dense_counts
from snn2hw.costs.listening.twin import Passes
from snn2hw.costs.prices import Event, PriceTable
from snn2hw.costs.pricing import price
from snn2hw.costs.workload import Traffic, Workload, spiking_workload

__all__ = ["ann_nj", "gate_nj", "snn_nj"]

SAMPLE_BITS = 16
GATE_MULTIPLIES, GATE_ADDS = 1, 3
"""Of a frame beside its squares: the mean; the floor's rise, the least of two, the comparison with the margin."""


def snn_nj(program: Program, counts: Counts, steps: int, rule: Rule, updates: Updates, table: PriceTable) -> float:
    """Return what a run cost; on an event-driven chip a neuron that stays at rest is not updated."""
    if rule == "dense":
        counts = dense_counts(program, counts, steps)
    if updates == "event":
        counts = replace(counts, updates=counts.active)
    return _nj(spiking_workload(program, counts, steps), table)


def ann_nj(passes: Passes, table: PriceTable, *, quiet: float = 0.0) -> float:
    """Return what all passes cost; ``quiet`` is the share of the unknown activations that are taken to be zero."""
    bits = table.value_bits or 8
    products = [n.products * (1 - quiet if n.hidden else 1) for n in passes.nodes]
    traffic = []
    for node, made in zip(passes.nodes, products, strict=True):
        for what, stored in (("weight", node.weights), ("activation", node.reads)):
            traffic.append(_moved(what, bits, stored * bits, made))
    traffic.append(_moved("activation", bits, passes.values * bits, passes.values * passes.passes))
    simple = passes.simple * passes.passes
    events: Mapping[Event, Int] = _events({"multiply_accumulate": sum(products), "state_add": simple})
    return _nj(Workload("ann", 1, events, {}, tuple(traffic)), table)


def gate_nj(frames: int, hop: int, table: PriceTable) -> float:
    """Return what the gate costs over all frames: squares of 16 bits are four products of 8, one of floats."""
    products = frames * hop * (1 if table.value_bits == 32 else (SAMPLE_BITS // 8) ** 2)
    events = _events(
        {
            "multiply_accumulate": products,
            "state_multiply": GATE_MULTIPLIES * frames,
            "state_add": GATE_ADDS * frames,
        }
    )
    samples = _moved("activation", SAMPLE_BITS, hop * SAMPLE_BITS, 2 * frames * hop)  # kept once, read once
    return _nj(Workload("ann", 1, events, {}, (samples,)), table)


def _events(found: Mapping[Event, float]) -> dict[Event, Int]:
    names: tuple[Event, ...] = ("multiply_accumulate", "accumulate", "state_add", "state_multiply")
    return {name: np.array([round(found.get(name, 0))], dtype=np.int64) for name in names}


def _moved(what: str, bits: int, stored_bits: int, accesses: float) -> Traffic:
    count = np.array([round(accesses)], dtype=np.int64)
    return Traffic(what, bits, stored_bits, count, count, driven=False)


def _nj(workload: Workload, table: PriceTable) -> float:
    return float(price(workload, table).total.counted.sum()) * 1e-3
