"""A placement with its spikes replayed on SANA-FE's mesh: messages, time and energy by component."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.engines import run
from sim.errors import InputError, ToolError
from sim.program import INPUT, Program
from sim.raster import check_raster
from sim.wiring import apply
from snn2hw.placement.mesh import CORES_PER_TILE, Mesh
from snn2hw.placement.placement import Placement
from snn2hw.placement.sanafe_install import find_python

__all__ = ["Replayed", "architecture", "replay"]

SCRIPT = Path(__file__).parent / "standalone" / "run_sanafe.py"
MOST_PAIRS = 4_000_000


@dataclass(frozen=True)
class Replayed:
    """What SANA-FE finds; energies and times are its own regressions, not measured here."""

    messages: int
    spikes: int
    synops: int
    time_s: float
    energy_pj: dict[str, float]


def architecture(mesh: Mesh, units: int) -> str:
    """Return SANA-FE's description of a mesh, with the prices that its own file of Loihi has.

    Every neuron that plays spikes has a unit of its own: a core has as many ``units`` as the fullest core needs.
    """
    tiles = mesh.width * mesh.height * mesh.chips
    return f"""architecture:
  name: mesh
  attributes: {{topology: mesh, width: {mesh.width * mesh.chips}, height: {mesh.height}, link_buffer_size: 16,
               sync_model: table, latency_sync: {{1: 0.6e-6, 2: 1.0e-6, 4: 1.4e-6, 29: 1.8e-6}}}}
  tile:
    - name: tile[0..{tiles - 1}]
      attributes: {{energy_north_hop: 4.2e-12, latency_north_hop: 6.5e-9, energy_east_hop: 3.0e-12,
                   latency_east_hop: 4.1e-9, energy_south_hop: 4.2e-12, latency_south_hop: 6.5e-9,
                   energy_west_hop: 3.0e-12, latency_west_hop: 4.1e-9}}
      core:
        - name: core[0..{CORES_PER_TILE - 1}]
          attributes: {{buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: {units}}}
          axon_in:
            - {{name: axons_in, attributes: {{energy_message_in: 0.0, latency_message_in: 16.0e-9}}}}
          synapse:
            - name: synapses
              attributes: {{model: current_based, energy_process_spike: 35.5e-12, latency_process_spike: 3.8e-9}}
          dendrite:
            - {{name: dendrites, attributes: {{model: accumulator, energy_update: 0.0, latency_update: 0.0}}}}
          soma:
            - name: replayed[0..{units - 1}]
              attributes: {{model: input, energy_access_neuron: 51.2e-12, latency_access_neuron: 6.0e-9,
                           energy_update_neuron: 21.6e-12, latency_update_neuron: 3.7e-9,
                           energy_spike_out: 69.3e-12, latency_spike_out: 30.0e-9}}
          axon_out:
            - {{name: axons_out, attributes: {{energy_message_out: 111.0e-12, latency_message_out: 5.1e-9}}}}
"""


def replay(program: Program, placement: Placement, raster: ArrayLike, *, timeout_s: float = 600) -> Replayed:
    """Replay the first sample of a raster: what populations send to one another, not what the host sends."""
    if placement.digest != program.digest:
        raise InputError("this placement is one of another program", "place this program")
    spikes = run(program, check_raster(program, raster)[:1], allow_wrap=True).spikes
    core = {p.name: np.empty(p.shape, dtype=np.int64) for p in program.populations}
    for placed in placement.cores:
        for part in placed.slices:
            core[part.population][part.box.window] = placed.place
    groups = [
        {"name": p.name, "core": core[p.name].ravel().tolist(), "spikes": _trains(spikes[p.name])}
        for p in program.populations
    ]
    steps = next(iter(spikes.values())).shape[1]
    job = {"groups": groups, "edges": sorted(_edges(program)), "steps": steps}
    with TemporaryDirectory() as folder:
        (Path(folder) / "job.json").write_text(json.dumps(job))
        (Path(folder) / "arch.yaml").write_text(
            architecture(placement.mesh, max(core.needs["neurons"] for core in placement.cores))
        )
        words = [str(find_python()), "-I", str(SCRIPT), "job.json", "arch.yaml"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise ToolError(f"SANA-FE: {done.stderr.strip()[-1000:]}", "report it with the placement")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Replayed(
        messages=found["packets_sent"],
        spikes=found["neurons_fired"],
        synops=found["spikes"],
        time_s=found["sim_time"],
        energy_pj={name: 1e12 * joules for name, joules in found["energy"].items()},
    )


def _trains(spikes: NDArray[np.uint8]) -> list[list[int]]:
    trains: list[list[int]] = spikes[0].reshape(spikes.shape[1], -1).T.tolist()
    return trains


def _edges(program: Program) -> set[tuple[str, int, str, int]]:
    """Return the pairs of neurons that a synapse of non-zero weight connects, by their numbers in C order."""
    edges: set[tuple[str, int, str, int]] = set()
    for population in program.populations:
        for connection in (c for c in population.inputs if c.source != INPUT):
            source = program.shape_of(connection.source)
            count = int(np.prod(source))
            if count * population.size > MOST_PAIRS:
                what = f"population {population.name!r}: {count * population.size:,} pairs of neurons to replay"
                raise InputError(what, "replay a smaller program: SANA-FE wants every synapse by itself")
            one_each = np.eye(count, dtype=np.int64).reshape(count, *source)
            met = apply(connection.wiring, one_each, source, population.shape).reshape(count, -1)
            edges |= {(connection.source, int(s), population.name, int(t)) for s, t in np.argwhere(met)}
    return edges
