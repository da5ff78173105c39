"""How the neurons of the input or of a population lie in memory: channels last, pixels of whole vectors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIST", "TILE_UNIT", "LaneGrid", "grid"]

LIST = (1 << 16) - 1
"""Lists hold 16 bits: so many rows can be told apart, and one more, of zeros."""
TILE_UNIT = 64
"""Lanes that may be advanced at once: tiles, registers and sums are padded to it."""
FLAT_PITCH = 2048
"""A flat array too long for one list entry is kept as pixels of this many neurons."""


@dataclass(frozen=True)
class LaneGrid:
    """How the neurons of a source lie in memory: pixels of ``pitch`` lanes."""

    shape: tuple[int, ...]
    size: int
    pixels: int
    channels: int
    pitch: int

    @property
    def is_image(self) -> bool:
        """Return whether the program has channels first, or no channels at all."""
        return len(self.shape) == 3

    @property
    def width(self) -> int:
        """Return the pixels in a line."""
        return self.shape[2] if self.is_image else self.pixels

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Lay (..., size) out as (..., pixels, pitch), zero where there is no neuron."""
        lead = values.shape[:-1]
        out = np.zeros((*lead, self.pixels, self.pitch), dtype=values.dtype)
        if self.is_image:
            out[..., : self.channels] = values.reshape(*lead, self.channels, self.pixels).swapaxes(-1, -2)
        else:
            out.reshape(*lead, -1)[..., : self.size] = values
        return out


def grid(shape: tuple[int, ...], *, lanes: bool) -> LaneGrid:
    """Lay a shape out; ``lanes`` rounds the channels up to whole vectors."""
    size = int(np.prod(shape))
    if len(shape) == 3:
        channels, pixels = shape[0], shape[1] * shape[2]
    elif size <= LIST // 32 * 32:
        channels, pixels = size, 1
    else:
        channels, pixels = FLAT_PITCH, -(-size // FLAT_PITCH)
    pitch = channels if not lanes else 16 if channels <= 16 else -(-channels // 32) * 32
    return LaneGrid(shape, size, pixels, channels, pitch)
