"""An EnergyReport as text for a terminal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from snn2hw.costs.estimate import Estimate
from snn2hw.costs.pricing import Cost

if TYPE_CHECKING:
    from snn2hw.costs.report import EnergyReport

__all__ = ["amount", "render"]

PREFIXES = (("p", 1.0), ("n", 1e3), ("u", 1e6), ("m", 1e9), ("", 1e12))
LARGE = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))


def amount(value: float, unit: str) -> str:
    """Write an amount with three digits and a prefix.

    >>> amount(1_449_000_000, "pJ"), amount(2_500, "op")
    ('1.45 mJ', '2.5 kop')
    """
    ladder = PREFIXES if unit == "pJ" else LARGE
    prefix, size = next((p for p in reversed(ladder) if abs(value) >= p[1]), ladder[0])
    return f"{value / size:.3g} {prefix}{'J' if unit == 'pJ' else unit}"


def render(report: "EnergyReport") -> str:
    """Return the tables and sentences, one block after another."""
    return "\n\n".join(_blocks(report))


def _blocks(report: "EnergyReport") -> Iterator[str]:
    percent = f"{report.confidence:.0%} interval"
    yield f"program {report.digest[:12]}, {report.samples} samples of {report.steps} steps; every amount is a proxy"
    rows = [[name.replace("_", " "), f"{e.mean:,.1f}", _interval(e)] for name, e in report.totals.items()]
    rows.append(
        ["spikes per synapse", f"{report.spikes_per_synapse.mean:.3g}", _interval(report.spikes_per_synapse, ".3g")]
    )
    rows.append(["spikes per neuron and step", f"{report.spike_rate:.3g}", ""])
    yield _table(rows, ["per inference", "mean", percent], "lrr")
    yield _table(
        [
            [p.name, p.neurons, f"{p.synops.mean:,.1f}", f"{p.spikes.mean:,.1f}", f"{p.rate:.2%}", f"{p.updates:,}",
             f"{p.active.mean:,.1f}"]
            for p in report.populations
        ],
        ["population", "neurons", "synops", "spikes", "rate", "updates", "active"],
        "lrrrrrr",
    )  # fmt: skip
    memory = [[m.what, m.bits, f"{m.reads.mean:,.1f}", f"{m.writes.mean:,.1f}"] for m in report.memory]
    yield _table(memory, ["memory", "bits", "reads", "writes"], "lrrr")
    yield _neurobench(report)
    if report.ann is not None:
        yield _ann(report)
    yield _table(
        [*(_cost_row("SNN", c) for c in report.snn), *(_cost_row("ANN", c) for c in report.ann_costs)],
        ["proxy per inference", "", "low", "counted", "high", "prices are"],
        "llrrrl",
    )
    yield from _bands(report)
    if report.comparisons:
        yield "\n".join([*(f"{c.table}: {c}" for c in report.comparisons), f"verdict: {report.verdict}"])
        yield _break_even(report)
    yield "\n".join(f"note: {n}" for n in report.notes)


def _table(rows: Sequence[Sequence[object]], headers: Sequence[str], align: str) -> str:
    from tabulate import tabulate

    sides = {"l": "left", "r": "right"}
    return tabulate(rows, headers=headers, colalign=[sides[a] for a in align], disable_numparse=True)


def _interval(estimate: Estimate, form: str = ",.1f") -> str:
    if estimate.low is None or estimate.high is None:
        return "one sample: none"
    return f"{estimate.low:{form}} .. {estimate.high:{form}}"


def _neurobench(report: "EnergyReport") -> str:
    n = report.neurobench
    sparsity = "-" if n.connection_sparsity is None else f"{n.connection_sparsity:.4f}"
    rows = [
        ["Effective_MACs", f"{n.effective_macs:,.1f}"],
        ["Effective_ACs", f"{n.effective_acs:,.1f}"],
        ["Dense", f"{n.dense:,.0f}"],
        ["ActivationSparsity", f"{n.activation_sparsity:.4f}"],
        ["ConnectionSparsity", sparsity],
        ["Footprint (bytes)", f"{n.footprint:,}"],
    ]
    return _table(rows, ["NeuroBench's rules, SNN", ""], "lr")


def _ann(report: "EnergyReport") -> str:
    assert report.ann is not None
    census, effective = report.ann.census, report.ann.effective
    at_least = "" if census.complete else "at least "
    rows = [
        [n.name, n.operator, f"{n.macs:,}", f"{n.weights:,}", "" if e is None else f"{e:,.1f}"]
        for n, e in (
            (n, None if effective is None else float(effective.per_sample[effective.names.index(n.name)].mean()))
            for n in census.nodes
        )
    ]
    whole = "" if effective is None else f"{effective.total.mean():,.1f}"
    rows.append(["total", "", f"{at_least}{census.total:,}", f"{sum(n.weights for n in census.nodes):,}", whole])
    return _table(rows, ["ANN node", "operator", "MACs", "weights", "effective MACs"], "llrrr")


def _cost_row(side: str, cost: Cost) -> list[str]:
    means = (cost.total.low, cost.total.counted, cost.total.high)
    return [
        cost.table.title,
        side,
        *(amount(float(m.mean()), cost.table.unit) for m in means),
        ", ".join(cost.table.kinds),
    ]


def _bands(report: "EnergyReport") -> Iterator[str]:
    sides = ([("snn", "SNN")] if report.snn else []) + ([("ann", "ANN")] if report.ann_costs else [])
    lines = []
    for side, label in sides:
        if any(c.table.unit == "pJ" for c in (report.snn if side == "snn" else report.ann_costs)):
            low, high = report.band("snn" if side == "snn" else "ann")
            lines.append(
                f"{label} energy proxy, band over all tables in joules: {amount(low, 'pJ')} .. {amount(high, 'pJ')}"
            )
    if lines:
        yield "\n".join(lines)


def _break_even(report: "EnergyReport") -> str:
    rows = []
    for c in report.comparisons:
        cells = []
        for point in c.break_even:
            if point.spikes_per_synapse is None:
                cells.append("no synops")
            elif point.spikes_per_synapse <= 0:
                cells.append("at no rate")
            else:
                cells.append(_rate(point.spikes_per_synapse, point.spike_rate))
        rows.append([c.table, *cells, _rate(report.spikes_per_synapse.mean, report.spike_rate)])
    return _table(rows, ["break-even, spikes per synapse (rate)", "low", "counted", "high", "here"], "lrrrr")


def _rate(spikes_per_synapse: float, spike_rate: float | None) -> str:
    return f"{spikes_per_synapse:.3g}" if spike_rate is None else f"{spikes_per_synapse:.3g} ({spike_rate:.2%})"
