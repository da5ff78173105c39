"""What the user of the compiler may choose; the defaults stand here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from sim.errors import InputError
from sim.program import Json

__all__ = ["PER", "USUAL", "BiasPolicy", "Bits", "Centre", "Chosen", "Method", "Options"]

Bits = int | Literal["ternary"]
"""Bits per weight; "ternary" is one magnitude with its sign, or nothing: -1, 0, 1."""

Method = Literal["max", "percentile", "mse", "kept"]
"""How the largest weights are treated: all represented, all but 0.1 %, or whatever makes the squared error least; kept:
weights lie on a grid of so many bits already, as training with them leaves it, and are stored as they are."""

BiasPolicy = Literal["axon", "preset", "register"]
"""How a bias passes the synaptic filter: on an always-on axon (exact, a synop per neuron and step), as its steady state
in the bias register with u preset to minus it (exact and free, but u0 has to be written for every sample), or as its
steady state alone (free; the first steps differ)."""

PER = Literal["channel", "layer"]

Centre = Literal["never", "biased", "always"]
"""Where the mean error of the input sums is taken out of the bias: nowhere, where a bias is anyway, or everywhere."""


@dataclass(frozen=True)
class Options:
    """What the user may choose beside the network, the target and the data.

    Args:
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either; what a mapping does
            not name gets the target's widest weights.
        scale: "auto", or mantissas per unit of weight; 1 says that weights and thresholds are register values already,
            and a value that is no legal register is then an error.
        method: how the greatest weights are treated.
        per: what shares a scale; channels fold theirs into their thresholds.
        bias: how a bias passes a synaptic filter.
        centre: where the mean error of the input sums goes to the bias.
        levels: weights as in the historic scheme, see `snn2hw.compiler.grid.leveled`.
        headroom: how many times the worst case must fit into the registers; more than 1 leaves room for tuning.
        compensate_decay: choose decays that leak as much as the real ones, rounding included.
        steps: the longest sample that the certificate covers; that of the data unless given.
        messages: the range of the input's integers; that of the data unless given, and at least 0..1.
        rewrite: whether what the target lacks is said in other words, see `snn2hw.chips.rewrite`.
    """

    weight_bits: Bits | Mapping[str, Bits] = 8
    scale: float | Literal["auto"] = "auto"
    method: Method = "mse"
    per: PER = "channel"
    bias: BiasPolicy = "axon"
    centre: Centre = "biased"
    levels: int | None = None
    headroom: float = 1.0
    compensate_decay: bool = True
    steps: int | None = None
    messages: tuple[int, int] | None = None
    rewrite: bool = False

    def __post_init__(self) -> None:
        for name, known in (("method", Method), ("per", PER), ("bias", BiasPolicy), ("centre", Centre)):
            value = getattr(self, name)
            if value not in get_args(known):
                raise InputError(f"{name} {value!r}", f"choose one of: {', '.join(get_args(known))}")
        if not self.headroom >= 1:
            raise InputError(f"headroom {self.headroom}", "give 1 or more")
        if self.levels is not None and not 2 <= self.levels <= 128:
            raise InputError(f"levels {self.levels}", "give 2 to 128")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps is {self.steps}", "give the length of the longest sample")

    @property
    def record(self) -> dict[str, Json]:
        """Return what a program's record says of them; bits, steps and messages stand elsewhere in it."""
        names = ("scale", "method", "per", "bias", "centre", "levels", "headroom", "compensate_decay")
        return {name: getattr(self, name) for name in names}


USUAL = Options()
"""What is chosen where nothing is said."""


class Chosen(TypedDict, total=False):
    """The options that may be given by name beside a record of them."""

    weight_bits: Bits | Mapping[str, Bits]
    scale: float | Literal["auto"]
    steps: int | None
    messages: tuple[int, int] | None
    rewrite: bool
