"""Numbers as C: tables, and the fields of structures that point to them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim.program import RegisterArray, narrowest

__all__ = ["constant_table", "differ", "pair", "register_field", "table_field"]

PER_LINE = 24
TYPES = {np.dtype(np.int8): "i8", np.dtype(np.int16): "i16", np.dtype(np.int32): "i32"}


def differ(values: RegisterArray) -> bool:
    """Return whether neurons have different values."""
    return bool((values != values.reshape(-1)[0]).any())


def constant_table(name: str, values: NDArray[np.integer]) -> Iterator[str]:
    """Yield an array of constants, piece by piece."""
    yield f"static const {values.dtype}_t {name}[{values.size}] = {{\n"
    for start in range(0, values.size, PER_LINE):
        yield ",".join(map(str, values[start : start + PER_LINE].tolist())) + ",\n"
    yield "};\n\n"


def table_field(name: str, dtype: np.dtype[np.integer]) -> str:
    """Return a ``struct snn_table`` that points to a table."""
    return "{" + f".{TYPES[np.dtype(dtype)]} = {name}" + "}"


def pair(values: tuple[int, ...]) -> str:
    """Return a few numbers in braces."""
    return "{" + ", ".join(map(str, values)) + "}"


def register_field(name: str, values: RegisterArray, index: int) -> str:
    """Return a ``struct snn_register`` of a population: one number, or its table."""
    if not differ(values):
        return f".{name} = {{.all = {int(values.reshape(-1)[0])}, .per_neuron = 0}}"
    table = table_field(f"{name}_{index}", narrowest(values, name).dtype)
    return f".{name} = {{.each = {table}, .per_neuron = 1}}"
