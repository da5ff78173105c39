"""Where cores lie: tiles of four cores in a mesh, chips side by side.

Core 4 * tile + k lies in tile ``tile``, which stands at column ``tile // height`` and row ``tile % height``, as in
SANA-FE's description of Loihi (8 x 4 tiles of 4 cores; Davies 2018 publishes no arrangement). A message takes one hop
from tile to tile; from chip to chip it goes on in the same row.
"""

from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np
from numpy.typing import NDArray

from snn2hw.placement.traffic import Flow

__all__ = ["CORES_PER_TILE", "Mesh", "hop_weighted", "mesh_of"]

CORES_PER_TILE = 4


@dataclass(frozen=True)
class Mesh:
    """``chips`` chips of ``cores`` cores each, in tiles of `CORES_PER_TILE`."""

    chips: int
    cores: int

    @property
    def height(self) -> int:
        """Return the rows of tiles: half as many as columns, or as near to that as tiles allow."""
        tiles = ceil(self.cores / CORES_PER_TILE)
        return max(h for h in range(1, max(1, isqrt(tiles // 2)) + 1) if tiles % h == 0)

    @property
    def width(self) -> int:
        """Return the columns of tiles of one chip."""
        return ceil(self.cores / CORES_PER_TILE) // self.height

    @property
    def tiles(self) -> NDArray[np.int64]:
        """Return column and row of the tile of every core of every chip."""
        chip, core = np.divmod(np.arange(self.chips * self.cores), self.cores)
        tile = core // CORES_PER_TILE
        return np.stack([chip * self.width + tile // self.height, tile % self.height], axis=1)


def mesh_of(cores: int, cores_per_chip: int | None) -> Mesh:
    """Return the fewest chips that hold so many cores; one chip where nothing says how many a chip has."""
    if cores_per_chip is None:
        return Mesh(1, CORES_PER_TILE * ceil(cores / CORES_PER_TILE))
    return Mesh(ceil(cores / cores_per_chip), cores_per_chip)


def hop_weighted(flow: Flow, position: NDArray[np.int64], mesh: Mesh) -> int:
    """Return the sum of hops of all messages when core i lies at place ``position[i]`` of the mesh."""
    at = mesh.tiles[position]
    hops = np.abs(at[flow.sender] - at[flow.reader]).sum(axis=1)
    return int(hops @ flow.messages)
