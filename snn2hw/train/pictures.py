"""Two pictures of a run: how it learnt, and what it confuses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.drawing import new_figure, save_figure

__all__ = ["draw_confusion", "draw_curves"]


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss and accuracy over epochs, of the training and the validation part."""
    figure, (left, right) = new_figure(9, 3.4, columns=2)
    epochs = [row["epoch"] for row in rows]
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(epochs, [row[name] for row in rows], ".-", label="training (augmented)")
        axes.plot(epochs, [row[f"validate_{name}"] for row in rows], ".-", label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.grid(alpha=0.3)
    left.set_yscale("log")
    right.legend(loc="best")
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
