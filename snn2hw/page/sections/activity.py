"""What do its neurons do? Spikes, rates, silent and saturated neurons, membranes over time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim.program import Population
from snn2hw.compiler.report import HOT
from snn2hw.page.dossier import (
    BarChart,
    Cell,
    Chart,
    CurveChart,
    DistributionChart,
    Mark,
    NotRun,
    Section,
    SpikeChart,
    Table,
    View,
    columns_of,
)
from snn2hw.page.material import Material
from snn2hw.page.observed import Observed, Seen
from snn2hw.page.wording import listed, plural, said_of, written

__all__ = ["SPIKES", "VALUES", "activity_section"]

SPIKES = 48_000
"""Spikes that the rasters of one page draw together."""
VALUES = 96_000
"""Values that the curves of one page draw together."""
MOST_ROWS = 256
"""Neurons of a raster; of larger layers that many are drawn, evenly spread."""
MOST_LINES = 8
"""Neurons of a curve."""
BINS = 32


def activity_section(material: Material) -> Section:
    """Return what was seen of the neurons."""
    title, question, observed = "Activity", "What do its neurons do?", material.observed
    if observed is None:
        how = f"snn2hw report {material.program_file} X.npz -o report.html"
        missing = NotRun("Spikes, rates and membranes", "No input was given, so nothing was run.", how)
        said = ("Its neurons have not been run.",)
        return Section("activity", title, question, said=said, missing=(missing,))
    firing = [p for p in material.program.populations if p.fires]
    return Section(
        "activity",
        title,
        question,
        said=tuple(_said(material, observed, firing)),
        charts=tuple(_charts(material, observed, firing)),
        tables=(_table(material, observed),),
    )


def _silent(observed: Observed, name: str) -> int:
    return int((observed.spikes[name] == 0).sum())


def _saturated(observed: Observed, name: str) -> int:
    return int((observed.rate(name) > HOT).sum())


def _said(material: Material, observed: Observed, firing: list[Population]) -> Iterator[str]:
    yield f"Run on {plural(observed.samples, 'sample')} of {plural(observed.steps, 'step')}."
    neurons = sum(p.size for p in firing)
    if not neurons:
        yield "No population of it fires."
        return
    sent = sum(int(observed.spikes[p.name].sum()) for p in firing)
    mean = sent / (neurons * observed.samples * observed.steps)
    silent, hot = (sum(count(observed, p.name) for p in firing) for count in (_silent, _saturated))
    many = any(p.most_sent > 1 for p in firing)
    share = f"{written(mean, 'percent')} of its {neurons:,} firing neurons spike in a step"
    spikes = f"Its {neurons:,} firing neurons send {written(mean, 'number')} spikes a step each"
    yield (
        f"{spikes if many else share} on average; "
        f"{silent:,} stayed silent throughout, {hot:,} fired in more than half of all steps."
    )
    quiet = [material.layer(p.name) for p in firing if not observed.spikes[p.name].any()]
    if quiet:
        yield f"Nothing came out of {listed(quiet)}: not one neuron fired."
    for what, counts in (("wrapped", observed.wraps), ("clipped", observed.clips)):
        if total := sum(counts.values()):
            where = listed([material.layer(name) for name, count in counts.items() if count])
            yield f"A state {what} {plural(total, 'time')}, in {where}."


def _table(material: Material, observed: Observed) -> Table:
    columns = columns_of(
        """
        layer      Layer
        neurons    Neurons                     count
        rate       Spikes per neuron and step  percent
        silent     Silent                      count
        saturated  Saturated                   count
        synops     Synops per sample           count
        clips      Clips                       count
        wraps      Wraps                       count
        """
    )
    rows: list[tuple[Cell, ...]] = []
    for p in material.program.populations:
        counted = (float(observed.rate(p.name).mean()), _silent(observed, p.name), _saturated(observed, p.name))
        kept = counted if p.fires else (None, None, None)
        ends = observed.clips[p.name], observed.wraps[p.name]
        rows.append((material.layer(p.name), p.size, *kept, observed.synops[p.name], *ends))
    note = (
        f"Silent: no spike in any sample. Saturated: more than {HOT:g} spikes a step. Readouts do not fire. "
        "Clips: how often a state was held at the end of its register; wraps: how often one ran over it."
    )
    return Table("activity.layers", "Activity by layer", columns, tuple(rows), note)


def _charts(material: Material, observed: Observed, firing: list[Population]) -> Iterator[Chart]:
    marks = tuple(Mark(material.layer(p.name), float(observed.rate(p.name).mean()), "mean rate") for p in firing)
    if marks:
        yield BarChart(
            id="activity.rates",
            title="Spikes per neuron and step, by layer",
            marks=marks,
            form="percent",
            said=said_of(marks, "percent"),
        )
    if spikes := _spike_views(material, firing):
        yield SpikeChart(
            id="activity.spikes",
            title="Spikes of one sample: drag to zoom",
            views=tuple(spikes),
            said="One dash per spike; neurons from bottom to top in the program's order, steps from left to right.",
            x_label="step",
            y_label="neuron",
        )
    if curves := list(_membranes(material)):
        yield CurveChart(
            id="activity.membranes",
            title="Membranes v of single neurons, in register units: drag to zoom",
            said="Neurons that fire, from the busiest to the least; a dashed line is a threshold that they share.",
            form="count",
            x_label="step",
            y_label="v",
            views=tuple(curves),
        )
    yield from _over_time(material, observed, firing)
    if firing:
        views = tuple(View({"layer": material.layer(p.name)}, _rates(observed.rate(p.name))) for p in firing)
        yield DistributionChart(
            id="activity.distribution",
            title="How the rates of a layer's neurons are spread",
            said="Neurons by how many spikes they send in a step; the first bar holds those that never fire.",
            x_label="spikes per step",
            y_label="neurons",
            views=views,
        )


def _rates(rates: NDArray[np.float64]) -> dict[str, object]:
    """Return how many neurons have which rate: those at 0 apart from all others."""
    top = float(rates.max()) or 1.0
    counts, edges = np.histogram(rates[rates > 0], bins=BINS, range=(0.0, top))
    x = [0.0, *((edges[:-1] + edges[1:]) / 2).tolist()]
    count = [int((rates == 0).sum()), *counts.tolist()]
    return {"x": [float(f"{value:.4g}") for value in x], "count": count, "form": "percent"}


def _over_time(material: Material, observed: Observed, firing: list[Population]) -> Iterator[Chart]:
    shown = firing[:MOST_LINES]
    if shown and observed.steps > 1 and observed.steps * len(shown) <= VALUES:
        series = [
            [float(f"{share:.5g}") for share in observed.by_step[p.name] / (observed.samples * p.size)] for p in shown
        ]
        view = View({}, {"names": [material.layer(p.name) for p in shown], "series": series})
        yield CurveChart(
            id="activity.time",
            title="Share of neurons that spike, step by step",
            said=f"Means over {plural(observed.samples, 'sample')}.",
            form="percent",
            x_label="step",
            y_label="spikes per neuron",
            views=(view,),
        )


def _spike_views(material: Material, firing: list[Population]) -> list[View]:
    if not material.seen or not firing:
        return []
    room = max(16, SPIKES // (len(material.seen) * len(firing)))
    return [
        View(
            {"layer": material.layer(p.name), "sample": seen.name},
            _drawn_spikes(seen.registers["spikes"][p.name], room),
        )
        for p in firing
        for seen in material.seen
    ]


def _drawn_spikes(spikes: NDArray[np.integer], room: int) -> dict[str, object]:
    """Return the spikes of at most `MOST_ROWS` neurons: of as many as ``room`` allows, evenly spread."""
    steps, neurons = spikes.shape
    rows = min(neurons, MOST_ROWS)
    while True:
        chosen = np.unique(np.linspace(0, neurons - 1, rows).round().astype(np.int64))
        t, n = np.nonzero(spikes[:, chosen])
        if len(t) <= room or rows == 1:
            break
        rows = max(1, min(rows - 1, rows * room // len(t)))
    t, n = t[:room], n[:room]
    return {
        "steps": steps,
        "neurons": len(chosen),
        "drawn": f"{len(chosen):,} of {neurons:,}",
        "t": t.tolist(),
        "n": n.tolist(),
    }


def _membranes(material: Material) -> Iterator[View]:
    *inner, output = material.program.populations
    layers = (output, *inner)
    if not material.seen:
        return
    room = VALUES // (len(layers) * len(material.seen))
    readout = material.program.described.readout
    for p in layers:
        for seen in material.seen:
            values = seen.registers[readout][p.name]
            lines = min(MOST_LINES if p.fires else max(MOST_LINES, min(p.size, 12)), max(1, room // len(values)))
            steps = min(len(values), room)
            chosen = _chosen(seen, p, lines)
            data: dict[str, object] = {
                "names": [_neuron_name(material, p, int(i)) for i in chosen],
                "series": values[:steps, chosen].T.tolist(),
            }
            if (level := _threshold(p, chosen)) is not None:
                data["level"] = level
            yield View({"layer": material.layer(p.name), "sample": seen.name}, data)


def _chosen(seen: Seen, p: Population, lines: int) -> NDArray[np.int64]:
    """Return a few neurons of a layer: all, or of those that fire evenly from the busiest to the least."""
    if p.size <= lines:
        return np.arange(p.size)
    if p.fires:
        sent = seen.registers["spikes"][p.name].sum(axis=0, dtype=np.int64)
        ranked = np.argsort(-sent, kind="stable")
        ranked = ranked[: max(lines, int((sent > 0).sum()))]
        return np.sort(ranked[np.linspace(0, len(ranked) - 1, lines).round().astype(np.int64)])
    return np.linspace(0, p.size - 1, lines).round().astype(np.int64)


def _neuron_name(material: Material, p: Population, index: int) -> str:
    if p is material.program.output and material.classes:
        return material.classes[index]
    place = ",".join(str(int(i)) for i in np.unravel_index(index, p.shape))
    return f"neuron {place}"


def _threshold(p: Population, chosen: NDArray[np.int64]) -> int | None:
    """Return the v that the chosen neurons must reach or exceed to fire, where it is the same for all."""
    if not p.fires:
        return None
    name, shift = ("vth", 6) if "vth" in p.registers else ("theta", 0)
    held = np.unique(p.registers[name].reshape(-1)[chosen])
    return int(held[0]) << shift if len(held) == 1 else None
