"""The fewest bits of weights per layer that keep the answers within a budget: one search for programs and for ANNs.

Greedy: among all layers the reduction by one step that saves most bits is tried first; a layer whose reduction breaks
the budget is left alone from then on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sim.errors import InputError
from snn2hw.compiler.options import Bits

__all__ = ["TERNARY_BITS", "FewestBits", "Narrowing", "Trial", "lower_bits", "narrower", "stored_bits"]

TERNARY_BITS = 2

T = TypeVar("T")


@dataclass(frozen=True)
class Trial:
    """One network that was tried."""

    bits: dict[str, Bits]
    right: float
    """Share of samples answered as wanted."""
    weight_bits: int
    """Bits of all stored weights together."""
    kept: bool

    def __str__(self) -> str:
        """Say it in one line."""
        widths = ", ".join(f"{name} {bits}" for name, bits in self.bits.items())
        return f"{widths}: {self.weight_bits} weight bits, {self.right:.2%} {'kept' if self.kept else 'too few'}"


@dataclass(frozen=True, eq=False)
class FewestBits(Generic[T]):
    """The network of fewest bits within the budget, and every trial on the way."""

    made: T
    bits: dict[str, Bits]
    trials: tuple[Trial, ...]


class Narrowing(Protocol[T]):
    """A network whose layers can be had with fewer bits."""

    weights: Mapping[str, int]
    """How many weights each layer has."""
    least: int
    """The fewest bits before ternary."""

    def made(self, bits: Mapping[str, Bits]) -> T:
        """Return the network with these bits."""

    def right(self, made: T) -> float:
        """Return the share of samples that it answers as wanted."""


def lower_bits(
    network: Narrowing[T],
    widest: int,
    *,
    budget: float,
    on_trial: Callable[[Trial], object] | None = None,
) -> FewestBits[T]:
    """Lower the bits of one layer after the other while the share of wanted answers falls by at most ``budget``."""
    if not 0 <= budget <= 1:
        raise InputError(f"budget {budget}", "give a share between 0 and 1")
    bits: dict[str, Bits] = dict.fromkeys(network.weights, widest)
    best, trials = network.made(bits), list[Trial]()
    floor = network.right(best) - budget
    open_layers = set(network.weights)
    while open_layers:
        steps = {name: narrower(bits[name], network.least) for name in open_layers}
        open_layers -= {name for name, step in steps.items() if step is None}
        if not open_layers:
            break

        def saved(name: str) -> int:
            lower = steps[name] or bits[name]  # noqa: B023  called in this round alone
            return network.weights[name] * (stored_bits(bits[name]) - stored_bits(lower))  # noqa: B023

        name = max(sorted(open_layers), key=saved)
        attempt = bits | {name: steps[name] or bits[name]}
        made = network.made(attempt)
        right = network.right(made)
        total = sum(network.weights[n] * stored_bits(b) for n, b in attempt.items())
        trials.append(Trial(attempt, right, total, right >= floor))
        if right >= floor:
            bits, best = attempt, made
        else:
            open_layers.remove(name)
        if on_trial is not None:
            on_trial(trials[-1])
    return FewestBits(best, bits, tuple(trials))


def narrower(bits: Bits, least: int) -> Bits | None:
    """Return the next narrower weight: one bit less, halves above 8 bit, ternary at the end.

    >>> narrower(16, 2), narrower(8, 2), narrower(3, 2), narrower("ternary", 2)
    (8, 7, 'ternary', None)
    """
    if bits == "ternary":
        return None
    if bits <= max(TERNARY_BITS + 1, least):
        return "ternary"
    return bits // 2 if bits > 8 else bits - 1


def stored_bits(bits: Bits) -> int:
    """Return the bits that one weight takes."""
    return TERNARY_BITS if bits == "ternary" else bits
