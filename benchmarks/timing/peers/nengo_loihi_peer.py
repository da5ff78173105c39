"""nengo-loihi's emulator, given the blocks that its builder would make, with the Program's own integers.

Its builder would scale weights and thresholds in its own way, and would refuse layers that exceed a core: the emulator
itself takes any block of integers. The samples are streamed without a reset between them.
"""

import time
import warnings
from typing import Any

import numpy as np
from contest import Task, repeated, say, task
from unrolled import shape_after, synapses

warnings.filterwarnings("ignore")  # nengo's, about versions of numpy
from nengo_loihi.block import Axon, LoihiBlock, Synapse  # noqa: E402
from nengo_loihi.builder import Model  # noqa: E402
from nengo_loihi.emulator import EmulatorInterface  # noqa: E402
from nengo_loihi.inputs import SpikeInput  # noqa: E402

LIMIT = (1 << 23) - 1


def build(todo: Task) -> Any:
    model, shape = Model(), todo.raster.shape[2:]
    source: Any = SpikeInput(int(np.prod(shape)))
    for t, spikes in enumerate(todo.raster.reshape(-1, source.n_neurons)):
        source.add_spikes(t + 1, np.flatnonzero(spikes))
    model.add_input(source)
    for layer in todo.layers:
        block = LoihiBlock(int(np.prod(shape_after(layer, shape))))
        neurons = block.compartment
        neurons.vmin, neurons.vmax, neurons.scale_u = -LIMIT, LIMIT, False
        for name, value in {"vth": layer.vth << 6, "decay_u": 2047, "decay_v": 410, "bias": 0}.items():
            setattr(neurons, name, np.full(block.n_neurons, value, dtype=np.int32))
        neurons.refract_delay[:] = 1
        weights, targets, sources = synapses(layer, shape)
        order = np.argsort(sources, kind="stable")
        cuts = np.cumsum(np.bincount(sources, minlength=int(np.prod(shape))))[:-1]
        synapse = Synapse(int(np.prod(shape)))
        synapse._set_weights_indices(
            np.split(weights[order] << 6, cuts), np.split(targets[order], cuts), weight_dtype=np.int32
        )
        synapse.format(weight_exp=0)
        block.add_synapse(synapse)
        axon = Axon(synapse.n_axons)
        axon.target = synapse
        source.add_axon(axon)
        model.add_block(block)
        source, shape = block, shape_after(layer, shape)
    return EmulatorInterface(model, seed=0), block.n_neurons


def main() -> None:
    todo = task()
    emulator, outputs = build(todo)
    steps = todo.raster.shape[1]
    took = repeated(lambda: emulator.run_steps(steps), todo.seconds, time.process_time, most=len(todo.raster))
    row = {
        "form": "emulator",
        "batch": 1,
        "arithmetic": "fixed point",
        "note": "",
        "seconds_per_sample": min(took),
        "repeats": len(took),
        "clock": "CPU time of the process",
        "readout_v": emulator.compartment.voltage[-outputs:].tolist(),
        "readout_steps": steps * len(took) - len(todo.layers),
    }
    say([row])


if __name__ == "__main__":
    main()
