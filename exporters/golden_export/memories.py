"""What a test bench loads and checks, as memories: registers, weights, messages and the state after every step."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.golden_export.readmemh import read_bits, read_words, write_bits, write_words
from exporters.nir_export.graph import weight_nodes
from sim.errors import FileError
from sim.program import INPUT, REGISTERS, Program
from sim.validate import REGISTER_RANGES

__all__ = ["Memory", "compare", "constants", "read_memory", "recordings", "write_memory"]

STATE_BITS = 32
"""u reaches +2^23, which 24 bits in two's complement do not hold; u and v are sign-extended to a round width."""

Key = tuple[str, str]
"""Population (or the node that holds weights, or "input") and what is held."""


@dataclass(frozen=True)
class Memory:
    """One file for $readmemh: ``depth`` words of ``bits`` bits, ``of`` a population, the input or a node with weights.

    ``layout`` "number": one value per word, the axes in C order. "vector": a word per sample and step, a bit per neuron
    in C order, neuron 0 the lowest.
    """

    file: str
    of: str
    population: str
    holds: str
    layout: str
    bits: int
    signed: bool
    depth: int
    axes: str
    shape: tuple[int, ...]


def _numbers(
    of: str, holds: str, bits: int, signed: bool, axes: str, shape: tuple[int, ...], population: str | None = None
) -> Memory:
    depth = int(np.prod(shape, dtype=np.int64))
    return Memory(f"mem/{of}.{holds}.hex", of, population or of, holds, "number", bits, signed, depth, axes, shape)


def _vectors(of: str, holds: str, shape: tuple[int, ...]) -> Memory:
    bits, depth = int(np.prod(shape[2:], dtype=np.int64)), shape[0] * shape[1]
    return Memory(f"mem/{of}.{holds}.hex", of, of, holds, "vector", bits, False, depth, "sample step neuron...", shape)


def constants(program: Program) -> dict[Memory, NDArray[np.integer]]:
    """Return the registers and weights of every population, in the program's order."""
    holders = weight_nodes(program)
    found: dict[Memory, NDArray[np.integer]] = {}
    for p in program.populations:
        for name in REGISTERS:
            low, high = REGISTER_RANGES[name]
            bits = STATE_BITS if name in ("u0", "v0") else high.bit_length() + (low < 0)
            found[_numbers(p.name, name, bits, low < 0, "neuron...", p.shape)] = getattr(p, name)
        for i, connection in enumerate(p.inputs):
            weight = connection.wiring.weight
            axes = "out in" if weight.ndim == 2 else "out in_of_group kernel_y kernel_x"
            holder, bits = holders[p.name, i], weight.itemsize * 8
            found[_numbers(holder, "weight", bits, True, axes, weight.shape, p.name)] = weight
    return found


def recordings(program: Program, samples: int, steps: int) -> dict[Key, Memory]:
    """Return the memories of the input and of every spike, u and v."""
    size, axes = (samples, steps), "sample step neuron..."
    lo, hi = program.input.lo, program.input.hi
    shape = size + program.input.shape
    if (lo, hi) == (0, 1):
        found = {(INPUT, "messages"): _vectors(INPUT, "messages", shape)}
    else:
        bits = max(hi.bit_length(), (-lo - 1).bit_length() if lo < 0 else 0, 1) + (lo < 0)
        found = {(INPUT, "messages"): _numbers(INPUT, "messages", bits, lo < 0, axes, shape)}
    for p in program.populations:
        found[p.name, "spikes"] = _vectors(p.name, "spikes", size + p.shape)
        for name in ("u", "v"):
            found[p.name, name] = _numbers(p.name, name, STATE_BITS, True, axes, size + p.shape)
    return found


def write_memory(folder: Path, memory: Memory, values: NDArray[np.integer]) -> None:
    """Write one memory as a file below ``folder``."""
    path = folder / memory.file
    comment = f"{memory.of}: {memory.holds}, {memory.depth} words of {memory.bits} bits, {memory.axes} = {memory.shape}"
    if memory.layout == "vector":
        write_bits(path, values.reshape(memory.depth, memory.bits), comment)
    else:
        write_words(path, values, memory.bits, comment)


def read_memory(folder: Path, memory: Memory) -> NDArray[np.int64]:
    """Read one memory back, in its shape."""
    path = folder / memory.file
    if memory.layout == "vector":
        return read_bits(path, memory.bits, memory.depth).astype(np.int64).reshape(memory.shape)
    return read_words(path, memory.bits, memory.depth, signed=memory.signed).reshape(memory.shape)


def compare(folder: Path, expected: Mapping[Memory, NDArray[np.integer]]) -> None:
    """Refuse a folder in which a memory differs, naming the first value that does."""
    for memory, values in expected.items():
        found = read_memory(folder, memory)
        wrong = found != values
        if wrong.any():
            place = tuple(int(i[0]) for i in np.nonzero(wrong))
            what = (
                f"population {memory.population!r}: {memory.holds} {place} is {found[place]}, expected {values[place]}"
            )
            raise FileError(f"{folder / memory.file}: {what}", "export again")
