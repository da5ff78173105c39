"""The additions that one core of this machine can do at best: 16-bit weights into 16-bit sums, both in the L1 cache.

One addition loads a weight, loads a sum and stores the sum: what an event-driven simulator does for every synapse that
a spike meets when sums do not stay in registers. `add_peak` measures how many of them a second are possible: operands
aligned, nothing else in the loop, in vectors of 256 and of 512 bits, of which the faster form counts (CPUs that store
512 bits in two halves are faster with 256).
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["add_peak"]

SUMS = 1536
"""Sums that a row of weights is added to: 3 KB, and the rows beside them 12 KB."""
ROWS = 4
BYTES = 512
"""Of sums that one round of the loop, written out, deals with."""
REPEATS = 2000
LANES = (16, 32)


def add_peak(seconds: float = 0.4) -> float:
    """Return additions per second of thread-CPU time: the best of many stretches of about a quarter millisecond."""
    return max(_measured(_loop(lanes), seconds / len(LANES)) for lanes in LANES)


def _measured(add_rows: Callable[..., None], seconds: float) -> float:
    sums, weights = _aligned(SUMS), _aligned(ROWS * SUMS).reshape(ROWS, SUMS)
    weights[...] = np.arange(ROWS * SUMS).reshape(ROWS, SUMS) % 251 - 125
    add_rows(sums, weights, 3)
    if not np.array_equal(sums, 3 * weights.sum(axis=0, dtype=np.int16)):
        raise AssertionError("the measured loop does not add")
    best, end = float("inf"), time.thread_time() + seconds
    while time.thread_time() < end:
        start = time.thread_time_ns()
        add_rows(sums, weights, REPEATS)
        best = min(best, time.thread_time_ns() - start)
    return REPEATS * ROWS * SUMS / best * 1e9


def _loop(lanes: int) -> Callable[..., None]:
    """Compile ``sums += row`` for every row of weights, over and over, in vectors of so many lanes."""
    from llvmlite import ir
    from numba import njit, types
    from numba.extending import intrinsic

    vector, index = ir.VectorType(ir.IntType(16), lanes), ir.IntType(32)

    @intrinsic
    def add(typing: Any, sums: Any, weights: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointers = []
            for kind, array in zip((sums, weights), arguments, strict=False):
                data = builder.gep(context.make_array(kind)(context, builder, array).data, [arguments[2]])
                pointers.append(builder.bitcast(data, vector.as_pointer()))
            for i in range(BYTES // (2 * lanes)):
                there, what = (builder.gep(pointer, [ir.Constant(index, i)]) for pointer in pointers)
                added = builder.add(builder.load(there, align=2 * lanes), builder.load(what, align=2 * lanes))
                builder.store(added, there, align=2 * lanes)
            return context.get_dummy_value()

        return types.void(sums, weights, types.int64), generate

    @njit(nogil=True, boundscheck=False)
    def add_rows(sums: Any, weights: Any, repeats: int) -> None:
        for _ in range(repeats):
            for row in range(ROWS):
                for at in range(0, SUMS, BYTES // 2):
                    add(sums, weights[row], at)

    return add_rows


def _aligned(size: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return zeros that begin at a multiple of 64 bytes."""
    memory = np.zeros(size + 32, dtype=np.int16)
    first = -memory.ctypes.data % 64 // memory.itemsize
    return memory[first : first + size]
