"""brian2-loihi, code generation to numpy; weights must be even, so odd ones are rounded down.

The samples are streamed without a reset between them.
"""

import time

import numpy as np
from brian2 import prefs
from brian2_loihi import LoihiNetwork, LoihiNeuronGroup, LoihiSpikeGeneratorGroup, LoihiSynapses, synapse_sign_mode
from contest import repeated, say, task
from unrolled import shape_after, synapses

FEW = 16
"""Samples that are streamed at most: the times of all input spikes are given in advance."""


def main() -> None:
    prefs.codegen.target = "numpy"
    todo = task()
    raster, shape = todo.raster[:FEW], todo.raster.shape[2:]
    times, neurons = np.nonzero(raster.reshape(-1, int(np.prod(shape))))
    source = LoihiSpikeGeneratorGroup(int(np.prod(shape)), neurons, times)
    objects = [source]
    for layer in todo.layers:
        weights, targets, sources = synapses(layer, shape)
        shape = shape_after(layer, shape)
        group = LoihiNeuronGroup(int(np.prod(shape)), 1, threshold_v_mant=layer.vth, decay_v=410, decay_I=2048)
        wires = LoihiSynapses(source, group, sign_mode=synapse_sign_mode.MIXED)
        wires.connect(i=sources, j=targets)
        wires.w = weights // 2 * 2
        objects += [group, wires]
        source = group
    network = LoihiNetwork(*objects)
    network.run(0)  # what it generates before it runs
    steps = raster.shape[1]
    took = repeated(lambda: network.run(steps), todo.seconds, time.process_time, most=len(raster))
    row = {
        "form": "numpy",
        "batch": 1,
        "arithmetic": "fixed point",
        "note": "odd weights rounded down",
        "seconds_per_sample": min(took),
        "repeats": len(took),
        "clock": "CPU time of the process",
    }
    say([row])


if __name__ == "__main__":
    main()
