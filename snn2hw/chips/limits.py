"""What a chip cannot hold though the machine could: checked population by population before a program is returned."""

from collections.abc import Iterator

from sim.errors import UnsupportedError
from sim.program import Population
from snn2hw.chips.target import Target

__all__ = ["refuse_beyond"]

CHOSEN = ("vth", "bias_exponent")
"""Registers that the quantiser chooses within the target's range, or leaves at 0 where they have no effect."""


def refuse_beyond(population: Population, target: Target) -> None:
    """Raise for the first limit of ``target`` that a population breaks."""
    for what, fix in _beyond(population, target):
        raise UnsupportedError(f"population {population.name!r}: {what}, {target.title} does not", fix)


def _beyond(p: Population, target: Target) -> Iterator[tuple[str, str]]:
    if p.reset not in target.resets and p.fires:
        yield "resets by subtraction", "train with reset to a value, or choose another target"
    for connection in p.inputs:
        if connection.lag > target.delay_steps:
            yield f"reads {connection.source!r} {connection.lag} steps late", "shorten the delay"
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
