"""A placement with its spikes replayed on SANA-FE's mesh: messages, hops, time and energy, step by step."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError, ToolError
from sim.program import INPUT, Population, Program
from sim.wiring import apply
from snn2hw.placement.architecture import HOST, architecture
from snn2hw.placement.mesh import CORES_PER_TILE
from snn2hw.placement.mesh_prices import MeshPrices, mesh_prices
from snn2hw.placement.mesh_run import MeshRun, MeshStep
from snn2hw.placement.placement import Placement
from snn2hw.placement.played import CoreEvents, Sends, play, sends_of
from snn2hw.placement.sanafe_install import SANAFE, find_python

__all__ = ["replay"]

SCRIPT = Path(__file__).parent / "standalone" / "run_sanafe.py"
MOST_PAIRS = 4_000_000
"""Pairs of neurons of one connection that are looked at, and synapses of all that are replayed."""
NOTE = "spikes replayed, times by its simple model: no message waits; a delay moves no message"

Pairs = NDArray[np.int64]
Edges = tuple[str, str, str, Pairs]
"""Sending group, reading group, encoding, and the pairs (n, 2) of their neurons."""


def replay(
    program: Program,
    placement: Placement,
    raster: ArrayLike,
    prices: MeshPrices | None = None,
    *,
    timeout_s: float = 600,
) -> MeshRun:
    """Replay the first sample of a raster: what populations send, and what the host sends from beside its readers."""
    prices = mesh_prices(placement.target) if prices is None else prices
    python = find_python()
    sends = sends_of(program, placement, raster)
    played = play(program, placement, sends)
    edges = list(_edges(program, placement))
    if sum(len(pairs) for *_, pairs in edges) > MOST_PAIRS:
        what = f"{sum(len(pairs) for *_, pairs in edges):,} synapses to replay"
        raise InputError(what, "replay a smaller program, or simulate by count: SANA-FE wants every synapse by itself")
    groups = [*_populations(program, placement, sends), *_silent(placement, played), *_host(program, placement, sends)]
    job = {"groups": groups, "edges": [(*names, pairs.tolist()) for *names, pairs in edges], "steps": sends.steps}
    units = (
        int(played.neurons.max()),
        int(played.idle.max()),
        max((len(group["neurons"]) for group in groups if group["unit"] == "sender"), default=0),
    )
    found = _run(python, job, architecture(placement.mesh, units, prices), timeout_s)
    return MeshRun(
        by=SANAFE.replace("sanafe==", "SANA-FE "),
        note=NOTE,
        spikes=found["spikes"],
        steps=tuple(_step(placement, step) for step in found["steps"]),
        energy_pj=_energy_pj(found, prices),
    )


def _run(python: Path, job: dict[str, Any], arch: str, timeout_s: float) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "job.json").write_text(json.dumps(job))
        (Path(folder) / "arch.yaml").write_text(arch)
        words = [str(python), "-I", str(SCRIPT), "job.json", "arch.yaml"]
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"SANA-FE: not done after {timeout_s:g} s", "replay fewer steps, or a smaller program"
            ) from None
    if done.returncode:
        raise ToolError(f"SANA-FE: {done.stderr.strip()[-1000:]}", "report it with the placement")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _energy_pj(found: dict[str, Any], prices: MeshPrices) -> dict[str, float]:
    """Return what it names synapse, soma and network, the network's hops apart."""
    energy = {name: 1e12 * found["energy"][name] for name in ("synapse", "soma", "network")}
    ways = {"across": prices.hop_across, "down": prices.hop_down}
    hops = sum(step[name] * price.pj for step in found["steps"] for name, price in ways.items())
    return {"synapse": energy["synapse"], "soma": energy["soma"], "messages": energy["network"] - hops, "hops": hops}


def _step(placement: Placement, said: dict[str, Any]) -> MeshStep:
    tile, core = said["slowest"]
    return MeshStep(
        messages=said["messages"],
        host_messages=said["host"],
        hops=said["across"] + said["down"],
        synops=said["synops"],
        slowest=_places(placement)[tile, core],
        slowest_s=said["slowest_s"],
        barrier_s=said["time_s"] - said["slowest_s"],
    )


