"""What comes nearest on a chip that lacks something, and what it costs: orders of events said in other words.

A chip that only resets to a value (Loihi 1) can keep a residue all the same, where no synaptic filter needs the current
register. The membrane then lives in that register, which a reset leaves alone, and v forgets everything in a step:

    v = (1 - a) v + a r x + a v_leak;    z = v > theta;    v = v - theta z
    i = (1 - a) i + x - (1 - a) theta / (a r) z[t - 1];    w = a r i;    z = w > theta - v_leak

With w = v - v_leak both fire in the same steps: the subtraction is an inhibition of the neuron by itself one step
later, a synapse a neuron and a synop a spike. The chip's own registers miss it by a 4096th, as `decay_error` says: of
v, which keeps so much, and of an integrator, whose current loses so much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.arithmetic import DECAY_ONE
from sim.program import Program
from sim.trace import Counts
from snn2hw.chips.target import Target
from snn2hw.network.lowering import network_of
from snn2hw.network.maps import Diagonal, Float
from snn2hw.network.network import ADDED, FloatLayer, Link, Network
from snn2hw.network.neurons import Leak, Membrane, Spiking
from snn2hw.network.registers import RESETS, RealMachine, real_machine

if TYPE_CHECKING:
    from snn2hw.sources.source import Source

__all__ = ["REWRITTEN", "Rewrite", "added_by_rewrite", "machine_for", "nearest", "rewritten"]

REWRITTEN = "rewritten"
"""Where a program's record names the connections that are not the network's own: population to places."""


@dataclass(frozen=True, eq=False)
class Rewrite:
    """One layer in words that a chip has.

    Args:
        layer: what stands for it.
        what: what was done, for messages.
        exact: whether it fires in the same steps in real numbers.
        added: synapses that it takes beside the network's own.
    """

    layer: FloatLayer
    what: str
    exact: bool
    added: int

    def __str__(self) -> str:
        """Return what was done, and what it costs."""
        cost = f"{self.added:,} synapses more, a synop more for every spike" if self.added else "no synapse more"
        return f"{self.what}; {cost}; {'the same spikes' if self.exact else 'nearly the same spikes'}"


def machine_for(source: "Source", target: Target, *, rewrite: bool) -> RealMachine:
    """Return the machine of a Source, in the words of ``target`` where asked to ``rewrite``."""
    network = network_of(source)
    return real_machine(rewritten(network, target)[0] if rewrite else network)


def rewritten(network: Network, target: Target) -> tuple[Network, Sequence[Rewrite]]:
    """Return the network with everything that ``target`` lacks said in other words where there are any."""
    made = {layer.name: nearest(layer, target) for layer in network.layers}
    layers = tuple(layer if (new := made[layer.name]) is None else new.layer for layer in network.layers)
    done = [new for new in made.values() if new is not None]
    notes = tuple(f"rewritten: node {new.layer.name!r}: {new}" for new in done)
    return replace(network, layers=layers, notes=(*network.notes, *notes)), done


def nearest(layer: FloatLayer, target: Target) -> Rewrite | None:
    """Return what stands for a layer on a chip that lacks something of it; None where nothing is lacking, or known."""
    neuron = layer.neuron
    if not isinstance(neuron, Spiking):
        return None
    made = None
    if neuron.spikes_per_step == "many" and target.most("most") == 1:
        layer = replace(layer, neuron=replace(neuron, spikes_per_step="one"))
        made = Rewrite(layer, "sends one spike a step, and the others in the steps after it", exact=False, added=0)
    if RESETS[neuron.reset] in target.resets:
        return made
    kept = _kept_in_the_current(layer, target)
    if kept is None or made is None:
        return kept
    return Rewrite(kept.layer, f"{made.what}; {kept.what}", exact=False, added=kept.added)


def added_by_rewrite(program: Program, counts: Counts) -> list[str]:
    """Return, as a note, how many synops of a run are those that a rewrite added; [] where there are none."""
    said = program.record.get(REWRITTEN)
    if not isinstance(said, Mapping):
        return []
    added = {
        name: [synops.mean() for i, synops in enumerate(counts.synops_by_connection[name]) if i in places]
        for name, places in said.items()
        if name in counts.synops_by_connection and isinstance(places, Sequence)
    }
    synops = sum(float(mean) for means in added.values() for mean in means)
    return [f"{synops:,.1f} synops of an inference are the rewrite's, not the network's ({', '.join(added)})"]


def _kept_in_the_current(layer: FloatLayer, target: Target) -> Rewrite | None:
    """Return the layer with its membrane in the current register; None where that says something else.

    A synapse needs that register itself, a rest holds v, and a start away from the rest would have to be kept in u.
    """
    neuron = layer.neuron
    if not isinstance(neuron, Spiking) or "zero" not in target.resets or target.arithmetic != "loihi":
        return None
    membrane, subtracts = neuron.membrane, neuron.reset == "subtract"
    plain = membrane.synapse is None and not neuron.refractory and neuron.residue == "kept"
    if not plain or (membrane.leak is not None and (membrane.v0 != membrane.v_leak).any()):
        return None
    if membrane.leak is not None and not (membrane.leak.share > 0).all():
        return None
    links = (*layer.links, _inhibition(layer, neuron)) if subtracts else layer.links
    new = replace(
        neuron,
        membrane=_in_the_current(membrane),
        threshold=neuron.threshold - membrane.v0,
        v_reset=np.zeros_like(neuron.threshold),
        reset="value",
        reset_at="before_decay" if neuron.sends_the_past else "spike",
    )
    done = "subtracts by inhibiting itself one step later" if subtracts else "does not reset"
    what = f"{done}, with its membrane in the current register"
    if membrane.leak is None:
        what = f"{what}, which loses 1/{DECAY_ONE} a step"
    made = replace(layer, neuron=new, links=links)
    return Rewrite(made, what, exact=membrane.leak is not None, added=layer.size if subtracts else 0)


def _in_the_current(membrane: Membrane) -> Membrane:
    """Return a synapse that keeps what the membrane kept, and a membrane that keeps nothing."""
    zero, one = np.zeros_like(membrane.r), np.ones_like(membrane.r)
    leak = membrane.leak or Leak(one / DECAY_ONE, one - 1 / DECAY_ONE)
    gain = membrane.r if membrane.leak is None else membrane.r * leak.share
    return Membrane(r=gain, v_leak=zero, v0=zero, leak=Leak(one, zero), w_in=1 / leak.share, synapse=leak)


def _inhibition(layer: FloatLayer, neuron: Spiking) -> Link[Diagonal]:
    """Return the link by which a layer takes off what a spike of its own would have."""
    leak, taken = neuron.membrane.leak, neuron.threshold
    keep: Float = np.ones_like(taken) if leak is None else leak.keep
    gain = neuron.membrane.r if leak is None else neuron.membrane.r * leak.share
    if neuron.reset_at != "after_decay":
        taken = taken * keep
    lag = 0 if neuron.sends_the_past else 1
    return Link(layer.name, Diagonal((-taken / gain).reshape(layer.shape), layer.shape), lag, ADDED)
