"""SANA-FE's leaky_integrate_fire: a population alone on one core, its sources neurons that play what was sent.

Its potential has steps of 1/64, which are the program's v; it has no synaptic current, so u is what arrived. Input
takes a step to arrive.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sanafe
from served import Neurons, serve_whole

ARCHITECTURE = """
architecture:
  name: one
  attributes: {topology: mesh, width: 1, height: 1, link_buffer_size: 16, sync_model: fixed, latency_sync: 0.0}
  tile:
    - name: tile[0..0]
      attributes: {energy_north_hop: 0.0, latency_north_hop: 0.0, energy_east_hop: 0.0, latency_east_hop: 0.0,
                   energy_south_hop: 0.0, latency_south_hop: 0.0, energy_west_hop: 0.0, latency_west_hop: 0.0}
      core:
        - name: core[0..0]
          attributes: {buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: 100000}
          axon_in: [{name: axons, attributes: {energy_message_in: 0.0, latency_message_in: 0.0}}]
          synapse: [{name: synapses, attributes: {model: current_based, energy_process_spike: 0.0,
                                                  latency_process_spike: 0.0}}]
          dendrite: [{name: dendrites, attributes: {model: accumulator, energy_update: 0.0, latency_update: 0.0}}]
          soma:
            - name: lif
              attributes: {model: leaky_integrate_fire, energy_access_neuron: 0.0, latency_access_neuron: 0.0,
                           energy_update_neuron: 0.0, latency_update_neuron: 0.0, energy_spike_out: 0.0,
                           latency_spike_out: 0.0}
            - name: played[0..8191]
              attributes: {model: input, energy_access_neuron: 0.0, latency_access_neuron: 0.0,
                           energy_update_neuron: 0.0, latency_update_neuron: 0.0, energy_spike_out: 0.0,
                           latency_spike_out: 0.0}
          axon_out: [{name: out, attributes: {energy_message_out: 0.0, latency_message_out: 0.0}}]
"""
RESETS = {"zero": "hard", "subtract": "soft", "none": "none"}
NAMES = {"default_synapse_hw_name": "synapses", "default_dendrite_hw_name": "dendrites"}


def population(p: Neurons, heard: list[Any]) -> Any:
    steps, r = p.facts["steps"], p.registers
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder, "one.yaml")
        described.write_text(ARCHITECTURE)
        arch = sanafe.load_arch(str(described))
    core = arch.tiles[0].cores[0]
    network, played = sanafe.Network(), 0
    group = network.create_neuron_group("group", p.size, soma_hw_name="lif", **NAMES)
    for n, neuron in enumerate(group.neurons):
        rules = {
            "threshold": float(r["vth"][n]) if p.facts["fires"] else 1e12,
            "leak_decay": 1 - float(r["dv"][n]) / 4096,
            "bias": float(r["bias"][n]) / 64,
            "reset_mode": RESETS[p.facts["reset"]],
            "reset": 0.0,
        }
        neuron.set_attributes(model_attributes=rules, log_spikes=True, log_potential=True)
        neuron.map_to_core(core)
    arriving = np.zeros((steps, p.size))
    for k, (link, messages) in enumerate(zip(p.links, heard, strict=True)):
        senders = group
        if messages is not None:
            arriving += messages @ (link.matrix * 2.0**link.exponent).T
            senders = network.create_neuron_group(f"source{k}", link.matrix.shape[1], soma_hw_name="played[0]", **NAMES)
            for n, neuron in enumerate(senders.neurons):
                neuron.set_attributes(
                    soma_hw_name=f"played[{played}]",
                    model_attributes={"spikes": [bool(x) for x in messages[:, n]]},
                )
                neuron.map_to_core(core)
                played += 1
        for target, source in zip(*np.nonzero(link.matrix), strict=True):
            weight = float(link.matrix[target, source] * 2.0**link.exponent)
            senders.neurons[int(source)].connect_to_neuron(group.neurons[int(target)], {"weight": weight})
    chip = sanafe.SpikingChip(arch)
    chip.load(network)
    found = chip.sim(steps + 1, timing_model="simple", spike_trace=True, potential_trace=True)
    return _read(found, p.size, steps, arriving)


def _read(found: Any, size: int, steps: int, arriving: Any) -> Any:
    potential = np.asarray(found["potential_trace"], dtype=np.float64)
    spikes = np.zeros((steps + 1, size))
    for t, sent in enumerate(found["spike_trace"]):
        for address in sent:
            if address.group_name == "group":
                spikes[t, address.neuron_offset] = 1
    return spikes[1:], arriving * 64, potential[1:, :size] * 64


if __name__ == "__main__":
    serve_whole(population)
