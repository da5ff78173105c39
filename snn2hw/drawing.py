"""A figure to draw on and a file to save it in, in one style: matplotlib without a window, imported on use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.cures import install
from sim.errors import MissingToolError
from sim.files import atomic_write

__all__ = ["ANN", "INK", "QUIET", "SERIES", "SNN", "new_figure", "save_figure"]

SNN, ANN, INK, QUIET = "#1b7837", "#5e3c99", "#333333", "#9aa2ad"
"""The spiking network, the network it is compared with, what is neither, and what stands behind."""
SERIES = (SNN, ANN, "#e08214", "#2166ac", "#b2182b", "#8c510a")
"""Colours of lines in their order; the common kinds of colour blindness tell them apart by lightness."""


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, *, widths: Sequence[float] | None = None
) -> tuple[Any, list[Any]]:
    """Return a figure of that many inches and its axes, row by row; ``widths`` are shares of the columns."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingToolError(f"drawing needs matplotlib ({error})", install("matplotlib")) from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False, width_ratios=widths).ravel())
    for axes in panels:
        axes.set_prop_cycle(color=SERIES)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(which="both", labelsize=8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set_fontsize(9)
    return figure, panels


def save_figure(figure: Any, path: Path | str) -> None:
    """Write a PNG atomically; titles are of one size, however they were set."""
    for axes in figure.axes:
        axes.title.set_fontsize(10)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
