"""A figure to draw on and a file to save it in: matplotlib without a window, imported on use."""

from pathlib import Path
from typing import Any

from sim.cures import install
from sim.errors import MissingToolError
from sim.files import atomic_write

__all__ = ["new_figure", "save_figure"]


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, list[Any]]:
    """Return a figure of that many inches and its axes, row by row."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingToolError(f"drawing needs matplotlib ({error})", install("matplotlib")) from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def save_figure(figure: Any, path: Path | str) -> None:
    """Write a PNG atomically."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
