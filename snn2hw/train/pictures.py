"""Two pictures of a run: how it learnt, and what it confuses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.drawing import SERIES, new_figure, save_figure

__all__ = ["draw_confusion", "draw_curves"]


JUDGED = {"accuracy": "accuracy", "gain_db": "gain in SI-SNR, dB"}
"""What a run is judged by, each as it is called in its rows and on the axis: one of them."""

_LINES = {"": "training (augmented)", "validate_": "validation"}


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss, and accuracy or gain, over epochs, of the training and the validation part, as far as rows hold them."""
    said = {name for row in rows for name in row}
    judged = [name for name in JUDGED if said & {name, f"validate_{name}"}]
    shown = ["loss", *judged]
    figure, panels = new_figure(4.5 * len(shown), 3.4, columns=len(shown))
    epochs = [row["epoch"] for row in rows]
    for axes, name in zip(panels, shown, strict=True):
        for (key, label), colour in zip(_LINES.items(), SERIES, strict=False):
            known = [(row["epoch"], row[value]) for row in rows if (value := f"{key}{name}") in row]
            if known:
                axes.plot(*zip(*known, strict=True), ".-", label=label, color=colour)
        axes.set(xlabel="epoch", ylabel=JUDGED.get(name, name))
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.grid(alpha=0.3)
        axes.legend(loc="best")
    if all(row["loss"] > 0 for row in rows):  # a denoiser's is in decibels
        panels[0].set_yscale("log")
    save_figure(figure, path)


def draw_confusion(confusion: NDArray[np.int64], classes: Sequence[str], path: Path) -> None:
    """Counts of what was said (rows) against what was understood (columns)."""
    figure, (axes,) = new_figure(*(1.5 + 0.5 * len(classes),) * 2)
    share = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            shade = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=shade)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="understood", ylabel="said", title=f"{np.trace(confusion) / confusion.sum():.1%} right")
    save_figure(figure, path)