def _at(placement: Placement, place: int) -> tuple[int, int]:
    """Return the number of a core's tile and its own number there, as the description has them."""
    mesh = placement.mesh
    column, row = mesh.tiles[place].tolist()
    return column * mesh.height + row, place % mesh.cores % CORES_PER_TILE


def _places(placement: Placement) -> dict[tuple[int, int], int]:
    return {_at(placement, core.place): core.place for core in placement.cores}


def _neuron(at: tuple[int, int], train: NDArray[np.bool_]) -> dict[str, Any]:
    return {"at": at, "spikes": np.flatnonzero(train).tolist()}


def _group(name: str, unit: str, steps: int, neurons: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "unit": unit, "steps": steps, "neurons": neurons}


def _populations(program: Program, placement: Placement, sends: Sends) -> Iterator[dict[str, Any]]:
    home = {p.name: np.empty(p.shape, dtype=np.int64) for p in program.populations}
    for core in placement.cores:
        for part in core.slices:
            home[part.population][part.box.window] = core.place
    for p in program.populations:
        trains = sends.sends[p.name].reshape(sends.steps, -1).T
        places = home[p.name].ravel().tolist()
        neurons = [_neuron(_at(placement, place), train) for place, train in zip(places, trains, strict=True)]
        yield _group(f"population {p.name}", "replayed", sends.steps, neurons)


def _silent(placement: Placement, played: CoreEvents) -> Iterator[dict[str, Any]]:
    """Yield for every core as many neurons as are active in silence at once; the first n of them play in a step."""
    for index, core in enumerate(placement.cores):
        count = played.idle[:, index]
        trains = count[None] > np.arange(int(count.max(initial=0)))[:, None]
        if len(trains):
            at = _at(placement, core.place)
            neurons = [_neuron(at, train) for train in trains]
            yield _group(f"silent {core.place}", "silent", len(count), neurons)


def _host(program: Program, placement: Placement, sends: Sends) -> Iterator[dict[str, Any]]:
    """Yield the input, once in every tile that reads it."""
    trains = sends.sends[INPUT].reshape(sends.steps, -1).T
    for tile in sorted({_at(placement, core.place)[0] for core in placement.cores if _reads_input(core.slices)}):
        neurons = [_neuron((tile, HOST), train) for train in trains]
        yield _group(f"host {tile}", "sender", sends.steps, neurons)


def _reads_input(slices: tuple[Any, ...]) -> bool:
    return any(reading.source == INPUT for part in slices for reading in part.readings)


def _edges(program: Program, placement: Placement) -> Iterator[Edges]:
    """Yield the synapses of weights that are not zero, slice by slice, by the numbers of neurons in C order."""
    known: dict[tuple[str, int], Pairs] = {}
    for core in placement.cores:
        tile = _at(placement, core.place)[0]
        for part in core.slices:
            population = program.by_name[part.population]
            mine = np.zeros(population.shape, dtype=bool)
            mine[part.box.window] = True
            for reading in part.readings:
                key = population.name, reading.connection
                pairs = known.setdefault(key, _pairs(program, population, reading.connection))
                host = reading.source == INPUT
                source = f"host {tile}" if host else f"population {reading.source}"
                yield source, f"population {population.name}", reading.encoding, pairs[mine.ravel()[pairs[:, 1]]]


def _pairs(program: Program, population: Population, connection: int) -> Pairs:
    """Return the pairs (source, target) that a connection's synapses of non-zero weight connect."""
    wired = population.inputs[connection]
    source = program.shape_of(wired.source)
    count = int(np.prod(source))
    if count * population.size > MOST_PAIRS:
        what = f"population {population.name!r}: {count * population.size:,} pairs of neurons to replay"
        raise InputError(what, "replay a smaller program, or simulate by count: SANA-FE wants every synapse by itself")
    one_each = np.eye(count, dtype=np.int64).reshape(count, *source)
    met = apply(wired.wiring, one_each, source, population.shape).reshape(count, -1)
    return np.argwhere(met)
