"""The sizes and times of a streaming network; what it computes stands in `snn2hw.train.stream_net`. No torch."""

from dataclasses import dataclass
from typing import ClassVar

from sim.errors import InputError

__all__ = ["DT_S", "KERNEL", "STREAMS", "StreamLayout", "band_counts"]

DT_S = 1e-3
KERNEL = 5
"""Bands that a convolution reads at once."""


@dataclass(frozen=True)
class StreamLayout:
    """Sizes and times of a streaming network; ``spread`` is the distance of the lags in each hidden layer.

    With ``recurrent`` the dense layer also hears its own messages of the step before.
    """

    channels: tuple[int, ...] = (12, 24, 48)
    hidden: int = 96
    taps: int = 3
    spread: tuple[int, ...] = (1, 2, 4, 4)
    synapse_kept: float = 0.5
    membrane_kept: float = 0.8
    dropout: float = 0.2
    recurrent: bool = False

    LATER: ClassVar[frozenset[str]] = frozenset({"recurrent"})
    """Fields that older recipes do not have: at their default they enter none."""

    def __post_init__(self) -> None:
        if not self.channels or min(*self.channels, self.hidden, self.taps, *self.spread) < 1:
            what = f"channels {self.channels}, hidden {self.hidden}, taps {self.taps}, spread {self.spread}"
            raise InputError(what, "each counts from 1")
        if len(self.spread) != len(self.channels) + 1:
            what = f"{len(self.spread)} spreads for {len(self.channels)} convolutions and a dense layer"
            raise InputError(what, "give one per layer")
        if not 0 <= self.synapse_kept < 1 or not 0 <= self.membrane_kept < 1 or not 0 <= self.dropout < 1:
            what = f"kept {self.synapse_kept} and {self.membrane_kept}, dropout {self.dropout}"
            raise InputError(what, "use shares from 0 to below 1")
        if not isinstance(self.recurrent, bool):
            raise InputError(f"recurrent {self.recurrent!r}", "say True or False")

    @property
    def reach(self) -> int:
        """Return how many steps back the answer hears, through delays alone."""
        return (self.taps - 1) * sum(self.spread)


STREAMS = {
    "small": StreamLayout(channels=(8, 16, 32), hidden=64),
    "medium": StreamLayout(),
    "large": StreamLayout(channels=(16, 32, 64), hidden=128),
    "medium-slow": StreamLayout(membrane_kept=0.9),
    "small-recurrent": StreamLayout(channels=(8, 16, 32), hidden=64, recurrent=True),
    "medium-recurrent": StreamLayout(recurrent=True),
}
"""Sizes by name."""


def band_counts(layout: StreamLayout, bands: int) -> tuple[int, ...]:
    """Return the bands at the input and behind every convolution.

    >>> band_counts(StreamLayout(), 40)
    (40, 20, 10, 5)
    """
    counts = [bands]
    for _ in layout.channels:
        counts.append((counts[-1] - 1) // 2 + 1)
    return tuple(counts)
