"""What a chip cannot hold though the integer machine could: one judge for `check` and for `compile`."""

from collections.abc import Iterator, Mapping

import numpy as np

from sim.arithmetic import DECAY_ONE
from sim.arithmetic.registry import get_arithmetic
from sim.errors import UnsupportedError
from sim.program import Population, Reset
from snn2hw.chips.capacity import WeightBits, beyond_capacity
from snn2hw.chips.rewrite import nearest
from snn2hw.chips.target import Target
from snn2hw.network.network import FloatLayer, Network
from snn2hw.network.neurons import Spiking
from snn2hw.network.registers import RESETS, RealMachine
from snn2hw.problems import Problem

__all__ = ["judge", "refuse_beyond"]

DOES: Mapping[Reset, str] = {
    "zero": "resets to a value",
    "subtract": "resets by subtraction",
    "none": "does not reset",
}
"""What neurons do with v where they fire."""


def judge(
    network: Network,
    machine: RealMachine | None,
    target: Target,
    *,
    messages: tuple[int, int] = (0, 1),
    bits: WeightBits = 8,
) -> list[Problem]:
    """Return everything about a network that ``target`` cannot hold, whatever registers the compiler chooses.

    Without a ``machine`` (an integer machine cannot say the network) sizes are not judged.
    """
    problems = list(_input(network, target, messages))
    for layer in network.layers:
        problems += _behaviour(layer, target)
    if machine is not None:
        problems += _registers(machine, target)
        problems += beyond_capacity(machine, target, bits)
    return problems


def _input(network: Network, target: Target, messages: tuple[int, int]) -> Iterator[Problem]:
    if messages != (0, 1) and not target.graded_input:
        what = f"messages {messages[0]}..{messages[1]}; {target.title} takes 0 and 1"
        yield Problem(f"node {network.input_name!r}", what, "encode the input as spikes")


def _behaviour(layer: FloatLayer, target: Target) -> Iterator[Problem]:
    """Find delays and resets that the chip does not have."""
    late = max(layer.links, key=lambda link: link.lag)
    if late.lag > target.delay_steps:
        most = f"{late.lag} steps, {target.title} by at most {target.delay_steps}"
        where, verb = (late.delay, "delays by") if late.delay else (layer.name, f"hears {late.source!r} late, by")
        yield Problem(f"node {where!r}", f"{verb} {most}", "shorten the delay, or choose another target")
    if isinstance(layer.neuron, Spiking):
        rule = RESETS[layer.neuron.reset]
        if rule not in target.resets:
            what = f"{DOES[rule]}, which {target.title} cannot"
            cure = "reset by subtraction" if rule == "zero" else "reset to a value"
            yield Problem(f"node {layer.name!r}", what, f"train with {cure}, {_otherwise(layer, target)}")
        yield from _spiking(layer, layer.neuron, target)


def _otherwise(layer: FloatLayer, target: Target, hint: str = "") -> str:
    """Return what is left to do: another target, or what comes nearest with its cost, where anything does."""
    found, other = nearest(layer, target), f"choose another target{hint}"
    return f"or {other}" if found is None else f"{other}, or rewrite it (--rewrite: {found})"


def _spiking(layer: FloatLayer, neuron: Spiking, target: Target) -> Iterator[Problem]:
    """Find what a neuron does beside its reset that the chip does not have."""
    name = layer.name
    if neuron.spikes_per_step == "many" and target.most("most") == 1:
        what = f"sends several spikes in one step, which {target.title} cannot"
        several = " (several become one message on loihi2)"
        yield Problem(f"node {name!r}", what, f"train with one spike a step, {_otherwise(layer, target, several)}")
    dead = neuron.reset_at == "after_decay" and neuron.reset == "value"
    rest, longest = max(neuron.refractory, int(dead)), target.most("refractory")
    if rest > longest:
        does = "ignores what arrives in the step after a spike" if dead else f"rests for {rest} steps after a spike"
        most = f"rests for at most {longest} steps" if longest else "cannot rest"
        yield Problem(f"node {name!r}", f"{does}; {target.title} {most}", "shorten the rest, or choose another target")


def _registers(machine: RealMachine, target: Target) -> Iterator[Problem]:
    """Find decays that differ between neurons where the chip has one for all."""
    for population in machine.populations:
        decays = get_arithmetic(target.arithmetic).decays or ()
        for name, share in zip(decays, (population.share_u, population.share_v), strict=False):
            if name not in target.per_neuron and np.ptp(np.rint(DECAY_ONE * share)):
                what = f"has {name} that differ between neurons, {target.title} does not"
                yield Problem(f"node {population.node!r}", what, "use one value for the whole layer")


CHOSEN = ("vth", "bias_exponent")
"""Registers that the quantiser chooses within the target's range, or leaves at 0 where they have no effect."""


def refuse_beyond(population: Population, target: Target) -> None:
    """Raise for the first register of ``target`` that a quantised population does not fit."""
    for what, fix in _beyond(population, target):
        raise UnsupportedError(f"population {population.name!r}: {what}, {target.title} does not", fix)


def _beyond(p: Population, target: Target) -> Iterator[tuple[str, str]]:
    for name, values in p.registers.items():
        if name not in target.per_neuron and (values != values.flat[0]).any():
            fix = "compile with per='layer'" if name == "vth" else "use one value for the whole layer"
            yield f"has {name} that differ between neurons", fix
    for name, (low, high) in target.registers.items():
        values = p.registers[name]
        if name not in CHOSEN and (values.min() < low or values.max() > high):
            yield f"has {name} {values.min()}..{values.max()}", f"stay within {low}..{high}"
    for name, (low, high) in target.properties.items():
        if not low <= p.properties[name] <= high:
            yield f"has {name} {p.properties[name]}", f"stay within {low}..{high}"
