"""Decoders: a readout over time (b, T, classes) becomes one score per class.

max    the highest value over time          mean   the average over time
last   the value at the last step           count  the sum over time: spikes counted, or the mean times T
"""

from typing import Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["DECODERS", "Decoder", "decide", "decode"]

Decoder = Literal["max", "last", "mean", "count"]
DECODERS: tuple[Decoder, ...] = get_args(Decoder)


def decode(output: NDArray[np.generic], decoder: Decoder) -> NDArray[np.generic]:
    """Return the score of every class, (b, classes)."""
    if decoder not in DECODERS:
        raise InputError(f"decoder {decoder!r}: unknown", f"choose {one_of(decoder, DECODERS)}")
    scores: NDArray[np.generic]
    match decoder:
        case "max":
            scores = output.max(axis=1)
        case "last":
            scores = output[:, -1]
        case "mean":
            scores = output.mean(axis=1)
        case "count":
            scores = output.sum(axis=1)
        case _:
            assert_never(decoder)
    return scores


def decide(output: NDArray[np.generic], decoder: Decoder) -> NDArray[np.int64]:
    """Return the class of every sample, (b,); of equal scores the first class wins."""
    return np.asarray(decode(output, decoder).argmax(axis=1), dtype=np.int64)
