"""The conventional network of a comparison, as counted."""

from dataclasses import dataclass

from snn2hw.ann.macs import EffectiveMacs, MacCensus
from snn2hw.ann.outline import AnnOutline

__all__ = ["AnnSide"]


@dataclass(frozen=True, eq=False)
class AnnSide:
    """The conventional network: its MACs from shapes, and from activations where samples were given."""

    path: str
    census: MacCensus
    effective: EffectiveMacs | None
    outline: AnnOutline | None = None
    origin: str = ""
    """Where it comes from and what it was trained on, as whoever asked says; no file says it."""
