"""Look at a Source before anything is compiled: everything that stands in the way, and how large it is."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sim.errors import Snn2hwError
from snn2hw.chips.capacity import CoresNeeded, WeightBits, cores_needed, demands_for, stored_weights, synapses
from snn2hw.chips.limits import judge
from snn2hw.chips.rewrite import rewritten
from snn2hw.chips.target import Target, get_target
from snn2hw.network.lowering import network_of
from snn2hw.network.maps import is_identity
from snn2hw.network.network import Network
from snn2hw.network.neurons import Integrating, Leak, Relay, Spiking, ThresholdGate
from snn2hw.network.registers import real_machine
from snn2hw.network.stored import stored_links
from snn2hw.problems import Problem, ProblemsError
from snn2hw.sources.source import Source, require_source

__all__ = ["Size", "check", "cores", "measure", "rounded"]

LEAST_SHARE = 1 / 8192
"""Half a step of a decay register: what is less reads 0."""


@dataclass(frozen=True)
class Size:
    """What there is: neurons that fire and that do not, synapses (a shared weight once per use), weights, depth."""

    spiking: int
    readout: int
    synapses: int
    weights: int
    depth: int
    populations: int

    def to_json(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)


def check(
    source: Source,
    target: str | Path | Target | None = None,
    *,
    messages: tuple[int, int] = (0, 1),
    weight_bits: WeightBits = 8,
    rewrite: bool = False,
) -> list[Problem]:
    """Return everything that keeps ``source`` from being compiled (for ``target``), [] when nothing does.

    Args:
        source: any Source.
        target: a chip, as for `compile`.
        messages: the least and the greatest integer that the input sends.
        weight_bits: as for `compile`: whether the weights fit into the chip depends on it.
        rewrite: whether what the chip lacks may be said in other words, as for `compile`.
    """
    require_source(source)
    problems: list[Problem] = []
    network = machine = None
    try:
        network = network_of(source)
        if rewrite and target is not None:
            network, _ = rewritten(network, get_target(target))
        machine = real_machine(network)
    except ProblemsError as error:
        problems += error.problems
    except Snn2hwError as error:
        problems.append(Problem(source.origin, error.what, error.fix or "correct the model"))
    if network is not None and target is not None:
        problems += judge(network, machine, get_target(target), messages=messages, bits=weight_bits)
    return problems


def cores(source: Source, target: str | Path | Target, weight_bits: WeightBits = 8) -> CoresNeeded:
    """Return the least number of cores that a network takes of a chip; once placed it may take more."""
    chip = get_target(target)
    return cores_needed(demands_for(real_machine(network_of(source)), chip, weight_bits), chip)


def rounded(source: Source) -> list[Problem]:
    """Return parameters that a register only holds to its nearest value, where that is felt; they stop nothing."""
    found: list[Problem] = []
    try:
        network = network_of(source)
    except Snn2hwError:
        return found  # what stops the model is for `check` to say
    for layer in network.layers:
        if isinstance(layer.neuron, Spiking | Integrating):
            membrane = layer.neuron.membrane
            name = "tau" if membrane.synapse is None else "tau_mem"
            felt = (*_felt(name, membrane.leak), *_felt("tau_syn", membrane.synapse))
            found += [Problem(f"node {layer.name!r}", *said) for said in felt]
    return found


def _felt(tau: str, leak: Leak | None) -> Iterator[tuple[str, str]]:
    if leak is None or not (leak.share > 0).all():
        return  # nothing to round, or a problem that `check` names
    share = leak.share
    if (share < LEAST_SHARE).any():
        steps = 1 / share.min()
        held = "its current leaks 1/4096 a step all the same" if tau == "tau_syn" else "it does not leak"
        yield f"{tau} of {steps:,.0f} steps is beyond the decay register: {held}", "use a larger dt, or a smaller tau"
    if tau != "tau_syn" and ((share > 1 - LEAST_SHARE) & (share <= 1)).any():
        what = f"{tau} of one step: a 4096th of v stays, where all of it should go"
        yield what, "nothing, unless v far below its threshold matters"


def measure(source: Source) -> Size:
    """Count neurons, synapses, weights, and the longest way from input to output in populations."""
    network = network_of(source)
    layers = [layer for layer in network.layers if not isinstance(layer.neuron, Relay)]
    maps = [k.map for layer in network.layers for k in stored_links(layer) if not is_identity(k.map)]
    return Size(
        spiking=sum(layer.size for layer in layers if isinstance(layer.neuron, Spiking | ThresholdGate)),
        readout=sum(layer.size for layer in layers if isinstance(layer.neuron, Integrating)),
        synapses=sum(synapses(map_) for map_ in maps),
        weights=sum(stored_weights(map_) for map_ in maps),
        depth=_depth(network),
        populations=len(layers),
    )


def _depth(network: Network) -> int:
    """Return the most populations on a way from the input, late links not counted as ways."""
    deep: dict[str, int] = {}
    for group in network.groups:
        for name in group:
            layer = network.by_name[name]
            ways = [deep.get(k.source, 0) for k in layer.links if not k.lag and k.source not in group]
            deep[name] = max(ways, default=0) + (not isinstance(layer.neuron, Relay))
    return max(deep.values(), default=0)
