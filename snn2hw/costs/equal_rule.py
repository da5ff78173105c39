"""Both networks counted by one rule: products whose two factors are not zero, on both sides, or every product on both.

    skipping   synops(x != 0, w != 0)                    against   MACs(x != 0, w != 0)
    dense      synapses, zero or not, in every step      against   MACs from shapes

A network does not win because its own zeros are left out and the other's are not. Where a step is the first that a lag
reaches, the steps before it bring nothing: a synapse of lag l has T - l products.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, assert_never, get_args

import numpy as np

from sim.arithmetic.description import Int
from sim.program import Connection, Conv, Dense, Population, Program
from sim.trace import Counts, Tally, counts_from
from sim.wiring import synapse_count
from snn2hw.costs.estimate import Estimate, estimate
from snn2hw.costs.prices import PriceTable
from snn2hw.costs.pricing import price
from snn2hw.costs.report_sides import AnnSide
from snn2hw.costs.workload import ann_workload, spiking_workload

__all__ = ["RULES", "EqualCost", "EqualCount", "Rule", "dense_counts", "dense_synapses", "equal_costs", "equal_counts"]

Rule = Literal["skipping", "dense"]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class EqualCount:
    """The products of both networks per inference, by one rule; the ANN's are None where its samples are not known."""

    rule: Rule
    snn: Estimate
    ann: Estimate | None
    ann_complete: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        ann = None if self.ann is None else self.ann.to_json()
        return {"rule": self.rule, "snn": self.snn.to_json(), "ann": ann, "ann_complete": self.ann_complete}


@dataclass(frozen=True)
class EqualCost:
    """The spiking network over the ANN under one table, both counted by one rule; below 1 it is cheaper."""

    rule: Rule
    table: str
    ratio: Estimate
    ann_complete: bool

    @property
    def outcome(self) -> Literal["wins", "loses", "unknown"]:
        """Say who is cheaper; an ANN with operators that no rule counts costs at least what was counted."""
        if self.ratio.mean <= 1:
            return "wins"
        return "loses" if self.ann_complete else "unknown"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"rule": self.rule, "table": self.table, "ratio": self.ratio.to_json(), "outcome": self.outcome}


def equal_counts(
    program: Program, counts: Counts, steps: int, ann: AnnSide, confidence: float
) -> tuple[EqualCount, ...]:
    """Count both networks by each rule."""
    made = []
    for rule in RULES:
        ours = _counts(program, counts, steps, rule)
        synops = sum((ours.synops[p.name] for p in program.populations), np.zeros(1, np.int64))
        theirs = _products(ann, rule)
        made.append(
            EqualCount(
                rule=rule,
                snn=estimate(synops, confidence),
                ann=None if theirs is None else estimate(theirs, confidence),
                ann_complete=ann.census.complete,
            )
        )
    return tuple(made)


def equal_costs(
    program: Program, counts: Counts, steps: int, ann: AnnSide, tables: Sequence[PriceTable], confidence: float
) -> tuple[EqualCost, ...]:
    """Price both networks by each rule under every table that prices an ANN, as counted."""
    made = []
    for rule in RULES:
        products = _products(ann, rule)
        if products is None:
            continue
        ours = spiking_workload(program, _counts(program, counts, steps, rule), steps)
        for table in tables:
            if table.view != "arithmetic" or table.value_bits is None:
                continue
            effective = ann.effective if rule == "skipping" else None
            theirs = ann_workload(ann.census, effective, len(products), table.value_bits)
            if rule == "skipping":
                theirs = replace(
                    theirs,
                    events={**theirs.events, "multiply_accumulate": products},
                    traffic=tuple(t if t.skipped is None else replace(t, accesses=t.skipped) for t in theirs.traffic),
                )
            cost = float(price(theirs, table).total.counted.mean())
            ratio = estimate(price(ours, table).total.counted / cost, confidence)
            made.append(EqualCost(rule, table.name, ratio, ann.census.complete))
    return tuple(made)


def dense_counts(program: Program, counts: Counts, steps: int) -> Counts:
    """Return the counts of a machine that skips nothing: every synapse of every connection works in every step."""
    tallies = {}
    for p in program.populations:
        size = counts.spikes[p.name].shape
        events, synops = (np.empty((len(p.inputs), *size), dtype=np.int64) for _ in range(2))
        for i, connection in enumerate(p.inputs):
            active = max(steps - connection.lag, 0)
            events[i] = prod(program.shape_of(connection.source)) * active
            synops[i] = dense_synapses(program, p, connection) * active
        tallies[p.name] = Tally(
            events=events,
            synops=synops,
            spikes=counts.spikes[p.name],
            active=counts.updates[p.name],
            wraps=counts.wraps[p.name],
            clips=counts.clips[p.name],
            messages=counts.messages[p.name],
        )
    return counts_from(program, steps, tallies)


def _counts(program: Program, counts: Counts, steps: int, rule: Rule) -> Counts:
    match rule:
        case "skipping":
            return counts
        case "dense":
            return dense_counts(program, counts, steps)
        case _:
            assert_never(rule)


def _products(ann: AnnSide, rule: Rule) -> Int | None:
    """Return the MACs per sample by a rule; None where they depend on samples that were not given."""
    match rule:
        case "skipping":
            return None if ann.effective is None else ann.effective.total
        case "dense":
            samples = 1 if ann.effective is None else ann.effective.per_sample.shape[1]
            return np.full(samples, ann.census.total, dtype=np.int64)
        case _:
            assert_never(rule)


def dense_synapses(program: Program, population: Population, connection: Connection) -> int:
    """Return the synapses of a connection, those of weight zero included; a product with padding is none."""
    source = program.shape_of(connection.source)
    match connection.wiring:
        case Dense(weight=weight):
            return int(weight.size)
        case Conv(weight=weight) as conv:
            full = replace(conv, weight=np.ones_like(weight))
            return synapse_count(full, source, population.shape)
        case _:
            assert_never(connection.wiring)
