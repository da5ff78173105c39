"""Which weight values a chip's synapse can hold, as the program's record states it.

``record["weights"] = {"bits": b, "rule": "loihi"}``: mantissas of a chip with 8 stored bits. A matrix of both signs
gives one bit to the sign and loses its lowest: multiples of 2^(9 - b) in -256..254. One sign only: multiples of
2^(8 - b) in 0..255 or -255..0. ``"layers": {"conv2[0]": 4}`` overrides the bits of one connection (population, place
among its inputs).
``"rule": "signed"``: two's complement, -2^(b-1)..2^(b-1) - 1. Without the entry, any 32-bit integer is a weight.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sim.arithmetic.description import Span
from sim.errors import ProgramError
from sim.parts import Connection, Draft, Population, Weight

__all__ = ["RULES", "WeightRule", "check_weights", "weight_bits", "weight_grid"]

Grid = tuple[int, int, int]
"""(least, greatest, step)."""


@dataclass(frozen=True)
class WeightRule:
    """How a synapse stores a weight: how many bits there may be, and what a matrix can hold in them."""

    bits: Span
    grid: Callable[[int, bool, bool], Grid]
    """(bits, whether a weight is negative, whether one is positive) -> (least, greatest, step)."""


def _loihi(bits: int, negative: bool, positive: bool) -> Grid:
    if negative and positive:
        step = 1 << (9 - bits)
        return -256, 256 - step, step
    step = 1 << (8 - bits)
    return (-(256 - step), 0, step) if negative else (0, 256 - step, step)


def _signed(bits: int, negative: bool, positive: bool) -> Grid:
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1, 1


RULES: Mapping[str, WeightRule] = {"loihi": WeightRule((1, 8), _loihi), "signed": WeightRule((2, 32), _signed)}
"""By name; an arithmetic lists those that its programs may state."""


def weight_grid(bits: int, rule: str, weight: Weight) -> Grid:
    """Return (least, greatest, step) of the values a matrix with these signs may hold."""
    if rule not in RULES:
        raise ProgramError(f"record: weight rule {rule!r} is unknown", f"use {' or '.join(map(repr, RULES))}")
    return RULES[rule].grid(bits, bool((weight < 0).any()), bool((weight > 0).any()))


def _stated(program: Draft, population: Population, index: int) -> tuple[int, str] | None:
    """Return the bits and the rule of one connection: its layer's own, else the program's."""
    stated = program.record.get("weights")
    if stated is None:
        return None
    known = program.described.weight_rules
    if isinstance(stated, dict):
        bits, rule, layers = stated.get("bits"), stated.get("rule"), stated.get("layers", {})
        if isinstance(rule, str) and rule not in known:
            what = f"record: weight rule {rule!r} is unknown to arithmetic {program.arithmetic!r}"
            raise ProgramError(what, f"use {' or '.join(map(repr, known))}")
        if isinstance(layers, dict) and isinstance(rule, str):
            own = layers.get(f"{population.name}[{index}]")
            bits = bits if own is None else own
            least, most = RULES[rule].bits
            if isinstance(bits, int) and not isinstance(bits, bool) and least <= bits <= most:
                return bits, rule
    ranges = ", or ".join(f"rule {n!r} with bits {RULES[n].bits[0]}..{RULES[n].bits[1]}" for n in known)
    fix = f"write {{'bits': {RULES[known[0]].bits[1]}, 'rule': {known[0]!r}}}: {ranges}"
    raise ProgramError(f"record: weights {stated!r} is not understood", fix)


def check_weights(program: Draft) -> None:
    """Refuse a weight that the record says cannot be there."""
    for population in program.populations:
        for index, connection in enumerate(population.inputs):
            stated = _stated(program, population, index)
            if stated is not None:
                _check(population, connection, *stated)


def _check(population: Population, connection: Connection, bits: int, rule: str) -> None:
    weight = connection.wiring.weight
    low, high, step = weight_grid(bits, rule, weight)
    least, most = int(weight.min()), int(weight.max())
    on_grid = step == 1 or not (weight & np.int16(step - 1)).any()
    if low <= least and most <= high and on_grid:
        return
    where = f"population {population.name!r}: weights {least}..{most} from {connection.source!r}"
    grid = f"multiples of {step} in {low}..{high}"
    raise ProgramError(f"{where} contradict the record ({bits} bits, rule {rule!r}: {grid})", "quantise to that grid")


def weight_bits(program: Draft, population: Population, index: int) -> int:
    """Return the bits of one connection's weights in memory: as the record states, else the fewest that hold them."""
    stated = _stated(program, population, index)
    if stated is not None:
        return stated[0]
    weight = population.inputs[index].wiring.weight
    least, most = int(weight.min()), int(weight.max())
    return 1 + max(max(most, 0).bit_length(), int(-least - 1).bit_length() if least < 0 else 0)
