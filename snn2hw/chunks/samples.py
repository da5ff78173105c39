"""Samples to be fed to a program, from memory, from one file or from a folder of files, chunk by chunk.

A folder holds ``.npz`` input files (`snn2hw.files.rasters`) with the same steps and shape; they are taken in the order
of their names, one in memory at a time. Chunks are cut across the borders of files: how a set is divided into files
changes nothing that is computed of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError
from sim.program import Program
from sim.raster import check_raster
from snn2hw.files.rasters import RasterFacts, read_raster, read_raster_facts

__all__ = ["CHUNK_BYTES", "SampleSet", "chunk_size", "read_samples_of", "samples_of"]

CHUNK_BYTES = 64 << 20
"""What one chunk takes in this process: its messages, and what is recorded of it."""
STATE_BYTES = 4
"""Bytes of a recorded state, or of the output, per neuron and step; a spike takes one."""
SUFFIX = ".npz"


@dataclass(frozen=True, eq=False)
class SampleSet:
    """(samples, steps, *shape) messages that need not be in memory at once, and what their files say of them."""

    facts: RasterFacts
    parts: Callable[[], Iterator[NDArray[np.integer]]]
    """Read them from the first on, in arrays of any length."""
    checked: bool = False
    """Whether they have been held against the program as a whole."""

    @property
    def count(self) -> int:
        """Return how many samples there are."""
        return self.facts.shape[0]

    @property
    def steps(self) -> int:
        """Return how many steps each of them has."""
        return self.facts.shape[1]

    def first(self, count: int | None) -> "SampleSet":
        """Return the first ``count`` samples, or all."""
        if count is None or count >= self.count:
            return self
        labels = None if self.facts.labels is None else self.facts.labels[:count]
        return replace(self, facts=replace(self.facts, shape=(count, *self.facts.shape[1:]), labels=labels))

    def chunks(self, program: Program, size: int) -> Iterator[tuple[int, NDArray[np.integer]]]:
        """Yield (number of its first sample, messages) for every ``size`` samples, each checked against the program."""
        start = 0
        for piece in _cut(self.parts(), size, self.count):
            yield start, piece if self.checked else check_raster(program, piece)
            start += len(piece)


def _cut(parts: Iterator[NDArray[Any]], size: int, count: int) -> Iterator[NDArray[Any]]:
    """Cut arrays of any length into arrays of ``size`` samples, and one of what is left of the first ``count``."""
    held: list[NDArray[Any]] = []
    waiting, left = 0, count
    for part in parts:
        rest = part[:left]
        left -= len(rest)
        while len(rest):
            head, rest = rest[: size - waiting], rest[size - waiting :]
            held.append(head)
            waiting += len(head)
            if waiting == size:
                yield _joined(held)
                held, waiting = [], 0
        if not left:
            break
    if held:
        yield _joined(held)


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def samples_of(program: Program, raster: ArrayLike) -> SampleSet:
    """Return samples that are in memory."""
    array = check_raster(program, raster)
    return SampleSet(RasterFacts(array.shape, array.dtype), lambda: iter((array,)), checked=True)


def read_samples_of(path: Path | str, program: Program) -> SampleSet:
    """Return the samples of an input file, or of a folder of them: messages of a folder are not read yet."""
    shape = program.input.shape
    if not Path(path).is_dir():
        raster = read_raster(path, shape)
        return replace(samples_of(program, raster.spikes), facts=raster.facts)
    files = sorted(p for p in Path(path).iterdir() if p.suffix == SUFFIX and not p.name.startswith("."))
    if not files:
        raise InputError(f"{path}: holds no {SUFFIX} file", "name a folder of input files, or one file")
    facts = [read_raster_facts(file, shape) for file in files]
    for file, other in zip(files, facts, strict=True):
        _refuse_mixed(str(file), facts[0], other)
    first = facts[0]
    count = sum(f.shape[0] for f in facts)
    labels = None if first.labels is None else np.concatenate([f.labels for f in facts if f.labels is not None])
    whole = replace(first, shape=(count, *first.shape[1:]), labels=labels)
    return SampleSet(whole, partial(_read_parts, files, shape))


def _read_parts(files: list[Path], shape: tuple[int, ...]) -> Iterator[NDArray[np.integer]]:
    for file in files:
        yield read_raster(file, shape).spikes


def _refuse_mixed(where: str, first: RasterFacts, other: RasterFacts) -> None:
    """Refuse a file of a folder that is not of one set with the first."""
    for what, ours, theirs in (
        ("steps", first.shape[1], other.shape[1]),
        ("dtype", first.dtype, other.dtype),
        ("decoder", first.decoder, other.decoder),
        ("front", first.front, other.front),
        ("classes", first.classes, other.classes),
        ("labels or none", first.labels is None, other.labels is None),
    ):
        if ours != theirs:
            fix = "put the files of one set into a folder of their own"
            raise InputError(f"{where}: {what} differ from those of the first file of the folder", fix)


def chunk_size(program: Program, samples: SampleSet, most: int, *, states: int = 0, spikes: bool = False) -> int:
    """Return how many samples fit into ``most`` bytes, with ``states`` recorded states and the spikes or none."""
    neurons = sum(p.size for p in program.populations)
    messages = int(np.prod(program.input.shape, dtype=np.int64)) * samples.facts.dtype.itemsize
    recorded = neurons * (STATE_BYTES * states + int(spikes))
    per_sample = samples.steps * (messages + recorded + STATE_BYTES * program.output.size)
    return max(1, most // max(per_sample, 1))
