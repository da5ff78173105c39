"""Which weight values a chip's synapse can hold, as the program's record states it.

``record["weights"] = {"bits": b, "rule": "loihi"}``: mantissas of a chip with 8 stored bits. A matrix of both signs
gives one bit to the sign and loses its lowest: multiples of 2^(9 - b) in -256..254. One sign only: multiples of
2^(8 - b) in 0..255 or -255..0. ``"layers": {"conv2[0]": 4}`` overrides the bits of one connection (population, place
among its inputs).
``"rule": "signed"``: two's complement, -2^(b-1)..2^(b-1) - 1. Without the entry, any 32-bit integer is a weight.
"""

import numpy as np

from sim.errors import ProgramError
from sim.program import Connection, Population, Program, Weight

__all__ = ["check_weights", "weight_bits", "weight_grid"]

LOIHI_BITS = range(1, 9)
SIGNED_BITS = range(2, 33)


def weight_grid(bits: int, rule: str, weight: Weight) -> tuple[int, int, int]:
    """Return (least, greatest, step) of the values a matrix with these signs may hold."""
    mixed = bool((weight < 0).any() and (weight > 0).any())
    match rule:
        case "signed":
            return -(1 << (bits - 1)), (1 << (bits - 1)) - 1, 1
        case "loihi" if mixed:
            step = 1 << (9 - bits)
            return -256, 256 - step, step
        case "loihi":
            step = 1 << (8 - bits)
            return (0, 256 - step, step) if not (weight < 0).any() else (-(256 - step), 0, step)
        case _:
            raise ProgramError(f"record: weight rule {rule!r} is unknown", "use 'loihi' or 'signed'")


def _stated(program: Program, population: Population, index: int) -> tuple[int, str] | None:
    """Return the bits and the rule of one connection: its layer's own, else the program's."""
    stated = program.record.get("weights")
    if stated is None:
        return None
    if isinstance(stated, dict):
        bits, rule, layers = stated.get("bits"), stated.get("rule"), stated.get("layers", {})
        if isinstance(layers, dict):
            own = layers.get(f"{population.name}[{index}]")
            if own is not None:
                bits = own
            known = LOIHI_BITS if rule == "loihi" else SIGNED_BITS
            if isinstance(bits, int) and not isinstance(bits, bool) and bits in known and isinstance(rule, str):
                return bits, rule
    fix = "write {'bits': 8, 'rule': 'loihi'} with bits 1..8, or rule 'signed' with bits 2..32"
    raise ProgramError(f"record: weights {stated!r} is not understood", fix)


def check_weights(program: Program) -> None:
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


def weight_bits(program: Program, population: Population, index: int) -> int:
    """Return the bits of one connection's weights in memory: as the record states, else the fewest that hold them."""
    stated = _stated(program, population, index)
    if stated is not None:
        return stated[0]
    weight = population.inputs[index].wiring.weight
    least, most = int(weight.min()), int(weight.max())
    return 1 + max(int(most).bit_length(), int(-least - 1).bit_length() if least < 0 else 0)
