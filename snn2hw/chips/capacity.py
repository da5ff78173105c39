"""How much of a chip a network needs at least, wherever its neurons are put: neurons, synapse bits, decay registers.

A core holds so many neurons, so many bits of synapses and so many sets of decays; a chip has so many cores. What is
counted here no placement can go below: the weights of a convolution count once, though every core that computes a part
of its image holds the kernel again, and populations share cores freely.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE
from snn2hw.chips.target import Target
from snn2hw.network.maps import ConvMap, DenseMap, Diagonal, SingleMap, varies_within_channels
from snn2hw.network.registers import RealMachine, RealPopulation
from snn2hw.problems import Problem

__all__ = [
    "CoresNeeded",
    "Demand",
    "WeightBits",
    "beyond_capacity",
    "cores_needed",
    "demand_of",
    "demands_for",
    "stored_weights",
    "synapses",
]

WeightBits = int | Literal["ternary"] | Mapping[str, int | Literal["ternary"]]
"""Bits of every weight, or by population; what a mapping does not name gets the target's widest weights."""

TERNARY_BITS = 2


@dataclass(frozen=True)
class Demand:
    """What one population takes of a chip at least."""

    name: str
    neurons: int
    weights: int
    """Stored weights that are not zero; those of a kernel once."""
    bits: int
    """Bits of one weight."""
    row: int
    """Stored weights of the neuron that has most: they lie in one core."""
    decays: frozenset[tuple[int, int]]
    """The different pairs of decays, in 4096ths."""

    @property
    def synapse_bits(self) -> int:
        """Return the bits of all weights."""
        return self.weights * self.bits


@dataclass(frozen=True)
class CoresNeeded:
    """The least number of cores by each resource; None where the chip states no limit of it."""

    neurons: int | None
    synapse_bits: int | None
    decay_configs: int | None

    @property
    def least(self) -> int:
        """Return the number that no placement goes below."""
        return max(1, self.neurons or 0, self.synapse_bits or 0, self.decay_configs or 0)

    @property
    def limited(self) -> bool:
        """Whether the chip states any limit of its cores."""
        return any(value is not None for value in asdict(self).values())

    def to_json(self) -> dict[str, int | None]:
        """Return the numbers by name."""
        return {"least": self.least, **asdict(self)}

    @property
    def decisive(self) -> str:
        """Return what takes most cores, in words."""
        words = {"neurons": "neurons", "synapse_bits": "bits of synapses", "decay_configs": "different decays"}
        return words[max(words, key=lambda name: getattr(self, name) or 0)]


def beyond_capacity(machine: RealMachine, target: Target, bits: WeightBits) -> Iterator[Problem]:
    """Find what no placement can fit into the chip."""
    demands = demands_for(machine, target, bits)
    most = target.core.synapse_bits
    for demand in demands:
        if most is not None and demand.row * demand.bits > most:
            what = f"one neuron has {demand.row:,} weights of {demand.bits} bit, a core of {target.title} {most:,} bits"
            yield Problem(f"population {demand.name!r}", what, "lower its fan-in, or use fewer bits")
    needed = cores_needed(demands, target)
    if target.cores is not None and needed.least > target.cores:
        what = f"needs {needed.least:,} cores for its {needed.decisive}, {target.title} has {target.cores:,}"
        yield Problem("network", what, "make it smaller, use fewer bits, or choose another target")


def demands_for(machine: RealMachine, target: Target, bits: WeightBits) -> tuple[Demand, ...]:
    """Return what every population takes of ``target`` with weights of so many bits."""
    widest = target.weight_bits[1]
    chosen = {p.name: bits.get(p.name, widest) if isinstance(bits, Mapping) else bits for p in machine.populations}
    return demand_of(machine, {n: TERNARY_BITS if b == "ternary" else min(b, widest) for n, b in chosen.items()})


def demand_of(machine: RealMachine, bits: Mapping[str, int]) -> tuple[Demand, ...]:
    """Return what every population takes; ``bits`` are those of its weights by name."""
    return tuple(_demand(population, bits[population.name]) for population in machine.populations)


def _demand(population: RealPopulation, bits: int) -> Demand:
    weights = [stored_weights(link.map) for link in population.links]
    rows = np.zeros(population.size, dtype=np.int64)
    for link in population.links:
        per_row = np.count_nonzero(link.map.weight.reshape(link.map.weight.shape[0], -1), axis=1)
        rows += np.repeat(per_row, population.size // len(per_row))
    decays = np.rint(DECAY_ONE * np.stack([population.share_u.reshape(-1), population.share_v.reshape(-1)])).astype(int)
    return Demand(
        name=population.name,
        neurons=population.size,
        weights=sum(weights),
        bits=bits,
        row=int(rows.max(initial=0)),
        decays=frozenset((int(u), int(v)) for u, v in np.unique(decays, axis=1).T),
    )


def cores_needed(demands: tuple[Demand, ...], target: Target) -> CoresNeeded:
    """Return the least number of cores of ``target`` for all populations together."""
    core = target.core
    return CoresNeeded(
        neurons=_parts(sum(d.neurons for d in demands), core.neurons),
        synapse_bits=_parts(sum(d.synapse_bits for d in demands), core.synapse_bits),
        decay_configs=_parts(len(frozenset().union(*(d.decays for d in demands))), core.decay_configs),
    )


def _parts(whole: int, most: int | None) -> int | None:
    return None if most is None else -(-whole // most)


def stored_weights(map_: SingleMap) -> int:
    """Return how many weights are not zero; those of a kernel count once."""
    match map_:
        case Diagonal():
            per_channel = len(map_.shape) > 1 and not varies_within_channels(map_.scale)
            scale = map_.scale.reshape(map_.shape[0], -1)[:, 0] if per_channel else map_.scale
            return int(np.count_nonzero(scale))
        case DenseMap() | ConvMap():
            return int(np.count_nonzero(map_.weight))
        case _:
            assert_never(map_)


def synapses(map_: SingleMap) -> int:
    """Return the number of pairs (source element, target element) that a non-zero weight connects.

    A tap of a convolution connects as many pairs as there are places where it falls on the input, not on padding.
    """
    match map_:
        case Diagonal():
            return int(np.count_nonzero(map_.scale))
        case DenseMap():
            return int(np.count_nonzero(map_.weight))
        case ConvMap():
            present = np.count_nonzero(map_.weight, axis=(0, 1))  # ky kx
            return int((present * np.outer(_places(map_, 0), _places(map_, 1))).sum())
        case _:
            assert_never(map_)


def _places(conv: ConvMap, axis: int) -> NDArray[np.int64]:
    """Return for every tap along one axis at how many outputs it falls on the input."""
    taps = np.arange(conv.weight.shape[2 + axis])[:, None] * conv.dilation[axis]
    read = taps + np.arange(conv.sides_out[axis]) * conv.stride[axis] - conv.padding[axis]
    inside = (read >= 0) & (read < conv.sides_in[axis])
    return np.asarray(inside.sum(axis=1))
