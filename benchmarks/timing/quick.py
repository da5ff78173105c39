"""The short measurement: the reference network, the add peak of this machine, Norse and Lava, in one run.

Peers run in processes of their own while the kernels are compiled, which a cold cache makes long; what is compared is
CPU time. Our own measurement waits until no peer runs.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from timing.add_peak import add_peak
from timing.contestants import PEERS, best, compete
from timing.machine import describe
from timing.networks import Net, inputs, reference_net
from timing.ours import measure as measure_ours
from timing.ours import warm_up
from timing.task_file import write_task

__all__ = ["SCHEMA", "measure"]

SCHEMA = "snn2hw.benchmark.speed/1"
DISTINCT = 64
"""Different inputs, so that no branch predictor has seen the spikes before."""
FOR_PEERS = 256
BUDGET = 45.0
"""Seconds for all of it; a machine with other work to do takes a little longer."""
OWN = 3.0
"""Seconds for our own measurement."""
NORSE, LAVA = 13.0, 4.0
"""Seconds of measuring for the peers, without what they take to start."""
LAVA_SHARE = 14.0
"""Seconds that are left to Lava, starting included."""
LAVA_FORMS = ("sparse-graded", "sparse")
"""Its Conv takes ten times as long: left to the full benchmark."""


def measure(
    make: Callable[[], Net] = reference_net, *, norse: float = NORSE, lava: float = LAVA, own: float = OWN
) -> dict[str, Any]:
    """Return what ``--quick`` writes."""
    start = time.perf_counter()
    net = make()
    raster = inputs(net.program, FOR_PEERS)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as aside:
        compiled = aside.submit(warm_up, net.program, raster)
        task = Path(folder) / "task.npz"
        write_task(task, net, raster)

        def left() -> float:
            return max(1.0, BUDGET - 2 * own - (time.perf_counter() - start))

        norse_said = compete(PEERS["norse"], task, norse, limit=left() - LAVA_SHARE)
        lava_said = compete(PEERS["lava"], task, lava, limit=left(), forms=LAVA_FORMS)
        compiled.result()
    result = against(net, raster[:DISTINCT], {"norse": norse_said, "lava": lava_said}, own)
    seconds = time.perf_counter() - start
    return {"schema": SCHEMA, "machine": describe(), "seconds": seconds, f"{net.name}_net": result}


def against(net: Net, raster: Any, peers: dict[str, dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Measure ours and the peak, and put the peers' best beside them: null, and a reason, where there is none."""
    ours, peak = measure_ours(net.program, raster, seconds), add_peak()
    per_sample = ours["seconds_per_sample"]

    def times(name: str, *forms: str) -> float | None:
        row = best(peers[name], *forms)
        return None if row is None else row["seconds_per_sample"] / per_sample

    return {
        **ours,
        "add_peak_per_s": peak,
        "add_peak_fraction": ours["adds_per_s"] / peak,
        "vs_norse_best_batch": times("norse", "trained"),
        "vs_norse_best_batch_folded": times("norse", "folded"),
        "vs_lava_best": times("lava"),
        "vs_lava_best_of_spike_messages": times("lava", "sparse", "conv"),
        "peers": peers,
        "reasons": {name: said["reason"] for name, said in peers.items() if said["reason"]},
    }
