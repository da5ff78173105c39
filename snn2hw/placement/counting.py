"""A sample on the mesh by counting alone: a lower bound, since no message waits for another one.

a core's time in a step = max(its neurons and what it sends, what arrives and its synops)
a step                  = the slowest core + the barrier
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.program import Program
from snn2hw.placement.mesh_prices import MeshPrices, mesh_prices
from snn2hw.placement.mesh_run import MeshRun, MeshStep
from snn2hw.placement.placement import Placement
from snn2hw.placement.played import CoreEvents, Sends, play, sends_of

__all__ = ["NOTE", "count_mesh", "counted"]

NOTE = "a bound by counting: no message waits for another one; the host's take no way"


def count_mesh(program: Program, placement: Placement, raster: ArrayLike, prices: MeshPrices | None = None) -> MeshRun:
    """Count the first sample of a raster on the mesh of a placement."""
    sends = sends_of(program, placement, raster)
    return counted(program, placement, sends, mesh_prices(placement.target) if prices is None else prices)


def counted(program: Program, placement: Placement, sends: Sends, prices: MeshPrices) -> MeshRun:
    """Count a run that has been made."""
    played = play(program, placement, sends)
    slow = np.maximum(_neurons_ns(played, prices), _messages_ns(played, prices))
    tiles = len(np.unique(placement.mesh.tiles[[core.place for core in placement.cores]], axis=0))
    synops = sum(played.synops.values(), np.zeros_like(played.fired)).sum(axis=1)
    sums = zip(
        played.arrived.sum(axis=1).tolist(),
        played.host.sum(axis=1).tolist(),
        (played.across + played.down).tolist(),
        synops.tolist(),
        slow.argmax(axis=1).tolist(),
        slow.max(axis=1).tolist(),
        strict=True,
    )
    steps = [
        MeshStep(
            messages=messages,
            host_messages=host,
            hops=hops,
            synops=met,
            slowest=placement.cores[core].place,
            slowest_s=ns * 1e-9,
            barrier_s=prices.barrier(tiles) * 1e-9,
        )
        for messages, host, hops, met, core, ns in sums
    ]
    return MeshRun(
        by="counting",
        note=NOTE,
        spikes=int(played.fired.sum()),
        steps=tuple(steps),
        energy_pj=_energy_pj(played, prices),
    )


def _neurons_ns(played: CoreEvents, prices: MeshPrices) -> NDArray[np.float64]:
    active = played.fired + played.idle
    own = played.neurons * prices.access.ns + active * prices.update.ns + played.fired * prices.spike.ns
    return np.asarray(own + played.sent * prices.message_out.ns)


def _messages_ns(played: CoreEvents, prices: MeshPrices) -> NDArray[np.float64]:
    looked_up = sum((n * prices.synop[name].ns for name, n in played.synops.items()), np.zeros(played.fired.shape))
    return np.asarray((played.arrived + played.host) * prices.message_in.ns + looked_up)


def _energy_pj(played: CoreEvents, prices: MeshPrices) -> dict[str, float]:
    fired, active = int(played.fired.sum()), int((played.fired + played.idle).sum())
    accesses = int(played.neurons.sum()) * len(played.fired)
    arrived = int((played.arrived + played.host).sum()) * prices.message_in.pj
    return {
        "synapse": sum(int(n.sum()) * prices.synop[name].pj for name, n in played.synops.items()),
        "soma": accesses * prices.access.pj + active * prices.update.pj + fired * prices.spike.pj,
        "messages": int(played.sent.sum()) * prices.message_out.pj + arrived,
        "hops": int(played.across.sum()) * prices.hop_across.pj + int(played.down.sum()) * prices.hop_down.pj,
    }
