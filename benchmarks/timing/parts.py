"""The parts of the full benchmark. Each is measured by itself and stands by itself in the results.

A peer's part holds our own figure too, measured right before and after it: ratios are of one run.
"""

import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sim.engines import run
from sim.fast import Kernels
from timing.add_peak import add_peak
from timing.contestants import PEERS, Peer, compete
from timing.curves import CURVES
from timing.machine import describe
from timing.networks import Net, inputs, reference_net, small_net
from timing.ours import measure, measure_reference_engine
from timing.task_file import write_task

__all__ = ["NETS", "PARTS", "measure_part"]

NETS: dict[str, Callable[[], Net]] = {"reference": cache(reference_net), "small": cache(small_net)}
DISTINCT = 64
FOR_PEERS = 256
SECONDS = 2.0
PEER_SECONDS = {"reference": 28.0, "small": 12.0}
LIMIT = 80.0
"""Seconds after which a peer is stopped, starting included."""
KERNELS: tuple[Kernels, ...] = ("auto", "portable", "general")
FEW = 8
"""Samples for what is slow."""


def engines(name: str) -> dict[str, Any]:
    """Measure all engines and forms of kernels of this project on one network."""
    net = NETS[name]()
    raster = inputs(net.program, DISTINCT)
    rows: dict[str, Any] = {kind: measure(net.program, raster, SECONDS, kernels=kind) for kind in KERNELS[:2]}
    rows["general"] = measure(net.program, raster[:FEW], SECONDS, kernels="general")
    rows["reference engine"] = measure_reference_engine(net.program, raster[:FEW])
    return {"engines": rows, "add_peak_per_s": add_peak()}


def peer(peer: Peer) -> dict[str, Any]:
    """Measure a peer on both networks, and ourselves beside it."""
    found = {}
    for name, make in NETS.items():
        net = make()
        raster = inputs(net.program, FOR_PEERS)
        with TemporaryDirectory() as folder:
            task = Path(folder) / "task.npz"
            write_task(task, net, raster)
            before = measure(net.program, raster[:DISTINCT], SECONDS)
            said = compete(peer, task, PEER_SECONDS[name] * peer.share, limit=LIMIT, forms=_forms(peer, net))
            after = measure(net.program, raster[:DISTINCT], SECONDS)
            portable = measure(net.program, raster[:DISTINCT], SECONDS, kernels="portable")
        ours = min(before["seconds_per_sample"], after["seconds_per_sample"])
        for row in said["rows"]:
            row["ratio"] = row["seconds_per_sample"] / ours
            if "readout_v" in row:
                row["readout_is_ours"] = _is_ours(net, raster, row.pop("readout_v"), row["readout_steps"])
        ours_too = {"ours_seconds_per_sample": ours, "portable_seconds_per_sample": portable["seconds_per_sample"]}
        found[name] = {**ours_too, **said}
    return found


def _forms(peer: Peer, net: Net) -> tuple[str, ...]:
    """Return the forms of a peer that differ on this network: without pools nothing is folded."""
    return tuple(form for form in peer.forms if form != "folded" or any(layer.pool > 1 for layer in net.layers))


def _is_ours(net: Net, raster: Any, v: list[float], steps: int) -> bool:
    """Tell whether a peer that streamed the samples without a reset ended with our readout."""
    stream = raster.reshape(1, -1, *raster.shape[2:])[:, :steps]
    trace = run(net.program, stream, engine="fast", record={"v"})
    return np.array_equal(trace.v[net.program.output.name][0, -1].ravel(), v)


PARTS: dict[str, Callable[[], Any]] = {
    **{name: partial(engines, name) for name in NETS},
    **{name: partial(peer, contestant) for name, contestant in PEERS.items()},
    **CURVES,
}


def measure_part(name: str) -> dict[str, Any]:
    """Return what a part found, when and where."""
    start = time.perf_counter()
    found = PARTS[name]()
    return {"found": found, "machine": describe(), "seconds": time.perf_counter() - start}
