"""Numbers and rasters from integer formulas, the same on every machine and with every version of NumPy and torch.

Weights are k / 1024 with |k| <= 1024: their sums and products with spikes are exact in float64 in whatever order a
machine adds them up, and float32 holds them.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Formula", "fill", "numbers", "raster", "scattered"]


def scattered(size: int, seed: int) -> np.ndarray:
    """Return ``size`` integers 0..2^31 - 1 that look drawn: a finaliser of SplitMix64 over a counter."""
    mask = (1 << 64) - 1
    x = np.arange(size, dtype=np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) & mask)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(33)).astype(np.int64)


def numbers(shape, seed: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Return multiples of 1/1024 in low..high."""
    first, last = round(low * 1024), round(high * 1024)
    values = first + scattered(int(np.prod(shape, dtype=np.int64)), seed) % (last - first + 1)
    return (values / 1024.0).reshape(shape)


def raster(shape, *, samples: int = 2, steps: int = 24, seed: int = 1, low: int = 0, high: int = 1) -> np.ndarray:
    """Return messages (samples, steps, *shape): three in ten are not zero."""
    size = (samples, steps, *shape)
    drawn = scattered(int(np.prod(size)), 7919 + seed).reshape(size)
    messages = np.where(drawn // 1024 % 10 < 3, low + drawn % (high - low + 1), 0)
    return np.where((messages == 0) & (drawn // 1024 % 10 < 3), high, messages).astype(np.int32)


@dataclass
class Formula:
    """Stands where a builder of the other tests asks for a NumPy generator; every call gets the next seed."""

    seed: int
    calls: int = field(default=0)

    def uniform(self, low=0.0, high=1.0, size=()):
        """Return numbers spread over low..high, 1025 values of them."""
        self.calls += 1
        steps = scattered(int(np.prod(size, dtype=np.int64)), self.seed * 1000 + self.calls) % 1025
        return (low + (high - low) * (steps / 1024.0)).reshape(size)

    def normal(self, loc=0.0, scale=1.0, size=()):
        """Return multiples of 1/1024 about loc, with the spread of a normal distribution and without its tails."""
        self.calls += 1
        return numbers(size, self.seed * 1000 + self.calls, loc - 1.75 * scale, loc + 1.75 * scale)


def fill(module, seed: int, gain: float = 1.0):
    """Give the layers of a torch module weights from formulas and return it; parameters of neurons stay."""
    import torch

    with torch.no_grad():
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            own, size = zlib.crc32(name.encode()) + seed, tuple(value.shape)
            match name.rpartition(".")[2]:
                case "running_mean":
                    made = numbers(size, own, -0.2, 0.2)
                case "running_var":
                    made = numbers(size, own, 0.3, 2.0)
                case "weight" if len(size) == 1:
                    made = numbers(size, own, 0.5, 1.5) * max(1.0, gain)
                case "bias":
                    made = numbers(size, own, -0.1, 0.3)
                case "weight" | "input_weights" | "w":
                    spread = gain / np.sqrt(np.prod(size[1:]))
                    made = numbers(size, own, -1.25 * spread, 2.25 * spread)
                case "recurrent_weights":
                    made = numbers(size, own, -0.5, 0.4)
                case _:
                    continue
            value.copy_(torch.from_numpy(np.asarray(made)).to(value.dtype))
    return module
