"""Synops counted again from recorded spikes, one source neuron and one kernel tap at a time.

It shares nothing with the counting inside the engines: there, a convolution's fan-out is summed from the side of the
target; here every source place is asked which targets its message would reach.
"""

from collections.abc import Mapping
from math import prod
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import Int
from sim.errors import InputError
from sim.program import INPUT, Conv, Dense, Program

__all__ = ["recount_synops"]


def recount_synops(
    program: Program, raster: NDArray[np.integer], spikes: Mapping[str, NDArray[np.integer]]
) -> dict[str, Int]:
    """Return the synops of every population, int64 (connection, sample), from what was sent.

    ``raster`` is (B, T, *input shape), ``spikes`` the recorded spikes of every population that is read, (B, T, *shape).
    Take a large data set in parts: the counts of the samples do not depend on each other.
    """
    steps = raster.shape[1]
    found: dict[str, Int] = {}
    for population in program.populations:
        rows = np.zeros((len(population.inputs), len(raster)), dtype=np.int64)
        for index, connection in enumerate(population.inputs):
            if connection.source != INPUT and connection.source not in spikes:
                what = f"the spikes of {connection.source!r}, read by {population.name!r}, were not recorded"
                raise InputError(what, "run with record=('spikes',)")
            sent = raster if connection.source == INPUT else spikes[connection.source]
            arrived = sent[:, : max(steps - connection.lag, 0)]
            messages = np.count_nonzero(arrived, axis=1).reshape(len(sent), prod(sent.shape[2:]))  # b source
            match connection.wiring:
                case Dense() as dense:
                    reach = [sum(map(bool, column)) for column in dense.weight.T.tolist()]
                case Conv() as conv:
                    reach = _conv_reach(conv, program.shape_of(connection.source), population.shape)
                case _:
                    assert_never(connection.wiring)
            rows[index] = messages @ np.array(reach, dtype=np.int64)
        found[population.name] = rows
    return found


def _conv_reach(conv: Conv, source: tuple[int, ...], target: tuple[int, ...]) -> list[int]:
    """Return for every source element, in C order, the synapses its message meets."""
    channels, height, width = source
    outs, ins = conv.weight.shape[0] // conv.groups, conv.weight.shape[1]
    reach: list[int] = []
    for channel in range(channels):
        group, inner = divmod(channel, ins)
        kernels = conv.weight[group * outs : (group + 1) * outs, inner]
        present = np.count_nonzero(kernels, axis=0).tolist()  # how many outputs read this tap
        reach += [
            sum(
                present[ky][kx]
                for ky in range(conv.weight.shape[2])
                for kx in range(conv.weight.shape[3])
                if _lands(conv, 0, y, ky, target[1]) and _lands(conv, 1, x, kx, target[2])
            )
            for y in range(height)
            for x in range(width)
        ]
    assert len(reach) == prod(source)
    return reach


def _lands(conv: Conv, axis: int, place: int, tap: int, side: int) -> bool:
    """Say whether a message meets ``tap`` of some target: place = target * stride + tap * dilation - padding."""
    moved = place + conv.padding[axis] - tap * conv.dilation[axis]
    return moved % conv.stride[axis] == 0 and 0 <= moved // conv.stride[axis] < side
