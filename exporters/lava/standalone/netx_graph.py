"""A `.net` file as lava-dl's NetX reads it: built, run, and every spike, u and v brought back to local time.

Needs lava-nc, lava-dl, h5py and numpy, and knows nothing of what made the file.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import lava_graph  # (before anything of lava's)
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.source import RingBuffer

__all__ = ["check", "read_network", "run_network"]

Plan = dict[str, Any]
Result = dict[str, Any]

UNUSED = (
    "lava.lib.dl.slayer",
    "lava.lib.dl.slayer.neuron",
    "lava.lib.dl.slayer.neuron.rf",
    "lava.lib.dl.netx.sequential_modules",
)
"""What NetX imports for resonators and for training, with torch; reading a network of CUBA neurons uses none of it."""


def _import_reader() -> Any:
    """Import NetX with empty packages in the place of those that it does not use here."""
    for name in UNUSED:
        empty = ModuleType(name)
        empty.__path__ = []
        sys.modules.setdefault(name, empty)
    sys.modules[UNUSED[2]].__dict__.setdefault("neuron_params", None)
    from lava.lib.dl.netx import hdf5

    return hdf5


def check() -> None:
    """Raise unless lava-dl can be imported as this module does."""
    _import_reader()


def read_network(path: Path, steps: int, message_bits: int) -> Any:
    """Return lava-dl's process of a file, whose layers begin a sample of ``steps`` steps one after the other.

    Its first layer hears of an input in step 1, counted from 0, and so does not begin before.
    """
    reader = _import_reader().Network
    network = reader(net_config=str(path), input_message_bits=message_bits, reset_interval=steps, reset_offset=1)
    network.net_config.f.close()  # lava-dl keeps the file open, and with that locked
    return network


def run_network(plan: Plan, path: Path, raster: Any, folder: Path, *, poll: Callable[[], None] | None = None) -> Result:
    """Run (B, T, *input shape); return spikes.NAME, u.NAME and v.NAME as (B, T, *shape).

    All samples run as one stream if the plan allows it, else each on a network of its own.
    """
    batches = [raster] if plan["streams"] else [raster[b : b + 1] for b in range(len(raster))]
    parts = [_run(plan, path, batch, folder, poll or (lambda: None)) for batch in batches]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _run(plan: Plan, path: Path, raster: Any, folder: Path, poll: Callable[[], None]) -> Result:
    timing = lava_graph.Timing(plan, *raster.shape[:2])
    network = read_network(path, timing.steps, plan["input"]["message_bits"])
    if len(network.layers) != len(plan["populations"]):
        raise lava_graph.GraphError(f"{path}: {len(network.layers)} layers for {len(plan['populations'])} populations")
    source = _source(network, raster, plan["input"]["shape"], timing)
    source.s_out.connect(network.inp)
    for index, (layer, population) in enumerate(zip(network.layers, plan["populations"], strict=True)):
        shape = lava_graph.lava_shape(population["layer_shape"])
        lava_graph.record(layer.neuron, shape, timing, folder / f"{index}.npy")
    # named here, because Lava's search for a process's model would import all of NetX, and with it torch
    models = {network: _import_reader().PyNetworkModel}
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)
    network.run(condition=RunSteps(num_steps=timing.duration, blocking=False), run_cfg=config)
    lava_graph.wait(network.runtime, poll)
    network.stop()
    result: Result = {}
    for index, population in enumerate(plan["populations"]):
        lava_graph.collect({**population, "shape": population["layer_shape"]}, timing, folder, index, result)
        for what in ("spikes", "u", "v"):
            name = f"{what}.{population['name']}"
            result[name] = result[name].reshape(*raster.shape[:2], *population["shape"])
    return result


def _source(network: Any, raster: Any, shape: list[int], timing: Any) -> Any:
    """Return what feeds the network: a first layer that is dense reads the messages flat, in C order."""
    if len(network.inp.shape) == 1:
        raster, shape = raster.reshape(*raster.shape[:2], -1), [int(np.prod(shape))]
    return RingBuffer(data=lava_graph.stream(raster, shape, timing))
