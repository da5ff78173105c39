"""What an event on a chip's mesh costs and how long it takes, where somebody has published both."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sim.errors import UnsupportedError

__all__ = ["MESH_PRICES", "EventPrice", "MeshPrices", "mesh_prices"]


class EventPrice(NamedTuple):
    """Energy and time of one event."""

    pj: float
    ns: float


@dataclass(frozen=True)
class MeshPrices:
    """The events of a mesh of cores; a step ends with a barrier, which takes longer the more tiles take part."""

    access: EventPrice
    """Of every neuron in every step."""
    update: EventPrice
    """Of a neuron that ends the step with u, v or a spike, beside the access."""
    spike: EventPrice
    """Of a neuron that fires, beside the update."""
    message_out: EventPrice
    message_in: EventPrice
    synop: Mapping[str, EventPrice]
    """By the encoding of the synapses."""
    hop_across: EventPrice
    hop_down: EventPrice
    barrier_ns: Mapping[int, float]
    """By the number of tiles that take part, at the least."""
    source: str

    def barrier(self, tiles: int) -> float:
        """Return the nanoseconds of a barrier over so many tiles: those of the greatest given number within them."""
        return self.barrier_ns[max((n for n in self.barrier_ns if n <= tiles), default=min(self.barrier_ns))]


MESH_PRICES: Mapping[str, MeshPrices] = MappingProxyType(
    {
        "loihi1": MeshPrices(
            access=EventPrice(51.2, 6.0),
            update=EventPrice(21.6, 3.7),
            spike=EventPrice(69.3, 30.0),
            message_out=EventPrice(111.0, 5.1),
            message_in=EventPrice(0.0, 16.0),
            synop={
                "dense": EventPrice(35.5, 3.8),
                "sparse": EventPrice(33.6, 4.7),
                "shared": EventPrice(24.0, 3.1),
            },
            hop_across=EventPrice(3.0, 4.1),
            hop_down=EventPrice(4.2, 6.5),
            barrier_ns={1: 600.0, 2: 1000.0, 4: 1400.0, 29: 1800.0},
            source="SANA-FE 2.2.9, its file of Loihi: fitted by its authors to micro-benchmarks on silicon",
        )
    }
)
"""By the name of the target."""


def mesh_prices(target: str) -> MeshPrices:
    """Return the prices of a chip, or say that nobody has published any."""
    if target not in MESH_PRICES:
        what = f"target {target}: no energy and time of the events on its mesh is published"
        raise UnsupportedError(what, f"simulate a placement on {', '.join(MESH_PRICES)}")
    return MESH_PRICES[target]
