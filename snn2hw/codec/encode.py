"""Encoders: integers q in 0..levels become a raster of T steps.

    direct    s[t] = q                                             the graded value itself, every step
    lif       v = v + a (gain q / levels - v);  s = v > 1;  v = 0 where s        Norse's constant_current_lif_encode
    latency   one spike, the earlier the larger: t = round((1 - q / levels) (T - 1)); q = 0 never fires
    poisson   s[t] = 1 with probability rate q / levels

Only ``poisson`` draws numbers, and every sample from a stream of its own: neither batch size nor order matters.
"""

from dataclasses import dataclass
from typing import Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["Encoder", "Kind", "encode", "highest", "spike_table"]

Kind = Literal["direct", "lif", "latency", "poisson"]


@dataclass(frozen=True)
class Encoder:
    """How integers become a raster; ``gain`` and ``leak`` belong to ``lif``, ``rate`` and ``seed`` to ``poisson``."""

    kind: Kind
    steps: int
    levels: int
    gain: float = 4.0
    leak: float = 0.1
    rate: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"encoder {self.kind!r}: unknown", f"choose {one_of(self.kind, get_args(Kind))}")
        if self.steps < 1 or not 1 <= self.levels <= 255:
            raise InputError(f"encoder: {self.steps} steps, {self.levels} levels", "steps >= 1 and 1 <= levels <= 255")
        if not 0 < self.rate <= 1 or not 0 < self.leak <= 1 or not self.gain > 0:
            raise InputError(
                f"encoder: gain {self.gain}, leak {self.leak}, rate {self.rate}", "0 < each, leak, rate <= 1"
            )


def highest(encoder: Encoder) -> int:
    """Return the largest message the encoder sends: the ``hi`` of the program's input."""
    return encoder.levels if encoder.kind == "direct" else 1


def encode(values: NDArray[np.uint8], encoder: Encoder, first: int = 0) -> NDArray[np.uint8]:
    """Return the raster (n, T, *shape) of ``values`` (n, *shape); ``first`` is the number of the first sample."""
    if values.size and int(values.max()) > encoder.levels:
        raise InputError(
            f"encoder: a value of {values.max()} in 0..{encoder.levels}", "quantise to the encoder's levels"
        )
    match encoder.kind:
        case "direct":
            return np.repeat(values[:, None], encoder.steps, axis=1)
        case "lif" | "latency":
            trains = spike_table(encoder)[values]  # n *shape t
            return np.ascontiguousarray(np.moveaxis(trains, -1, 1), dtype=np.uint8)
        case "poisson":
            return np.stack([_poisson(sample, encoder, first + i) for i, sample in enumerate(values)])
        case _:
            assert_never(encoder.kind)


def spike_table(encoder: Encoder) -> NDArray[np.uint8]:
    """Return the spike train of every level, (levels + 1, T), of an encoder that draws no numbers."""
    level = np.arange(encoder.levels + 1)
    if encoder.kind == "latency":
        when = np.rint((1 - level / encoder.levels) * (encoder.steps - 1))[:, None]
        return np.asarray((np.arange(encoder.steps) == when) & (level > 0)[:, None], dtype=np.uint8)
    if encoder.kind != "lif":
        raise InputError(f"encoder {encoder.kind!r}: has no table", "use encode")
    return _lif_trains((level * np.float32(encoder.gain / encoder.levels)).astype(np.float32), encoder)


def _lif_trains(current: NDArray[np.float32], encoder: Encoder) -> NDArray[np.uint8]:
    """Norse's encoder, operation by operation in float32, so that the trains are the same bit for bit."""
    one, leak = np.float32(1), np.float32(encoder.leak)
    v = np.zeros_like(current)
    trains = np.zeros((current.size, encoder.steps), dtype=np.uint8)
    for t in range(encoder.steps):
        v = v + leak * ((np.float32(0) - v) + current)
        fired = v - one > 0
        trains[:, t] = fired
        v = v - fired.astype(np.float32) * v
    return trains


def _poisson(sample: NDArray[np.uint8], encoder: Encoder, number: int) -> NDArray[np.uint8]:
    random = np.random.Generator(np.random.Philox(key=[encoder.seed, number]))
    draws = random.random((encoder.steps, *sample.shape), dtype=np.float32)
    chance = np.float32(encoder.rate / encoder.levels) * sample.astype(np.float32)
    return (draws < chance).astype(np.uint8)
