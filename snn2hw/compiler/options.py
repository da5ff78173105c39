"""What the user may choose beyond bits and target."""

from dataclasses import dataclass
from typing import Literal, get_args

from sim.errors import InputError
from snn2hw.compiler.costs import Method

__all__ = ["PER", "BiasPolicy", "Centre", "Options"]

BiasPolicy = Literal["axon", "preset", "register"]
"""How a bias passes the synaptic filter: on an always-on axon (exact, a synop per neuron and step), as its steady state
in the bias register with u preset to minus it (exact and free, but u0 has to be written for every sample), or as its
steady state alone (free; the first steps differ)."""

PER = Literal["channel", "layer"]

Centre = Literal["never", "biased", "always"]
"""Where the mean error of the input sums is taken out of the bias: nowhere, where a bias is anyway, or everywhere."""


@dataclass(frozen=True)
class Options:
    """What the user may choose.

    ``method``: how the greatest weights are treated. ``per``: what shares a scale; channels fold theirs into their
    thresholds. ``levels``: weights as in the historic scheme, see `snn2hw.compiler.levels`. ``headroom``: how many
    times the worst case must fit into the registers, more than 1 leaves room for tuning. ``compensate_decay``: choose
    decays that leak as much as the real ones, rounding included.
    """

    method: Method = "mse"
    per: PER = "channel"
    bias: BiasPolicy = "axon"
    centre: Centre = "biased"
    levels: int | None = None
    headroom: float = 1.0
    compensate_decay: bool = True

    def __post_init__(self) -> None:
        for name, known in (("method", Method), ("per", PER), ("bias", BiasPolicy), ("centre", Centre)):
            value = getattr(self, name)
            if value not in get_args(known):
                raise InputError(f"{name} {value!r}", f"choose one of: {', '.join(get_args(known))}")
        if not self.headroom >= 1:
            raise InputError(f"headroom {self.headroom}", "give 1 or more")
        if self.levels is not None and not 2 <= self.levels <= 128:
            raise InputError(f"levels {self.levels}", "give 2 to 128")
