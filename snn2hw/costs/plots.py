"""An EnergyReport as pictures: the band of every table, and energy against spike rate."""

from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError
from snn2hw.costs.fronts import Fronts, TableFronts
from snn2hw.costs.pricing import ENDS, Bill
from snn2hw.costs.report import EnergyReport
from snn2hw.drawing import ANN, INK, SNN, new_figure, save_figure

__all__ = ["plot_band", "plot_break_even", "plot_fronts"]

COLOURS = {"SNN": SNN, "ANN": ANN}
PJ_PER_NJ = 1e3


def _means_nj(cost: Bill) -> tuple[float, float, float]:
    low, counted, high = (cost.total.end(end).mean / PJ_PER_NJ for end in ENDS)
    return low, counted, high


def plot_band(report: EnergyReport, path: Path | str) -> None:
    """Draw one bar from low to high per table and network, the counted value as a mark."""
    theirs = {c.table.name: c for c in report.ann_costs}
    groups = [(c, theirs.get(c.table.name)) for c in report.snn if c.table.unit == "pJ"]
    if not groups:
        raise InputError("no table prices this network in joules", "name one, such as cmos45_int8")
    figure, (axes,) = new_figure(9, 1.4 + 0.62 * len(groups))
    for place, group in enumerate(groups):
        for side, cost in zip(COLOURS, group, strict=True):
            if cost is None:
                continue
            low, counted, high = _means_nj(cost)
            y = place + (0.18 if side == "ANN" else -0.18 * (group[1] is not None))
            axes.barh(y, max(high, 1.02 * low) - low, left=low, height=0.32, color=COLOURS[side], alpha=0.45)
            axes.plot([counted], [y], "o", color=COLOURS[side], markersize=5)
    for side in COLOURS if theirs else ["SNN"]:
        axes.plot([], [], "o", color=COLOURS[side], label=f"{side}, as counted (bar: low to high)")
    axes.set_yticks(range(len(groups)), [c.table.title for c, _ in groups], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    ends = [_means_nj(cost) for group in groups for cost in group if cost is not None]
    axes.set_xlim(0.6 * min(low for low, _, _ in ends), 1.6 * max(high for _, _, high in ends))
    axes.set_xlabel("nJ per inference: a proxy, counted and priced, not measured")
    axes.set_title(f"Energy band, program {report.digest[:12]}, mean of {report.samples} samples", fontsize=10)
    axes.grid(axis="x", which="both", alpha=0.25)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def plot_break_even(report: EnergyReport, path: Path | str) -> None:
    """Draw the energy of the spiking network against its spikes per synapse, one panel per table with an ANN."""
    theirs = {c.table.name: c for c in report.ann_costs}
    shown = [c for c in report.snn if c.table.name in theirs]
    if not shown:
        raise InputError("no table prices both networks", "give an ANN and a table of the view 'arithmetic'")
    rows = -(-len(shown) // 2)
    figure, panels = new_figure(9, 3.2 * rows, rows, 1 if len(shown) == 1 else 2)
    for axes, cost in zip(panels, shown, strict=False):
        _panel(axes, cost, theirs[cost.table.name], report.spikes_per_synapse.mean)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=8)
    save_figure(figure, path)


def _panel(axes: Any, snn: Bill, ann: Bill, here: float) -> None:
    from matplotlib.ticker import LogLocator

    reach = np.geomspace(min(0.01, here / 2 or 0.01), max(10.0, 2 * here), 100)
    scale = reach / here if here else np.zeros_like(reach)
    lines = {end: (snn.fixed.end(end).mean + snn.driven.end(end).mean * scale) / PJ_PER_NJ for end in ENDS}
    axes.fill_between(reach, lines["low"], lines["high"], color=COLOURS["SNN"], alpha=0.25)
    axes.plot(reach, lines["counted"], color=COLOURS["SNN"], label="SNN, as counted (shade: low to high)")
    low, counted, high = _means_nj(ann)
    axes.axhspan(low, high, color=COLOURS["ANN"], alpha=0.2)
    axes.axhline(counted, color=COLOURS["ANN"], label="ANN, as counted (shade: low to high)")
    axes.axvline(here, color=INK, linestyle=":", label="this network")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(LogLocator(subs=(2, 5)))  # nine labels to a decade would crowd
    axes.tick_params(which="both", labelsize=8)
    axes.set_xlabel("spikes per synapse and inference", fontsize=8)
    axes.set_ylabel("nJ per inference (proxy)", fontsize=8)
    axes.set_title(snn.table.title, fontsize=9)


def plot_fronts(fronts: Fronts, path: Path | str, title: str = "") -> None:
    """Draw accuracy with its interval against energy, one panel per table, the front of each kind as a line."""
    rows = -(-len(fronts.tables) // 2)
    columns = 1 if len(fronts.tables) == 1 else 2
    figure, panels = new_figure(5 * columns, 4 * rows + 0.09 * len(fronts.candidates), rows, columns)
    for axes, table in zip(panels, fronts.tables, strict=False):
        _fronts_panel(axes, fronts, table)
    for axes in panels[len(fronts.tables) :]:
        axes.set_axis_off()
    numbered = [f"{number}: {c.name}" for number, c in enumerate(fronts.candidates, 1)]
    marks = [panels[0].plot([], [], "o", color=COLOURS[c.side.upper()], markersize=4)[0] for c in fronts.candidates]
    figure.legend(marks, numbered, loc="outside lower center", ncols=columns + 1, fontsize=7)
    if title:
        figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def _fronts_panel(axes: Any, fronts: Fronts, table: TableFronts) -> None:
    scale = PJ_PER_NJ if table.unit == "pJ" else 1.0
    for number, c in enumerate(fronts.candidates, 1):
        if c.share is None:
            continue
        x, (low, high) = c.costs[table.table] / scale, c.share.interval
        axes.plot([x, x], [100 * low, 100 * high], color=COLOURS[c.side.upper()], alpha=0.25, linewidth=1)
        axes.plot([x], [100 * c.accuracy], "o", color=COLOURS[c.side.upper()], markersize=4)
        axes.annotate(str(number), (x, 100 * c.accuracy), fontsize=7, xytext=(3, 3), textcoords="offset points")
    for side, line in (("SNN", table.snn), ("ANN", table.ann)):
        steps = [(c.costs[table.table] / scale, 100 * c.accuracy) for c in line]
        axes.step(*zip(*steps, strict=True), where="post", color=COLOURS[side], label=f"{side} front")
    axes.set_xscale("log")
    axes.set_xlabel(f"{'nJ' if table.unit == 'pJ' else table.unit} per inference (proxy), {table.table}", fontsize=8)
    axes.set_ylabel("accuracy, %, with its 95 % interval", fontsize=8)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(which="both", alpha=0.25)
    axes.legend(fontsize=8, loc="lower right")
