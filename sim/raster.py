"""What may be fed to a Program: integer messages (B, T, *input shape) within the program's range."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError
from sim.program import Program

__all__ = ["check_raster"]


def check_raster(program: Program, raster: ArrayLike) -> NDArray[np.integer]:
    """Return the raster as an integer array, or say what is wrong with it."""
    array = np.asarray(raster)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(
            f"raster: expected integers, got {array.dtype}",
            "encode or quantise the input first; cast spikes with .astype('uint8')",
        )
    shape = program.input.shape
    if array.ndim != 2 + len(shape) or array.shape[2:] != shape:
        expected = "(B, T, " + ", ".join(map(str, shape)) + ")"
        raise InputError(f"raster: shape {array.shape}, the program reads {expected}", "add the batch axis, or reshape")
    if array.shape[0] < 1 or array.shape[1] < 1:
        raise InputError(f"raster: shape {array.shape} has no sample or no step", "give at least one of each")
    least, most = int(array.min()), int(array.max())
    lo, hi = program.input.lo, program.input.hi
    if least < lo or most > hi:
        fix = "encode to the range the program was compiled for"
        raise InputError(f"raster: messages {least}..{most}, the program reads {lo}..{hi}", fix)
    return array
