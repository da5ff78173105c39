"""brian2-loihi: a neuron group for each population, which runs alone over all steps; code generation to numpy."""

from typing import Any

import numpy as np
from brian2 import StateMonitor, prefs
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiStateMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)
from served import Neurons, serve_whole


def population(p: Neurons, heard: list[Any]) -> Any:
    steps = p.facts["steps"]
    vth, dv, du = (int(p.registers[name][0]) for name in ("vth", "dv", "du"))
    group = LoihiNeuronGroup(p.size, p.facts["refractory"] + 1, threshold_v_mant=vth, decay_v=dv, decay_I=du + 1)
    objects: list[Any] = [group]
    for link, messages in zip(p.links, heard, strict=True):
        source: Any = group
        if messages is not None:
            times, neurons = np.nonzero(messages)
            source = LoihiSpikeGeneratorGroup(link.matrix.shape[1], neurons, times)
            objects.append(source)
        targets, sources = np.nonzero(np.ones_like(link.matrix))
        weights = link.matrix.astype(int)
        signs = synapse_sign_mode.EXCITATORY if (weights >= 0).all() else synapse_sign_mode.INHIBITORY
        if (weights > 0).any() and (weights < 0).any():
            signs = synapse_sign_mode.MIXED
        wires = LoihiSynapses(source, group, sign_mode=signs, w_exp=link.exponent)
        wires.connect(i=sources, j=targets)
        wires.w = weights[targets, sources]
        objects.append(wires)
    # its own monitor reads I before the synapses of a step are; what moves v stands there after them
    current = StateMonitor(group, "I", record=True, when="groups", order=-1)
    voltage = LoihiStateMonitor(group, "v")
    fired = LoihiSpikeMonitor(group)
    LoihiNetwork(*objects, current, voltage, fired).run(steps)
    spikes = np.zeros((steps, p.size))
    spikes[np.asarray(fired.t).astype(int), np.asarray(fired.i)] = 1
    return spikes, np.asarray(current.I).T, np.asarray(voltage.v).T


if __name__ == "__main__":
    prefs.codegen.target = "numpy"
    serve_whole(population)
