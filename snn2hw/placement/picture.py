"""The mesh as a picture: how full every core is, what fills it, and the messages that cross each border of tiles."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.drawing import SERIES, new_figure, save_figure
from snn2hw.placement.cutting import WORDS
from snn2hw.placement.mesh import CORES_PER_TILE
from snn2hw.placement.placement import Placement

__all__ = ["crossings", "draw_mesh"]

RESOURCES = ("neurons", "synapse_bits", "axons_out", "axons_in", "vth_configs", "decay_configs")
COLOURS = dict(zip(RESOURCES, SERIES, strict=True))
TRAFFIC, EMPTY = "#404040", "#f0f0f0"
CELL, WIDEST_PT = 0.36, 6.0


def crossings(placement: Placement) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the messages between neighbouring tiles, (columns - 1, rows) and (columns, rows - 1), both directions.

    A message goes along its row first, then along the column, as Loihi routes them.
    """
    tiles, flow = placement.mesh.tiles, placement.flow
    columns, rows = tiles.max(axis=0) + 1
    across, down = np.zeros((columns, rows), dtype=np.int64), np.zeros((columns, rows), dtype=np.int64)
    position = np.array([core.place for core in placement.cores])
    starts, ends = tiles[position[flow.sender]], tiles[position[flow.reader]]
    for (x0, y0), (x1, y1), messages in zip(starts.tolist(), ends.tolist(), flow.messages.tolist(), strict=True):
        across[min(x0, x1) : max(x0, x1), y0] += messages
        down[x1, min(y0, y1) : max(y0, y1)] += messages
    return across[:-1], down[:, :-1]


def draw_mesh(placement: Placement, path: Path | str) -> None:
    """Draw every core as a square, as dark as it is full, and lines as wide as the messages that cross."""
    columns, rows = placement.mesh.tiles.max(axis=0) + 1
    figure, (axes,) = new_figure(max(7.5, 0.42 * columns + 1.5), max(3.6, 0.52 * rows + 2.2))
    _cores(axes, placement)
    _traffic(axes, placement)
    for chip in range(1, placement.mesh.chips):
        axes.axvline(chip * placement.mesh.width - 0.5, color=TRAFFIC, linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_aspect("equal")
    axes.set_yticks(range(rows))
    axes.set_xlabel("column of tiles" + (", chips parted by dots" if placement.mesh.chips > 1 else ""))
    axes.set_ylabel("row of tiles")
    axes.set_title(
        f"Program {placement.digest[:12]} on {placement.target}, {placement.placer}: {len(placement.cores)} cores, "
        f"{placement.hops / placement.steps:,.0f} hops a step",
        fontsize=10,
    )
    met = {core.limiting for core in placement.cores}
    for name in (n for n in COLOURS if n in met):
        axes.plot([], [], "s", color=COLOURS[name], label=f"limited by {WORDS[name]}")
    axes.plot([], [], "-", color=TRAFFIC, alpha=0.6, linewidth=3, label="messages")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, title="darker: fuller", title_fontsize=8)
    save_figure(figure, path)


def _cores(axes: Any, placement: Placement) -> None:
    from matplotlib.patches import Rectangle

    for place, (column, row) in enumerate(placement.mesh.tiles.tolist()):
        x, y = _corner(place, column, row)
        axes.add_patch(Rectangle((x, y), CELL, CELL, facecolor=EMPTY, edgecolor="none"))
    for core in placement.cores:
        column, row = placement.mesh.tiles[core.place].tolist()
        x, y = _corner(core.place, column, row)
        full = core.use[core.limiting]
        patch = Rectangle((x, y), CELL, CELL, facecolor=COLOURS[core.limiting], alpha=0.15 + 0.85 * min(1.0, full))
        axes.add_patch(patch)


def _corner(place: int, column: int, row: int) -> tuple[float, float]:
    right, down = divmod(place % CORES_PER_TILE, 2)
    return column - 0.38 + right * 0.4, row - 0.38 + down * 0.4


def _traffic(axes: Any, placement: Placement) -> None:
    across, down = crossings(placement)
    most = max(int(across.max(initial=0)), int(down.max(initial=0)), 1)
    for (x, y), messages in np.ndenumerate(across):
        if messages:
            axes.plot(
                [x, x + 1], [y, y], "-", color=TRAFFIC, alpha=0.6, linewidth=max(0.3, WIDEST_PT * messages / most)
            )
    for (x, y), messages in np.ndenumerate(down):
        if messages:
            axes.plot(
                [x, x], [y, y + 1], "-", color=TRAFFIC, alpha=0.6, linewidth=max(0.3, WIDEST_PT * messages / most)
            )
