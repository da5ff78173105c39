"""nengo-loihi's emulator: a block for each population, weights made by its own `discretize_weights`.

A population runs alone, over all steps: input takes a step to arrive, so the states are put back to what they are
before step 0 once it has come. Overflows are taken, not refused (``strict`` is off).
"""

import warnings
from typing import Any

import numpy as np
from served import Neurons, serve_whole

warnings.filterwarnings("ignore")  # nengo's: versions of numpy, overflows
from nengo_loihi.block import Axon, LoihiBlock, Synapse  # noqa: E402
from nengo_loihi.builder import Model  # noqa: E402
from nengo_loihi.builder.discretize import discretize_weights  # noqa: E402
from nengo_loihi.emulator import EmulatorInterface  # noqa: E402
from nengo_loihi.inputs import SpikeInput  # noqa: E402

LIMIT, NEVER, EIGHT_BITS, MIXED, ONE_SIGN = (1 << 23) - 1, 1 << 30, 7, 1, 0


def population(p: Neurons, heard: list[Any]) -> Any:
    model, block = Model(), LoihiBlock(p.size)
    r, compartment = p.registers, block.compartment
    compartment.vmin, compartment.vmax, compartment.scale_u = -LIMIT, LIMIT, False
    vth = r["vth"] << 6 if p.facts["fires"] else np.full(p.size, NEVER)
    for name, value in {"vth": vth, "decay_u": r["du"], "decay_v": r["dv"], "bias": r["bias"]}.items():
        setattr(compartment, name, np.asarray(value, dtype=np.int32))
    compartment.refract_delay = np.full(p.size, 1 + p.facts["refractory"], dtype=np.int32)
    steps = next((len(h) for h in heard if h is not None), p.facts["steps"])
    for link, messages in zip(p.links, heard, strict=True):
        synapse = _synapse(link)
        block.add_synapse(synapse)
        source: Any = block
        if messages is not None:
            source = SpikeInput(link.matrix.shape[1])
            for t, sent in enumerate(messages):
                source.add_spikes(t + 1, np.flatnonzero(sent))
            model.add_input(source)
        axon = Axon(synapse.n_axons)
        axon.target = synapse
        source.add_axon(axon)
    model.add_block(block)
    emulator = EmulatorInterface(model, seed=0)
    emulator.strict = False
    for state in (emulator.compartment, emulator.synapses):
        state.strict = False
    emulator.run_steps(1)
    state = emulator.compartment
    state.current[:], state.voltage[:], state.spiked[:], state.ref_count[:] = r["u0"], r["v0"], False, 0
    made: Any = ([], [], [])
    for _ in range(steps):
        emulator.run_steps(1)
        for kept, values in zip(made, (state.spiked, state.current, state.voltage), strict=True):
            kept.append(values.copy())
    return tuple(np.array(kept) for kept in made)


def _synapse(link: Any) -> Any:
    weights = link.matrix.T  # axon neuron
    synapse = Synapse(len(weights))
    mixed = (weights < 0).any() and (weights > 0).any()
    made = [np.zeros(weights.shape[1], dtype=np.float32) for _ in weights]
    synapse._set_weights_indices(made, [np.arange(weights.shape[1]) for _ in weights], weight_dtype=np.float32)
    synapse.format(weight_exp=link.exponent, weight_bits=EIGHT_BITS, fanout_type=MIXED if mixed else ONE_SIGN)
    synapse.weights = [discretize_weights(synapse.synapse_cfg, row[None].astype(np.float64)) for row in weights]
    return synapse


if __name__ == "__main__":
    serve_whole(population)
