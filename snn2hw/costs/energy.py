"""A program priced on a raster: run it, count, price every count under every table, and put the ANN beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.engines import DEFAULT_ENGINE
from sim.errors import InputError
from sim.program import INPUT, Program, require_program
from sim.trace import SPIKES, Counts
from sim.wiring import synapse_count
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.outline import outline_of
from snn2hw.chips.rewrite import added_by_rewrite
from snn2hw.chunks.chunked_run import Asked, Here, Runner, RunTotals, run_samples
from snn2hw.chunks.input_facts import InputFacts, input_facts
from snn2hw.chunks.samples import SampleSet, samples_of
from snn2hw.codec.decode import Decoder
from snn2hw.costs.billing import bill_run, chip_meshes
from snn2hw.costs.breakdown import memory_rows, population_rows
from snn2hw.costs.comparison import compare
from snn2hw.costs.equal_rule import equal_costs, equal_counts
from snn2hw.costs.neurobench_rules.program import count_facts
from snn2hw.costs.price_files import TABLES, get_table
from snn2hw.costs.prices import PriceTable
from snn2hw.costs.pricing import Bill, price
from snn2hw.costs.report import EnergyReport
from snn2hw.costs.report_sides import AnnSide
from snn2hw.costs.same_task import SameTask, judge_task
from snn2hw.costs.ways import Placed, WaysTaken
from snn2hw.costs.weight_storage import weight_storage
from snn2hw.costs.workload import ann_workload
from snn2hw.placement.placement import Placement

__all__ = ["TaskLabels", "energy", "report_of"]

TASK_UNKNOWN = "costs alone are compared: whether both networks do the same task, and how well, is not known here"


@dataclass(frozen=True, eq=False)
class TaskLabels:
    """What the answers of both networks should be, one label per sample each, and how the spiking one's are read."""

    labels: NDArray[np.integer[Any]] | None = None
    ann_labels: NDArray[np.integer[Any]] | None = None
    decoder: Decoder | None = None


def energy(
    program: Program,
    raster: ArrayLike | SampleSet,
    *,
    ann: Path | str | None = None,
    ann_inputs: NDArray[Any] | None = None,
    task: TaskLabels | ArrayLike | None = None,
    tables: Sequence[str | Path | PriceTable] | str | Path | PriceTable = TABLES,
    engine: str = DEFAULT_ENGINE,
    confidence: float = 0.95,
    placement: Placement | None = None,
    progress: Callable[[int], object] | None = None,
    runner: Runner | None = None,
    chunk: int | None = None,
) -> EnergyReport:
    """Run ``program`` on ``raster`` (B, T, *input shape) and price it, beside the network in the ONNX file ``ann``.

    ``ann_inputs`` (n_samples, *shape) are fed to the ANN to count the products that zero-skipping hardware would leave
    out; without them its low end is its dense count. ``task`` are the labels of both, or `TaskLabels` of each:
    without it there is no verdict. ``tables`` names some, or one. With a ``placement`` the tables of its chip price
    the messages and hops that it makes, without one what any can make at the least and the most. ``chunk`` samples
    are run at once (as many as fit), by ``runner`` where it is not this process.
    """
    require_program(program)
    samples = raster if isinstance(raster, SampleSet) else samples_of(program, raster)
    _refuse_confidence(confidence)
    tables = (tables,) if isinstance(tables, str | Path | PriceTable) else tables
    if not tables:
        raise InputError("no price table is named", f"name some of: {', '.join(TABLES)}")
    prices, graph = [get_table(t) for t in tables], None if ann is None else load(ann)
    asked = _asked(task)
    decoder = None if ann is None or asked.labels is None else asked.decoder or _usual_decoder(program)
    taken = None if placement is None else _ways(program, placement, prices)
    wanted = Asked(engine, SPIKES if taken else (), trace=taken is not None, decoder=decoder, facts=True)
    keep = None if taken is None else taken.add
    totals = run_samples(program, samples, wanted, runner=runner or Here(progress), size=chunk, keep=keep)
    beside = None
    if graph is not None and ann is not None:
        effective = None if ann_inputs is None else effective_macs(ann, ann_inputs)
        beside = AnnSide(str(ann), macs(graph), effective, outline_of(graph))
    assert totals.facts is not None
    placed = None if taken is None else taken.placed()
    report = _report(
        program, totals.facts, totals.counts, ann=beside, tables=prices, confidence=confidence, placed=placed
    )
    if ann is None:
        return report
    judged = _judged(program, totals, ann, ann_inputs, asked)
    notes = report.notes if judged.unknown else tuple(n for n in report.notes if n != TASK_UNKNOWN)
    return replace(report, task=judged, notes=notes)


def _usual_decoder(program: Program) -> Decoder:
    return "count" if program.output.fires else "max"


def _ways(program: Program, placement: Placement, tables: Sequence[PriceTable]) -> WaysTaken:
    if placement.target not in {table.chip for table in tables}:
        named = ", ".join(table.name for table in tables)
        raise InputError(f"a placement on {placement.target}: not the chip of {named}", "name a table of its chip")
    return WaysTaken(program, placement)


def _asked(task: TaskLabels | ArrayLike | None) -> TaskLabels:
    if task is None or isinstance(task, TaskLabels):
        return task or TaskLabels()
    return TaskLabels(np.asarray(task), np.asarray(task))


