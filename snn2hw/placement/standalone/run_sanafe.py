"""Replay spikes on SANA-FE's mesh, in its own environment: reads JOB.json and ARCH.yaml, prints one line of JSON.

Every neuron is one that plays its recorded spikes; its synapses have weight 0, since such a neuron takes no current.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import sanafe


def replay(job: dict[str, Any], architecture: str) -> dict[str, Any]:
    """Return what SANA-FE counts and prices."""
    arch = sanafe.load_arch(architecture)
    network = sanafe.Network()
    units: dict[tuple[int, int, str], int] = defaultdict(int)
    groups = {described["name"]: _group(network, arch, described, units) for described in job["groups"]}
    for source, target, encoding, pairs in job["edges"]:
        senders, readers = groups[source].neurons, groups[target].neurons
        for reader in {reader for _, reader in pairs}:  # a synapse lies in the unit that its neuron names at the time
            readers[reader].set_attributes(default_synapse_hw_name=encoding)
        for sender, reader in pairs:
            senders[sender].connect_to_neuron(readers[reader], {"weight": 0.0})
    chip = sanafe.SpikingChip(arch)
    chip.load(network)
    found = chip.sim(job["steps"], timing_model="simple", message_trace=True, perf_trace=True)
    energy = {name: joules for name, joules in found["energy"].items() if name != "total"}
    host = {described["name"] for described in job["groups"] if described["unit"] == "sender"}
    silent = sum(len(d["spikes"]) for d in job["groups"] if d["unit"] != "replayed" for d in d["neurons"])
    return {
        "energy": energy,
        "spikes": found["neurons_fired"] - silent,
        "steps": [
            _step(messages, host, synops, time_s)
            for messages, synops, time_s in zip(
                found["message_trace"], found["perf_trace"]["spikes"], found["perf_trace"]["sim_time"], strict=True
            )
        ],
    }


def _group(network: Any, arch: Any, described: dict[str, Any], units: dict[tuple[int, int, str], int]) -> Any:
    """Make one group; every neuron takes the next soma of its kind in its core."""
    unit, neurons = described["unit"], described["neurons"]
    names = {"default_dendrite_hw_name": "dendrites", "soma_hw_name": f"{unit}[0]"}
    synapses = "none" if unit == "sender" else "dense"
    group = network.create_neuron_group(described["name"], len(neurons), default_synapse_hw_name=synapses, **names)
    for number, neuron in enumerate(neurons):
        tile, core = neuron["at"]
        train = [False] * described["steps"]
        for step in neuron["spikes"]:
            train[step] = True
        mapped = group.neurons[number]
        mapped.set_attributes(soma_hw_name=f"{unit}[{units[tile, core, unit]}]", model_attributes={"spikes": train})
        units[tile, core, unit] += 1
        mapped.map_to_core(arch.tiles[tile].cores[core])
    return group


def _step(messages: list[dict[str, Any]], host: set[str], synops: int, time_s: float) -> dict[str, Any]:
    """Sum the messages of one step; a placeholder is the time of neurons that send nothing."""
    sending: dict[tuple[int, int], float] = defaultdict(float)
    reading: dict[tuple[int, int], float] = defaultdict(float)
    counted = {"messages": 0, "host": 0, "across": 0, "down": 0}
    for m in messages:
        sending[m["src_tile_id"], m["src_core_offset"]] += m["generation_delay"]
        if m["placeholder"]:
            continue
        reading[m["dest_tile_id"], m["dest_core_offset"]] += m["processing_delay"]
        counted["host" if m["src_neuron_group_id"] in host else "messages"] += 1
        counted["across"] += abs(m["src_x"] - m["dest_x"])
        counted["down"] += abs(m["src_y"] - m["dest_y"])
    times = {core: max(sending[core], reading[core]) for core in {*sending, *reading}}
    slowest = max(times, key=lambda core: times[core])
    return {**counted, "synops": synops, "slowest": slowest, "slowest_s": times[slowest], "time_s": time_s}


if __name__ == "__main__":
    print(json.dumps(replay(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])))
