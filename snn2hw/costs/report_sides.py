"""The conventional network of a comparison, as counted."""

from dataclasses import dataclass

from snn2hw.ann.macs import EffectiveMacs, MacCensus

__all__ = ["AnnSide"]


@dataclass(frozen=True, eq=False)
class AnnSide:
    """The conventional network: its MACs from shapes, and from activations where samples were given."""

    path: str
    census: MacCensus
    effective: EffectiveMacs | None
