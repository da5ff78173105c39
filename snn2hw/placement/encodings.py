"""How many bits the synapses of one axon take in a core, in the encodings that Loihi has.

An axon's synapses lie in blocks of up to 64 weights; a block has a header of 10 bits and fills whole words of 64:

    bits(n) = sum over blocks of  64 * ceil((weights * bits_per_weight + 4 + 6) / 64)

Source: nengo-loihi, `block.py: SynapseConfig.bits_per_axon` (4 bits index of the configuration, 6 bits their number).

- ``dense``: every neuron of the slice has a weight, in order: no index.
- ``sparse``: a weight and the index of its neuron, zero weights left out.
- ``shared``: the rows of a convolution's kernel, with indices relative to a base that each axon brings; one axon for
  a pixel, which carries the channel in its message. A row is stored once for every set of taps that meets the slice.
"""

import numpy as np
from numpy.typing import NDArray

from sim.parts import Conv

__all__ = ["ENCODINGS", "axon_bits", "index_bits", "kernel_rows", "row_bits", "stored_bits", "taps_met"]

ENCODINGS = ("dense", "sparse", "shared")
WORD, BLOCK, HEADER = 64, 64, 4 + 6
LEAST_INDEX_BITS = 6
DELAY_BITS = 6
"""Loihi's field; a connection of lag 0 or 1 needs none of it (Davies 2018, p. 92)."""
STORED = {7: 8}
"""Bits that a weight takes where they are not its own: nengo-loihi's WEIGHT_BITS_MAP has no 7."""


def stored_bits(weight_bits: int, lag: int) -> int:
    """Return the bits of one weight with its delay."""
    return STORED.get(weight_bits, weight_bits) + (DELAY_BITS if lag > 1 else 0)


def index_bits(neurons: int | None) -> int:
    """Return the bits that name one of a core's neurons; 1024 where the chip states no number.

    >>> index_bits(1024), index_bits(8192)
    (10, 13)
    """
    return max(LEAST_INDEX_BITS, ((neurons or 1024) - 1).bit_length())


def axon_bits(weights: NDArray[np.integer] | int, bits: int) -> NDArray[np.int64]:
    """Return the bits of axons of so many weights each.

    >>> int(256 * axon_bits(256, 8))
    589824
    """
    blocks, rest = np.divmod(np.asarray(weights, dtype=np.int64), BLOCK)
    whole = _words(np.asarray(BLOCK * bits + HEADER))
    return np.asarray(blocks * whole + np.where(rest > 0, _words(rest * bits + HEADER), 0))


def _words(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(-(-bits // WORD) * WORD)


def kernel_rows(conv: Conv, low: tuple[int, ...], high: tuple[int, ...], source: tuple[int, ...]) -> NDArray[np.int64]:
    """Return for every different set of taps that a source pixel meets in the box how many taps it has."""
    spans = ((low[1], high[1]), (low[2], high[2]))
    met = [taps_met(conv, axis, span, source[1 + axis]) for axis, span in enumerate(spans)]
    down, across = (np.unique(m[m.any(axis=1)], axis=0).sum(axis=1) for m in met)
    return np.outer(down, across).ravel()


def taps_met(conv: Conv, axis: int, span: tuple[int, int], side: int) -> NDArray[np.bool_]:
    """Return, (places of the source, taps), which taps meet which places along one axis for neurons in ``span``."""
    taps = np.arange(conv.weight.shape[2 + axis]) * conv.dilation[axis]
    places = np.arange(*span) * conv.stride[axis] - conv.padding[axis]
    read = places[:, None] + taps
    place, tap = np.nonzero((read >= 0) & (read < side))
    met = np.zeros((side, len(taps)), dtype=bool)
    met[read[place, tap], tap] = True
    return met


def row_bits(conv: Conv, channels: tuple[int, int], rows: NDArray[np.int64], bits: int) -> int:
    """Return the bits of all rows of a kernel for the output ``channels``, one row an input channel and set of taps."""
    outs, ins = len(conv.weight) // conv.groups, conv.weight.shape[1]
    first, last = channels[0] // outs, (channels[1] - 1) // outs
    groups = np.arange(first, last + 1)
    held = np.minimum((groups + 1) * outs, channels[1]) - np.maximum(groups * outs, channels[0])
    sizes, times = np.unique(held, return_counts=True)
    return sum(int(n) * ins * int(axon_bits(rows * size, bits).sum()) for size, n in zip(sizes, times, strict=True))
