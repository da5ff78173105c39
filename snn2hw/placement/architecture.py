"""SANA-FE's description of a mesh, written from a placement: its tiles, its cores, and what an event costs there.

Every neuron plays its recorded spikes in a soma of its own (`replayed`). Such a soma costs an update only where it
fires, so neurons that are active in silence are played by somata that do nothing else (`silent`): as many in a core as
are active at once. The host sends from a core of its own in every tile, at no cost and over no hop.
"""

from snn2hw.placement.mesh import CORES_PER_TILE, Mesh
from snn2hw.placement.mesh_prices import EventPrice, MeshPrices

__all__ = ["HOST", "Units", "architecture"]

HOST = CORES_PER_TILE
"""The number of the host's core in a tile."""

Units = tuple[int, int, int]
"""Somata in every core of neurons, of neurons active in silence, and of what the host sends in a tile."""


def architecture(mesh: Mesh, units: Units, prices: MeshPrices) -> str:
    """Return the description as YAML."""
    barrier = ", ".join(f"{tiles}: {_number(ns, 1e-9)}" for tiles, ns in prices.barrier_ns.items())
    width = mesh.width * mesh.chips
    replayed, silent, host = (max(n, 1) for n in units)
    spike, update, access = prices.spike, prices.update, prices.access
    free = EventPrice(0.0, 0.0)
    return f"""architecture:
  name: mesh
  attributes: {{topology: mesh, width: {width}, height: {mesh.height}, link_buffer_size: 16,
               sync_model: table, latency_sync: {{{barrier}}}}}
  tile:
    - name: tile[0..{width * mesh.height - 1}]
      attributes: {{{_hops(prices)}}}
      core:
        - name: core[0..{CORES_PER_TILE - 1}]
          attributes: {{buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: {replayed + silent}}}
          axon_in: [{{name: in, attributes: {{{_priced(prices.message_in, "message_in")}}}}}]
          synapse:
{_synapses(prices)}
          dendrite: [{{name: dendrites, attributes: {{model: accumulator, {_priced(free, "update")}}}}}]
          soma:
            - {{name: "replayed[0..{replayed - 1}]", attributes: {{model: input, {_soma(access, update, spike)}}}}}
            - {{name: "silent[0..{silent - 1}]", attributes: {{model: input, {_soma(free, update, free)}}}}}
          axon_out: [{{name: out, attributes: {{{_priced(prices.message_out, "message_out")}}}}}]
        - name: host
          attributes: {{buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: {host}}}
          axon_in: [{{name: in, attributes: {{{_priced(free, "message_in")}}}}}]
          synapse: [{{name: none, attributes: {{model: current_based, {_priced(free, "process_spike")}}}}}]
          dendrite: [{{name: dendrites, attributes: {{model: accumulator, {_priced(free, "update")}}}}}]
          soma:
            - {{name: "sender[0..{host - 1}]", attributes: {{model: input, {_soma(free, free, free)}}}}}
          axon_out: [{{name: out, attributes: {{{_priced(free, "message_out")}}}}}]
"""


def _number(value: float, unit: float) -> str:
    return f"{value * unit:.9e}"


def _priced(event: EventPrice, name: str) -> str:
    return f"energy_{name}: {_number(event.pj, 1e-12)}, latency_{name}: {_number(event.ns, 1e-9)}"


def _soma(access: EventPrice, update: EventPrice, spike: EventPrice) -> str:
    events = ((access, "access_neuron"), (update, "update_neuron"), (spike, "spike_out"))
    return ", ".join(_priced(event, name) for event, name in events)


def _hops(prices: MeshPrices) -> str:
    ways = {"east": prices.hop_across, "west": prices.hop_across, "north": prices.hop_down, "south": prices.hop_down}
    return ", ".join(_priced(event, f"{way}_hop") for way, event in ways.items())


def _synapses(prices: MeshPrices) -> str:
    return "\n".join(
        f"            - {{name: {name}, attributes: {{model: current_based, {_priced(event, 'process_spike')}}}}}"
        for name, event in prices.synop.items()
    )
