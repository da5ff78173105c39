"""Our placers beside METIS, a graph partitioner: cores parted into tiles and tiles halved down the mesh.

python benchmarks/placers.py -o benchmarks/results --page

The slices are packed into cores as `greedy` does, since a partitioner keeps no limit of a core; METIS then has to say
where they lie: the cores in parts of four for tiles of the fewest cut messages, and the tiles halved again and again
along the longer side of the mesh. Both starts are annealed from six seeds. Needs pymetis, which is no dependency of
this project.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from results import ended, into_page, write

from exporters.program_file import read_program
from sim.errors import MissingToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from snn2hw.placement.mesh import CORES_PER_TILE, hop_weighted
from snn2hw.placement.place import PLACERS, place
from snn2hw.placement.placement import Placement
from snn2hw.placement.positions import anneal
from snn2hw.zoo import located, zoo_names

SCHEMA = "snn2hw.benchmark.placers/1"
SEEDS = 6
Graph = NDArray[np.int64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default="benchmarks/results", help="folder of placers.json and placers.md")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/place.md")
    arguments = parser.parse_args()
    programs = {name: read_program(located(f"zoo:{name}")) for name in zoo_names()} | {"PilotNet's sizes": pilotnet()}
    rows = [_row(name, program) for name, program in programs.items()]
    names = (*PLACERS, "METIS", "METIS, annealed")
    head = f"| program | cores | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}\n"
    lines = [f"| {r['program']} | {r['cores']} | {' | '.join(_told(r[n]) for n in names)} |" for r in rows]
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "placers.json", json.dumps({"schema": SCHEMA, "rows": rows}, indent=1) + "\n")
    write(folder / "placers.md", head + "\n".join(lines) + "\n")
    if arguments.page:
        into_page("placers.py", head + "\n".join(lines), Path(__file__).resolve().parents[1] / "docs" / "place.md")
    print(head + "\n".join(lines))
    return 0


def _told(found: dict[str, Any]) -> str:
    least, most = min(found["hops"]), max(found["hops"])
    return (f"{least:,}" if least == most else f"{least:,} to {most:,}") + f" ({found['s']:.2f} s)"


def _row(name: str, program: Program) -> dict[str, Any]:
    row: dict[str, Any] = {"program": name}
    for placer in ("in_order", "greedy"):
        began = time.perf_counter()
        placed = place(program, "loihi1", placer=placer)
        row[placer] = {"hops": [placed.hops], "s": time.perf_counter() - began}
    began = time.perf_counter()
    position = by_metis(placed)
    took = row["greedy"]["s"] + time.perf_counter() - began
    row["cores"] = len(placed.cores)
    row["METIS"] = {"hops": [hop_weighted(placed.flow, position, placed.mesh)], "s": took}
    lying = np.array([core.place for core in placed.cores])
    for label, start, before in (("annealed", lying, row["greedy"]["s"]), ("METIS, annealed", position, took)):
        began = time.perf_counter()
        ends = [anneal(placed.flow, start, placed.mesh, seed=seed) for seed in range(SEEDS)]
        spent = (time.perf_counter() - began) / SEEDS + before
        row[label] = {"hops": [hop_weighted(placed.flow, end, placed.mesh) for end in ends], "s": spent}
    return row


def by_metis(placed: Placement) -> Graph:
    """Return the place of every core: one of the tile that METIS puts it into."""
    count, mesh = len(placed.cores), placed.mesh
    ties = np.zeros((count, count), np.int64)
    np.add.at(ties, (placed.flow.sender, placed.flow.reader), placed.flow.messages)
    ties = ties + ties.T
    np.fill_diagonal(ties, 0)
    tiles = np.unique(mesh.tiles, axis=0)
    held: dict[tuple[int, int], list[int]] = {}
    _halve(ties, list(range(count)), [tuple(t) for t in tiles.tolist()], held)
    position = np.full(count, -1, np.int64)
    for tile, cores in held.items():
        places = np.flatnonzero((mesh.tiles == tile).all(axis=1))
        position[cores] = places[: len(cores)]
    return position


def _halve(ties: Graph, cores: list[int], tiles: list[tuple[int, int]], held: dict[tuple[int, int], list[int]]) -> None:
    """Part cores and tiles into two again and again; a part holds no more cores than its tiles have."""
    if not cores:
        return
    if len(tiles) == 1:
        held[tiles[0]] = cores
        return
    needed = -(-len(cores) // CORES_PER_TILE)
    spans = [max(t[a] for t in tiles) - min(t[a] for t in tiles) for a in range(2)]
    axis = int(spans[1] > spans[0])
    ordered = sorted(tiles, key=lambda t: (t[axis], t[1 - axis]))[: max(needed, 2)]
    middle = len(ordered) // 2
    sides = ordered[:middle], ordered[middle:]
    first = _bisect(ties[np.ix_(cores, cores)], [len(side) * CORES_PER_TILE for side in sides])
    for side, mine in zip(sides, (first, ~first), strict=True):
        _halve(ties, [c for c, here in zip(cores, mine.tolist(), strict=True) if here], list(side), held)


def _bisect(ties: Graph, room: list[int]) -> NDArray[np.bool_]:
    """Return which cores lie in the first part, as METIS parts them, mended where a part got more than it has room."""
    try:
        import pymetis
    except ImportError:
        raise MissingToolError("pymetis is not installed", "pip install pymetis") from None
    scaled = np.ceil(ties / max(1, int(ties.max()) // 100_000)).astype(np.int64)
    starts, to, weights = [0], [], []
    for row in scaled:
        near = np.flatnonzero(row)
        to += near.tolist()
        weights += row[near].tolist()
        starts.append(len(to))
    share = room[0] / sum(room)
    graph, shares = pymetis.CSRAdjacency(starts, to), [share, 1 - share]
    _, parts = pymetis.part_graph(2, adjacency=graph, eweights=weights, tpwgts=shares, recursive=True)
    first = np.array(parts) == 0
    for side, most in ((True, room[0]), (False, room[1])):
        while (first == side).sum() > most:
            here = np.flatnonzero(first == side)
            loss = ties[np.ix_(here, first == side)].sum(axis=1) - ties[np.ix_(here, first != side)].sum(axis=1)
            first[here[int(loss.argmin())]] = not side
    return first


def pilotnet() -> Program:
    """Return a network of PilotNet's sizes with random weights."""
    rng, before, shape, populations = np.random.default_rng(0), "input", (3, 66, 200), []
    for index, (channels, taps, stride) in enumerate([(24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1)]):
        weight = 2 * rng.integers(-127, 127, (channels, shape[0], taps, taps))
        conv = Conv(weight, stride=(stride, stride))
        shape = (channels, (shape[1] - taps) // stride + 1, (shape[2] - taps) // stride + 1)
        populations.append(Population(f"conv{index + 1}", shape, (Connection(before, conv),), vth=300, du=1024))
        before = f"conv{index + 1}"
    width = int(np.prod(shape))
    for index, size in enumerate([100, 50, 10, 1]):
        dense = Dense(2 * rng.integers(-127, 127, (size, width)))
        populations.append(Population(f"fc{index + 1}", (size,), (Connection(before, dense),), vth=300, du=1024))
        before, width = f"fc{index + 1}", size
    return Program(Input((3, 66, 200)), tuple(populations), record={"weights": {"bits": 8, "rule": "loihi"}})


if __name__ == "__main__":
    sys.exit(ended(main))
