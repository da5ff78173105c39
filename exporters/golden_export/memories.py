"""What a test bench loads and checks, as memories: registers, weights, messages and the state after every step."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.golden_export.readmemh import read_bits, read_words, write_bits, write_words
from exporters.nir_export.graph import weight_nodes
from sim.arithmetic.description import Span, bits_of
from sim.errors import FileError
from sim.program import INPUT, Program

__all__ = ["MemoryImage", "compare", "constants", "read_memory", "recordings", "write_memory"]

RECORDED_AXES = "sample step neuron..."

Shape = tuple[int, ...]
Key = tuple[str, str]
"""Population (or the node that holds weights, or "input") and what is held."""


@dataclass(frozen=True)
class Word:
    """The width of a memory's words, and whether they are two's complement."""

    bits: int
    signed: bool


STATE = Word(32, signed=True)
"""u reaches +2^23, which 24 bits in two's complement do not hold; states are sign-extended to a round width."""


@dataclass(frozen=True)
class MemoryImage:
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


def _numbers(of: str, holds: str, word: Word, axes: str, shape: Shape, population: str | None = None) -> MemoryImage:
    return MemoryImage(
        file=f"mem/{of}.{holds}.hex",
        of=of,
        population=population or of,
        holds=holds,
        layout="number",
        bits=word.bits,
        signed=word.signed,
        depth=int(np.prod(shape, dtype=np.int64)),
        axes=axes,
        shape=shape,
    )


def _vectors(of: str, holds: str, shape: Shape) -> MemoryImage:
    return MemoryImage(
        file=f"mem/{of}.{holds}.hex",
        of=of,
        population=of,
        holds=holds,
        layout="vector",
        bits=int(np.prod(shape[2:], dtype=np.int64)),
        signed=False,
        depth=shape[0] * shape[1],
        axes=RECORDED_AXES,
        shape=shape,
    )


def constants(program: Program) -> dict[MemoryImage, NDArray[np.integer]]:
    """Return the registers and weights of every population, in the program's order."""
    holders, described = weight_nodes(program), program.described
    found: dict[MemoryImage, NDArray[np.integer]] = {}
    for p in program.populations:
        for r in described.registers:
            word = Word(STATE.bits, r.span[0] < 0) if r.name in described.initial else _word(r.span)
            found[_numbers(p.name, r.name, word, "neuron...", p.shape)] = p.registers[r.name]
        for i, connection in enumerate(p.inputs):
            weight = connection.wiring.weight
            axes = "out in" if weight.ndim == 2 else "out in_of_group kernel_y kernel_x"
            word = Word(weight.itemsize * 8, signed=True)
            found[_numbers(holders[p.name, i], "weight", word, axes, weight.shape, p.name)] = weight
    return found


def recordings(program: Program, samples: int, steps: int) -> dict[Key, MemoryImage]:
    """Return the memories of the input, of every spike and of every state."""
    size, messages = (samples, steps), (program.input.lo, program.input.hi)
    shape = size + program.input.shape
    if messages == (0, 1):
        found = {(INPUT, "messages"): _vectors(INPUT, "messages", shape)}
    else:
        found = {(INPUT, "messages"): _numbers(INPUT, "messages", _word(messages), RECORDED_AXES, shape)}
    for p in program.populations:
        if p.most_sent <= 1:
            found[p.name, "spikes"] = _vectors(p.name, "spikes", size + p.shape)
        else:
            word = _word((0, p.most_sent))
            found[p.name, "spikes"] = _numbers(p.name, "spikes", word, RECORDED_AXES, size + p.shape)
        for state in program.described.states:
            found[p.name, state.name] = _numbers(p.name, state.name, STATE, RECORDED_AXES, size + p.shape)
    return found


def _word(span: Span) -> Word:
    return Word(bits_of(span), span[0] < 0)


def write_memory(folder: Path, memory: MemoryImage, values: NDArray[np.integer]) -> None:
    """Write one memory as a file below ``folder``."""
    path = folder / memory.file
    comment = f"{memory.of}: {memory.holds}, {memory.depth} words of {memory.bits} bits, {memory.axes} = {memory.shape}"
    if memory.layout == "vector":
        write_bits(path, values.reshape(memory.depth, memory.bits), comment)
    else:
        write_words(path, values, memory.bits, comment)


def read_memory(folder: Path, memory: MemoryImage) -> NDArray[np.int64]:
    """Read one memory back, in its shape."""
    path = folder / memory.file
    if memory.layout == "vector":
        return read_bits(path, memory.bits, memory.depth).astype(np.int64).reshape(memory.shape)
    return read_words(path, memory.bits, memory.depth, signed=memory.signed).reshape(memory.shape)


def compare(folder: Path, expected: Mapping[MemoryImage, NDArray[np.integer]]) -> None:
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