def _judged(
    program: Program, totals: RunTotals, ann: Path | str, ann_inputs: NDArray[Any] | None, task: TaskLabels
) -> SameTask:
    """Judge both networks by the labels of their inputs."""
    from snn2hw.ann.runtime import run as run_ann

    labels, theirs = task.labels, task.ann_labels if ann_inputs is not None else None
    answers = totals.answers
    right = None if labels is None or answers is None else float((answers == labels).mean())
    found, outputs = None, program.output.size
    if theirs is not None and ann_inputs is not None:
        scores = run_ann(ann, ann_inputs).reshape(len(ann_inputs), -1)
        found, outputs = float((scores.argmax(axis=1) == theirs).mean()), scores.shape[1]
    return judge_task((labels, right), (theirs, found), (program.output.size, outputs))


def report_of(
    program: Program,
    raster: NDArray[np.integer],
    counts: Counts,
    *,
    ann: AnnSide | None = None,
    tables: Sequence[str | Path | PriceTable] = TABLES,
    confidence: float = 0.95,
) -> EnergyReport:
    """Price a run that has been made: ``counts`` of ``program`` on ``raster``."""
    facts = input_facts(program, raster)
    return _report(program, facts, counts, ann=ann, tables=tables, confidence=confidence)


def _report(
    program: Program,
    facts: InputFacts,
    counts: Counts,
    *,
    ann: AnnSide | None,
    tables: Sequence[str | Path | PriceTable],
    confidence: float,
    placed: Placed | None = None,
) -> EnergyReport:
    _refuse_confidence(confidence)
    steps, held, prices = facts.steps, facts.held, [get_table(t) for t in tables]
    synapses, chips = _synapses(program), chip_meshes(program, prices, placed)
    found = bill_run(program, counts, steps, prices, chips, held=held, synapses=synapses)
    rate = _rate(program, found.totals["spikes"].mean, steps)
    theirs = () if ann is None else tuple(_ann_cost(ann, t) for t in prices if t.view == "arithmetic")
    paired = {c.table.name: c for c in theirs}
    here = partial(
        compare,
        spikes_per_synapse=found.per_synapse.mean,
        spike_rate=rate,
        ann_complete=ann is not None and ann.census.complete,
        confidence=confidence,
    )
    report = EnergyReport(
        digest=program.digest,
        samples=facts.samples,
        steps=steps,
        confidence=confidence,
        synapses=synapses,
        totals={name: moments.estimate(confidence) for name, moments in found.totals.items()},
        spike_rate=rate,
        spikes_per_synapse=found.per_synapse.estimate(confidence),
        populations=population_rows(program, counts, steps, confidence),
        memory=memory_rows(counts, confidence),
        neurobench=count_facts(program, facts, counts),
        snn=found.bills,
        ann=ann,
        ann_costs=theirs,
        comparisons=tuple(here(c, paired[c.table.name]) for c in found.bills if c.table.name in paired),
        notes=(*_notes(program, facts, counts, ann), *chips.notes()),
        storage=weight_storage(program),
    )
    if ann is None:
        return report
    counted = equal_counts(program, counts, steps, ann, confidence, held=held)
    ratios = equal_costs(program, counts, steps, ann, prices, confidence, held=held)
    return replace(report, equal_counts=counted, equal_costs=ratios)


def _refuse_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}", "give a number between 0 and 1, such as 0.95")


def _ann_cost(ann: AnnSide, table: PriceTable) -> Bill:
    samples = 1 if ann.effective is None else ann.effective.per_sample.shape[1]
    if table.value_bits is None:
        fix = "write value_bits = 8 (integers) or 32 (floats) into the table"
        raise InputError(f"price table {table.name!r} does not say how wide an ANN's values are", fix)
    return Bill.of(price(ann_workload(ann.census, ann.effective, samples, table.value_bits), table))


def _rate(program: Program, spikes: float, steps: int) -> float:
    """Return the spikes per firing neuron and step."""
    neurons = sum(p.size for p in program.populations if p.fires)
    return spikes / (neurons * steps) if neurons else 0.0


def _synapses(program: Program) -> int:
    return sum(
        synapse_count(c.wiring, program.shape_of(c.source), p.shape) for p in program.populations for c in p.inputs
    )


def _notes(program: Program, facts: InputFacts, counts: Counts, ann: AnnSide | None) -> tuple[str, ...]:
    notes = ["proxy: every amount is counted and priced, nothing was measured; static power is in none of them"]
    if not (program.input.lo >= -1 and program.input.hi <= 1):
        span = f"{program.input.lo}..{program.input.hi}"
        notes.append(
            f"input messages are graded ({span}): a synop of one is a multiplication, priced on a chip as a synop"
        )
    notes.extend(added_by_rewrite(program, counts))
    if facts.held:
        reads = [(p.name, i) for p in program.populations for i, c in enumerate(p.inputs) if c.source == INPUT]
        mean = sum(float(counts.synops_by_connection[name][i].mean()) for name, i in reads)
        notes.append(
            f"the input is constant in time: {mean:,.0f} of the synops repeat one step's, and hardware that holds "
            f"their sums as a bias needs {mean / facts.steps:,.0f}"
        )
    if ann is None:
        return tuple(notes)
    notes.append(TASK_UNKNOWN)
    notes.append("a chip's table prices no ANN, and its joules are not divided by those of 45 nm arithmetic")
    if ann.effective is None:
        notes.append("no samples were given for the ANN: its low end does not skip zeros")
    elif ann.effective.upper_bound:
        bound = ", ".join(ann.effective.upper_bound)
        notes.append(f"counted from shapes, as if nothing in them were zero: {bound}")
    for unknown in ann.census.unknown:
        notes.append(f"ANN operator not counted: {unknown.node.operator} ({unknown.node.name}): {unknown.why}")
    return tuple(notes)
