"""The shape of a network, before it is spiking or not. No torch."""

import math
from dataclasses import dataclass

from sim.cures import one_of
from sim.errors import InputError

__all__ = [
    "HARDWARE",
    "LAYOUTS",
    "SEED",
    "Layout",
    "Stage",
    "flat_size",
    "layout_of",
    "map_synapses",
    "map_weights",
    "neurons",
    "synapses",
    "weight_shapes",
]


@dataclass(frozen=True)
class Stage:
    """A square convolution without padding, neurons, and, if ``pool``, a 2 x 2 max pool of their spikes."""

    channels: int
    kernel: int
    stride: int
    pool: bool = False

    def sides(self, side: int) -> tuple[int, int]:
        """Return the side of the neurons' image and, after the pool, of what the next stage sees."""
        convolved = (side - self.kernel) // self.stride + 1
        if convolved < (2 if self.pool else 1):
            raise InputError(f"a side of {side} is too small for {self}", "feed larger images")
        return convolved, convolved // 2 if self.pool else convolved


@dataclass(frozen=True)
class Layout:
    """Stages, one hidden layer, a readout. ``membrane`` and ``synapse`` are dt/tau; a synapse of 1 forgets at once."""

    stages: tuple[Stage, ...]
    hidden: int
    membrane: float = 0.25
    synapse: float = 1.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("membrane", "synapse"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} {getattr(self, name)}: must lie in (0, 1]", "give dt/tau; 1 forgets at once")


SEED = Layout((Stage(64, 3, 1, pool=True), Stage(96, 3, 1, pool=True)), hidden=864)
"""conv 64 k3 -> LIF -> max pool of spikes -> conv 96 k3 -> LIF -> max pool -> a quarter as many LIF -> readout."""

HARDWARE = Layout((Stage(12, 3, 2), Stage(24, 3, 2)), hidden=128)
"""At most 8 cores of Loihi 1: 4,004 neurons on a 32 x 32 image and 302,660 unrolled synapses."""

LAYOUTS = {"hardware": HARDWARE, "seed": SEED}


def layout_of(size: str) -> Layout:
    """Return a named layout."""
    if size not in LAYOUTS:
        raise InputError(f"there is no network size {size!r}", f"choose {one_of(size, LAYOUTS)}")
    return LAYOUTS[size]


def _images(layout: Layout, side: int) -> list[tuple[Stage, int, int, int]]:
    """Every stage with its input channels, its convolved side and its side after the pool."""
    rows, channels = [], 1
    for stage in layout.stages:
        convolved, side = stage.sides(side)
        rows.append((stage, channels, convolved, side))
        channels = stage.channels
    return rows


def flat_size(layout: Layout, side: int) -> int:
    """Return how many values the hidden layer reads."""
    stage, _, _, after = _images(layout, side)[-1]
    return stage.channels * after**2


def neurons(layout: Layout, side: int, classes: int) -> int:
    """Return the number of neurons on the chip: one for every pooled pixel too."""
    images = sum(
        s.channels * (before**2 + (after**2 if s.pool else 0)) for s, _, before, after in _images(layout, side)
    )
    return images + layout.hidden + classes


def synapses(layout: Layout, side: int, classes: int) -> int:
    """Return the number of synapses when every convolution is unrolled."""
    pools = sum(4 * s.channels * after**2 for s, _, _, after in _images(layout, side) if s.pool)
    return pools + sum(map_synapses(layout, side, classes))


def map_synapses(layout: Layout, side: int, classes: int) -> tuple[int, ...]:
    """Return the synapses of every linear map in order: one per stage, to the hidden layer, to the readout."""
    images = [s.channels * before**2 * channels * s.kernel**2 for s, channels, before, _ in _images(layout, side)]
    return (*images, layout.hidden * flat_size(layout, side), layout.hidden * classes)


def weight_shapes(layout: Layout, side: int, classes: int) -> tuple[tuple[int, ...], ...]:
    """Return the shape of every linear map's weight in order: one per stage, to the hidden layer, to the readout."""
    stages = tuple((s.channels, channels, s.kernel, s.kernel) for s, channels, _, _ in _images(layout, side))
    return (*stages, (layout.hidden, flat_size(layout, side)), (classes, layout.hidden))


def map_weights(layout: Layout, side: int, classes: int) -> tuple[int, ...]:
    """Return how many weights every linear map has; a convolution shares them among its neurons."""
    return tuple(math.prod(shape) for shape in weight_shapes(layout, side, classes))
