"""The demo's pictures: what goes in, what spikes, how the readout decides, what bits cost."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.layer_names import layer_names
from sim.program import Program
from sim.trace import Trace
from snn2hw.drawing import ANN, INK, SNN, new_figure, save_figure

__all__ = ["draw_bits", "draw_membrane", "draw_raster"]

MOST_NEURONS = 400


def draw_raster(program: Program, image: NDArray[np.integer], trace: Trace, word: str, path: Path) -> None:
    """Draw the input beside the spikes of every firing population; large ones are thinned evenly."""
    firing = [p for p in program.populations if p.fires and p.inputs]
    layers = layer_names(program)
    figure, axes = new_figure(3.2 * (1 + len(firing)), 3.6, columns=1 + len(firing))
    axes[0].imshow(image.max(axis=0).reshape(-1, image.shape[-1]), origin="lower", aspect="auto", cmap="magma")
    axes[0].set(title=f'"{word}": log-mel, integers', xlabel="frame", ylabel="band")
    for ax, population in zip(axes[1:], firing, strict=True):
        spikes = trace.spikes[population.name][0].reshape(image.shape[0], -1)
        shown = np.linspace(0, spikes.shape[1] - 1, min(MOST_NEURONS, spikes.shape[1])).round().astype(int)
        t, n = np.nonzero(spikes[:, shown])
        ax.scatter(t, n, s=3, marker="|", color=SNN, linewidths=1)
        ax.set(
            title=f"{layers[population.name]}\n{spikes.mean():.1%} a step",
            xlabel="step",
            ylabel=_neurons(shown, spikes),
        )
        ax.set_xlim(-0.5, image.shape[0] - 0.5)
    save_figure(figure, path)


def _neurons(shown: NDArray[np.integer], spikes: NDArray[np.integer]) -> str:
    return "neuron" if len(shown) == spikes.shape[1] else f"{len(shown)} of {spikes.shape[1]} neurons"


def draw_membrane(program: Program, trace: Trace, classes: Sequence[str], word: str, path: Path) -> None:
    """Draw the readout's v, one line per class, the spoken one thick."""
    output = trace.v[program.output.name][0].reshape(trace.output.shape[1], -1)
    figure, (ax,) = new_figure(7, 3.8)
    heights = _spread(output[-1].astype(np.float64), 0.045 * float(np.ptp(output)))
    for column, name in enumerate(classes):
        own = name == word
        ax.plot(output[:, column], color=SNN if own else INK, alpha=1 if own else 0.35, linewidth=2.5 if own else 1)
        place = (1.01, heights[column])
        colour = SNN if own else INK
        ax.annotate(name, place, xycoords=("axes fraction", "data"), fontsize=8, va="center", color=colour)
    low, high = ax.get_ylim()
    ax.set_ylim(low, max(high, float(heights.max())))
    ax.set(title=f'Readout of "{word}": v, 24-bit integers', xlabel="step", ylabel="v")
    ax.grid(alpha=0.25)
    save_figure(figure, path)


def _spread(heights: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Move labels up until none covers another."""
    placed = heights.copy()
    order = np.argsort(placed)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + least)
    return placed


def draw_bits(curve: Mapping[int, float], ideal: float, ann: float, path: Path) -> None:
    """Draw accuracy against weight bits, the float network and the ANN as lines."""
    figure, (ax,) = new_figure(6, 3.8)
    bits = sorted(curve)
    ax.plot(bits, [100 * curve[b] for b in bits], "o-", color=SNN, label="integer program")
    ax.axhline(100 * ideal, color=INK, linestyle="--", label="float SNN")
    ax.axhline(100 * ann, color=ANN, linestyle=":", label="float CNN twin")
    ax.set(title="Accuracy against weight bits, no fine-tuning", xlabel="bits per weight", ylabel="accuracy, %")
    ax.set_xticks(bits)
    ax.set_ylim(min(90.0, 100 * min([*curve.values(), ideal, ann]) - 1), 100.6)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8)
    save_figure(figure, path)
