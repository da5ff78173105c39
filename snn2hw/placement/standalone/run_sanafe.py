"""Replay spikes on SANA-FE's mesh, in its own environment: reads JOB.json and ARCH.yaml, prints one line of JSON.

Every neuron is one that plays its recorded spikes; its synapses have weight 0, since such a neuron takes no current.
"""

import json
import sys
from pathlib import Path
from typing import Any

import sanafe


def replay(job: dict[str, Any], architecture: str) -> dict[str, Any]:
    """Return what SANA-FE counts and prices."""
    arch = sanafe.load_arch(architecture)
    network = sanafe.Network()
    cores = [core for tile in arch.tiles for core in tile.cores]
    units, groups = [0] * len(cores), {}
    for described in job["groups"]:
        names = {
            "default_synapse_hw_name": "synapses",
            "default_dendrite_hw_name": "dendrites",
            "soma_hw_name": "replayed[0]",
        }
        group = network.create_neuron_group(described["name"], len(described["core"]), **names)
        groups[described["name"]] = group
        for number, (core, spikes) in enumerate(zip(described["core"], described["spikes"], strict=True)):
            neuron = group.neurons[number]
            played = {"spikes": [bool(spike) for spike in spikes]}
            neuron.set_attributes(soma_hw_name=f"replayed[{units[core]}]", model_attributes=played)
            units[core] += 1
            neuron.map_to_core(cores[core])
    for source, sender, target, reader in job["edges"]:
        groups[source].neurons[sender].connect_to_neuron(groups[target].neurons[reader], {"weight": 0.0})
    chip = sanafe.SpikingChip(arch)
    chip.load(network)
    found = chip.sim(job["steps"], timing_model="simple")
    kept = ("packets_sent", "neurons_fired", "spikes", "sim_time", "energy")
    return {name: found[name] for name in kept}


if __name__ == "__main__":
    print(json.dumps(replay(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])))
