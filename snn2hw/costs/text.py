"""The parts of an EnergyReport as tables for a terminal."""

from collections.abc import Iterable, Mapping, Sequence

from snn2hw.ann.macs import EffectiveMacs, MacCensus
from snn2hw.costs.breakdown import MemoryRow, PopulationRow
from snn2hw.costs.comparison import Comparison
from snn2hw.costs.equal_rule import EqualCost, EqualCount
from snn2hw.costs.estimate import Estimate
from snn2hw.costs.neurobench_rules.torch_model import NeurobenchCounts
from snn2hw.costs.pricing import Bill
from snn2hw.costs.weight_storage import WeightStorage

__all__ = [
    "amount",
    "ann_table",
    "break_even_table",
    "cost_table",
    "equal_table",
    "memory_table",
    "neurobench_table",
    "plain_table",
    "population_table",
    "storage_line",
    "totals_table",
]

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


def totals_table(
    totals: Mapping[str, Estimate], spikes_per_synapse: Estimate, spike_rate: float, confidence: float
) -> str:
    """Return what one inference does, with intervals."""
    rows = [[name.replace("_", " "), f"{e.mean:,.1f}", _interval(e)] for name, e in totals.items()]
    rows.append(["spikes per synapse", f"{spikes_per_synapse.mean:.3g}", _interval(spikes_per_synapse, ".3g")])
    rows.append(["spikes per neuron and step", f"{spike_rate:.3g}", ""])
    return plain_table(rows, ["per inference", "mean", f"{confidence:.0%} interval"], "lrr")


def population_table(populations: Iterable[PopulationRow]) -> str:
    """Return the counts of every population."""
    return plain_table(
        [
            [p.layer, p.neurons, f"{p.synops.mean:,.1f}", f"{p.spikes.mean:,.1f}", f"{p.rate:.2%}", f"{p.updates:,}",
             f"{p.active.mean:,.1f}"]
            for p in populations
        ],
        ["population", "neurons", "synops", "spikes", "rate", "updates", "active"],
        "lrrrrrr",
    )  # fmt: skip


def memory_table(memory: Iterable[MemoryRow]) -> str:
    """Return the accesses by kind of word."""
    rows = [[m.what, m.bits, f"{m.reads.mean:,.1f}", f"{m.writes.mean:,.1f}"] for m in memory]
    return plain_table(rows, ["memory", "bits", "reads", "writes"], "lrrr")


def storage_line(storage: WeightStorage) -> str:
    """Return what the weights take in every form, indices included."""
    forms = {"dense": storage.dense, "bitmap": storage.bitmap, "run length": storage.run_length}
    said = ", ".join(f"{form} {bits / 8:,.0f}" for form, bits in forms.items())
    share = storage.zeros / max(storage.weights, 1)
    return f"bytes of weights ({share:.1%} are zero), index included: {said}; smallest: {storage.smallest}"


def neurobench_table(n: NeurobenchCounts) -> str:
    """Return NeuroBench's metrics."""
    sparsity = "-" if n.connection_sparsity is None else f"{n.connection_sparsity:.4f}"
    rows = [
        ["Effective_MACs", f"{n.effective_macs:,.1f}"],
        ["Effective_ACs", f"{n.effective_acs:,.1f}"],
        ["Dense", f"{n.dense:,.0f}"],
        ["ActivationSparsity", f"{n.activation_sparsity:.4f}"],
        ["ConnectionSparsity", sparsity],
        ["Footprint (bytes)", f"{n.footprint:,}"],
    ]
    return plain_table(rows, ["NeuroBench's rules, SNN", ""], "lr")


def ann_table(census: MacCensus, effective: EffectiveMacs | None) -> str:
    """Return the products of every node of the ANN."""
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
    return plain_table(rows, ["ANN node", "operator", "MACs", "weights", "effective MACs"], "llrrr")


def cost_table(snn: Iterable[Bill], ann: Iterable[Bill]) -> str:
    """Return the band of both networks under every table."""
    rows = [*(_cost_row("SNN", c) for c in snn), *(_cost_row("ANN", c) for c in ann)]
    return plain_table(rows, ["proxy per inference", "", "low", "counted", "high", "prices are"], "llrrrl")


def _cost_row(side: str, cost: Bill) -> list[str]:
    means = (cost.total.low, cost.total.counted, cost.total.high)
    return [
        cost.table.title,
        side,
        *(amount(m.mean, cost.table.unit) for m in means),
        ", ".join(cost.table.kinds),
    ]


def break_even_table(comparisons: Iterable[Comparison], spikes_per_synapse: float, spike_rate: float) -> str:
    """Return the rates at which both networks would cost the same, beside the network's own."""
    rows = []
    for c in comparisons:
        cells = []
        for point in c.break_even:
            if point.spikes_per_synapse is None:
                cells.append("no synops")
            elif point.spikes_per_synapse <= 0:
                cells.append("at no rate")
            else:
                cells.append(_rate(point.spikes_per_synapse, point.spike_rate))
        rows.append([c.table, *cells, _rate(spikes_per_synapse, spike_rate)])
    return plain_table(rows, ["break-even, spikes per synapse (rate)", "low", "counted", "high", "here"], "lrrrr")


def equal_table(counts: Iterable[EqualCount], costs: Sequence[EqualCost]) -> str:
    """Return both networks counted by one rule, and the ratio of their costs under every table."""
    meaning = {"skipping": "x != 0 and w != 0", "dense": "every x and w"}
    tables = list(dict.fromkeys(c.table for c in costs))
    ratios = {(c.rule, c.table): f"{c.ratio.mean:.3g}x" for c in costs}
    rows = [
        [
            meaning[c.rule],
            f"{c.snn.mean:,.1f}",
            "needs samples" if c.ann is None else f"{'' if c.ann_complete else 'at least '}{c.ann.mean:,.1f}",
            *(ratios.get((c.rule, table), "-") for table in tables),
        ]
        for c in counts
    ]
    return plain_table(rows, ["both count", "synops", "MACs", *tables], "lrr" + "r" * len(tables))


def _rate(spikes_per_synapse: float, spike_rate: float | None) -> str:
    return f"{spikes_per_synapse:.3g}" if spike_rate is None else f"{spikes_per_synapse:.3g} ({spike_rate:.2%})"


def _interval(estimate: Estimate, form: str = ",.1f") -> str:
    if estimate.low is None or estimate.high is None:
        return "one sample: none"
    return f"{estimate.low:{form}} .. {estimate.high:{form}}"


def plain_table(rows: Sequence[Sequence[object]], headers: Sequence[str], align: str) -> str:
    """Return rows of texts under their headers, columns aligned left (l) or right (r)."""
    from tabulate import tabulate

    sides = {"l": "left", "r": "right"}
    return tabulate(rows, headers=headers, colalign=[sides[a] for a in align], disable_numparse=True)
