"""Both networks counted by one rule: products whose two factors are not zero, on both sides, or every product on both.

    skipping   synops(x != 0, w != 0)                    against   MACs(x != 0, w != 0)
    dense      synapses, zero or not, in every step      against   MACs from shapes

A network does not win because its own zeros are left out and the other's are not. Under the skipping rule nothing is
done or stored for nothing: a constant input is summed once where a chip can hold the sum (`held`), u is not stored
where it is forgotten at once, u and v not in a run of one step from rest (nor multiplied), and weights of
both networks lie in the form that takes least of those that the price table allows. Where a step is the first that a
lag reaches, the steps before it bring nothing: a synapse of lag l has T - l products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int
from sim.errors import InputError
from sim.program import Connection, Conv, Dense, Population, Program
from sim.trace import Counts, counts_from
from sim.wiring import synapse_count
from snn2hw.ann.weight_forms import Form
from snn2hw.costs.estimate import Estimate, estimate
from snn2hw.costs.held import held_connections, is_at_rest, is_biased, summed_once
from snn2hw.costs.moments import over_blocks
from snn2hw.costs.prices import PriceTable
from snn2hw.costs.pricing import price
from snn2hw.costs.report_sides import AnnSide
from snn2hw.costs.workload import Traffic, Workload, ann_workload, spiking_workload

__all__ = [
    "RULES",
    "EqualCost",
    "EqualCount",
    "Rule",
    "ann_side",
    "dense_counts",
    "dense_synapses",
    "equal_costs",
    "equal_counts",
    "spiking_side",
]

Rule = Literal["skipping", "dense"]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class EqualCount:
    """The products of both networks per inference, by one rule; the ANN's are None where its samples are not known."""

    rule: Rule
    snn: Estimate
    ann: Estimate | None
    ann_complete: bool
    snn_held: Estimate | None = None
    """Those of the spiking network where its constant input is summed once; None where it may not be."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        ann, held = (None if e is None else e.to_json() for e in (self.ann, self.snn_held))
        told = {"rule": self.rule, "snn": self.snn.to_json(), "snn_held": held}
        return {**told, "ann": ann, "ann_complete": self.ann_complete}


@dataclass(frozen=True)
class EqualCost:
    """The spiking network over the ANN under one table, both counted by one rule; below 1 it is cheaper."""

    rule: Rule
    table: str
    ratio: Estimate
    ann_complete: bool
    snn_forms: tuple[Form, ...] = ()
    """How each array of the spiking network's weights is held, under a table with memory."""
    ann_forms: tuple[Form, ...] = ()

    @property
    def outcome(self) -> Literal["wins", "loses", "unknown"]:
        """Say who is cheaper; an ANN with operators that no rule counts costs at least what was counted."""
        if self.ratio.mean <= 1:
            return "wins"
        return "loses" if self.ann_complete else "unknown"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        told = {"rule": self.rule, "table": self.table, "ratio": self.ratio.to_json(), "outcome": self.outcome}
        return told | {"weight_forms": {"snn": list(self.snn_forms), "ann": list(self.ann_forms)}}


def equal_counts(
    program: Program, counts: Counts, steps: int, ann: AnnSide, confidence: float, *, held: bool = False
) -> tuple[EqualCount, ...]:
    """Count both networks by each rule; ``held`` says that the input is constant."""
    made, chosen = [], held_connections(program, counts, steps) if held else frozenset()

    def synops(part: Counts) -> dict[str, Int]:
        ways = {"skipping": part, "dense": dense_counts(program, part, steps)}
        if held:
            ways["held"] = summed_once(program, part, steps, chosen)[0]
        return {
            way: sum((found.synops[p.name] for p in program.populations), np.zeros(1, np.int64))
            for way, found in ways.items()
        }

    found = over_blocks(counts, synops)
    for rule in RULES:
        theirs = _products(ann, rule)
        made.append(
            EqualCount(
                rule=rule,
                snn=found[rule].estimate(confidence),
                ann=None if theirs is None else estimate(theirs, confidence),
                ann_complete=ann.census.complete,
                snn_held=found["held"].estimate(confidence) if held and rule == "skipping" else None,
            )
        )
    return tuple(made)


