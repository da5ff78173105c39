"""What a network will be fed: the data that it is calibrated on, and what its certificate has to cover."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError
from snn2hw.compiler.options import Options
from snn2hw.network.network import Network

__all__ = ["Fed", "fed"]

UNCALIBRATED_STEPS = 1024
"""The longest sample that is certified where neither data nor the user say one."""


@dataclass(frozen=True, eq=False)
class Fed:
    """What a network will be fed: calibration data if there are any, the range of its messages, its longest sample."""

    rasters: NDArray[np.integer] | None
    messages: tuple[int, int]
    steps: int


def fed(network: Network, data: ArrayLike | None, options: Options) -> Fed:
    """Return calibration data (B, T, *input shape) as they are used, and what the certificate has to cover."""
    rasters = None if data is None else _integers(network, data)
    low, high, steps = 0, 1, UNCALIBRATED_STEPS
    if rasters is not None:
        low, high, steps = min(low, int(rasters.min())), max(high, int(rasters.max())), rasters.shape[1]
    messages = options.messages or (low, high)
    if messages[0] > low or messages[1] < high:
        what = f"messages {messages[0]}..{messages[1]}, the calibration data holds {low}..{high}"
        raise InputError(what, "give a range that holds the data")
    return Fed(rasters, messages, options.steps or steps)


def _integers(network: Network, data: ArrayLike) -> NDArray[np.integer]:
    x = np.asarray(data)
    if x.ndim != len(network.input_shape) + 2 or x.shape[2:] != network.input_shape or not x.size:
        expected = ", ".join(map(str, ("B", "T", *network.input_shape)))
        raise InputError(f"calibration data: shape {x.shape}", f"give ({expected}) integers")
    if not np.issubdtype(x.dtype, np.integer) and x.dtype != np.bool_:
        raise InputError(
            f"calibration data: expected integers, got {x.dtype}",
            "encode or quantise the input first; cast spikes with .astype('uint8')",
        )
    return x