def equal_costs(
    program: Program,
    counts: Counts,
    steps: int,
    ann: AnnSide,
    tables: Sequence[PriceTable],
    confidence: float,
    *,
    held: bool = False,
) -> tuple[EqualCost, ...]:
    """Price both networks by each rule under every table that prices an ANN, as counted."""
    made, chosen = [], held_connections(program, counts, steps) if held else frozenset()
    rules = [rule for rule in RULES if _products(ann, rule) is not None]
    priced = [(table, table.value_bits) for table in tables if table.view == "arithmetic" and table.value_bits]
    forms: dict[tuple[Rule, str], tuple[Form, ...]] = {}

    def counted(part: Counts) -> dict[tuple[Rule, str], NDArray[np.float64]]:
        found = {}
        for rule in rules:
            ours = _spiking_side(program, part, steps, rule, chosen)
            for table, _ in priced:
                cost = price(ours, table)
                found[rule, table.name], forms[rule, table.name] = cost.total.counted, cost.forms
        return found

    snn = over_blocks(counts, counted)
    for rule in rules:
        for table, bits in priced:
            theirs = price(ann_side(ann, rule, bits), table)
            ratio = snn[rule, table.name].over(float(theirs.total.counted.mean())).estimate(confidence)
            ours = forms[rule, table.name]
            made.append(EqualCost(rule, table.name, ratio, ann.census.complete, snn_forms=ours, ann_forms=theirs.forms))
    return tuple(made)


def spiking_side(program: Program, counts: Counts, steps: int, rule: Rule, *, held: bool = False) -> Workload:
    """Return what a spiking network does by a rule; ``held`` says that its input is constant."""
    chosen = held_connections(program, counts, steps) if held else frozenset()
    return _spiking_side(program, counts, steps, rule, chosen)


def _spiking_side(
    program: Program, counts: Counts, steps: int, rule: Rule, chosen: frozenset[tuple[str, int]]
) -> Workload:
    match rule:
        case "dense":
            return _all_dense(spiking_workload(program, dense_counts(program, counts, steps), steps))
        case "skipping":
            settled, sums = summed_once(program, counts, steps, chosen) if chosen else (counts, {})
            return _nothing_for_nothing(program, spiking_workload(program, settled, steps), steps, sums)
        case _:
            assert_never(rule)


def ann_side(ann: AnnSide, rule: Rule, value_bits: int) -> Workload:
    """Return what the ANN does by a rule; by the skipping one its samples must be known."""
    products = _products(ann, rule)
    if products is None:
        raise InputError("the ANN's products with zero are not known", "give its samples: --ann-input")
    match rule:
        case "dense":
            return _all_dense(ann_workload(ann.census, None, len(products), value_bits))
        case "skipping":
            work = ann_workload(ann.census, ann.effective, len(products), value_bits)
            traffic = tuple(t if t.skipped is None else replace(t, accesses=t.skipped) for t in work.traffic)
            return replace(work, events={**work.events, "multiply_accumulate": products}, traffic=traffic)
        case _:
            assert_never(rule)


def _all_dense(work: Workload) -> Workload:
    """Return a workload whose zeros are stored as every weight is."""
    return replace(work, traffic=tuple(replace(t, weights=None) for t in work.traffic))


def _nothing_for_nothing(program: Program, work: Workload, steps: int, sums: Mapping[str, int]) -> Workload:
    """Return a workload without what no later step reads, and with the held sums: added, written once, and read."""
    zero = np.zeros(work.samples, dtype=np.int64)
    events = dict(work.events)
    if steps == 1 and all(is_at_rest(program, p) for p in program.populations):  # no leak, nothing to add the input to
        firing = sum(p.size for p in program.populations if p.fires)
        biased = sum(p.size for p in program.populations if is_biased(p))
        events |= {"state_multiply": zero, "state_add": zero + firing + biased}
    events["state_add"] = events["state_add"] + sum(sums.values()) * steps
    wide = program.described.accumulator.bits
    held = (
        Traffic("bias", wide, count * wide, zero + count * (1 + steps), zero + count * (1 + steps), driven=False)
        for count in sums.values()
    )
    return replace(work, events=events, traffic=(*(t for t in work.traffic if t.kept), *held))


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
        tallies[p.name] = replace(counts.tally(p.name), events=events, synops=synops, active=counts.updates[p.name])
    return counts_from(program, steps, tallies)


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
