"""A run chunk by chunk: each is computed alone, here or by a worker, and put together in the order of the samples.

Each sample starts from the first states and meets nothing of another, so a run of chunks is the run of all of them,
to the last bit. Only a refusal depends on the cut: it is the first of the first chunk that is refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.compare import flat_counts
from sim.engines import DEFAULT_ENGINE, run
from sim.errors import InputError, MachineError
from sim.program import Program
from sim.trace import Counts, Record, Tally, counts_from
from snn2hw.chunks.input_facts import InputFacts, input_facts, joined_facts
from snn2hw.chunks.samples import CHUNK_BYTES, SampleSet, chunk_size
from snn2hw.codec.decode import Decoder, decide
from snn2hw.files.rasters import trace_arrays

__all__ = ["Asked", "ChunkRun", "Here", "RunTotals", "Runner", "later_samples", "run_chunk", "run_samples"]

TALLIED = ("events", "synops_by_connection", "spikes", "active", "wraps", "clips", "messages")
"""The fields of Counts that an engine counts, with the batch as their last axis; the others follow from them."""


@dataclass(frozen=True)
class Asked:
    """What is wanted of a run: the engine, what to record, how an answer is read, whether facts of the input."""

    engine: str = DEFAULT_ENGINE
    record: tuple[Record, ...] = ()
    trace: bool = False
    """Whether what was recorded, and the output, are wanted themselves."""
    allow_wrap: bool = False
    decoder: Decoder | None = None
    facts: bool = False
    """Whether `InputFacts` are wanted."""


@dataclass(frozen=True, eq=False)
class ChunkRun:
    """What came of one chunk; of what was not asked for there is nothing."""

    samples: int
    steps: int
    tallies: Mapping[str, NDArray[np.int64]]
    """``FIELD.POPULATION`` of `TALLIED`, the batch last."""
    answers: NDArray[np.int64] | None
    arrays: Mapping[str, NDArray[Any]]
    facts: InputFacts | None


@dataclass(frozen=True, eq=False)
class RunTotals:
    """What came of a whole run."""

    digest: str
    samples: int
    steps: int
    counts: Counts
    answers: NDArray[np.int64] | None
    facts: InputFacts | None


Chunks = Iterable[tuple[int, NDArray[np.integer]]]
"""Messages, each array with the number of its first sample."""


class Runner(Protocol):
    """Whoever runs chunks, and yields what came of them in their order."""

    @property
    def chunk_bytes(self) -> int:
        """Return what a chunk may take."""

    def __call__(self, program: Program, chunks: Chunks, asked: Asked) -> Iterator[ChunkRun]:
        """Run them."""


@dataclass(frozen=True)
class Here:
    """A `Runner` in this process; ``progress`` is called with sample-steps."""

    progress: Callable[[int], object] | None = None
    chunk_bytes: int = CHUNK_BYTES

    def __call__(self, program: Program, chunks: Chunks, asked: Asked) -> Iterator[ChunkRun]:
        """Run one after the other."""
        for start, spikes in chunks:
            yield run_chunk(program, spikes, asked, start, progress=self.progress)


def run_chunk(
    program: Program,
    spikes: NDArray[np.integer],
    asked: Asked,
    start: int = 0,
    *,
    progress: Callable[[int], object] | None = None,
) -> ChunkRun:
    """Run the samples from number ``start`` on."""
    try:
        trace = run(
            program,
            spikes,
            engine=asked.engine,
            record=asked.record,
            allow_wrap=asked.allow_wrap,
            progress=progress,
        )
    except MachineError as error:
        raise MachineError(later_samples(error.what, start), error.fix) from None
    if trace.digest != program.digest:
        raise InputError(f"the run is of program {trace.digest[:12]}, not of {program.digest[:12]}")
    output = trace.output.reshape(*trace.output.shape[:2], -1)
    arrays = trace_arrays(trace) if asked.trace else {}
    arrays.pop("digest", None)
    return ChunkRun(
        samples=len(spikes),
        steps=spikes.shape[1],
        tallies={name: values for name, values in flat_counts(trace.counts).items() if _field(name) in TALLIED},
        answers=None if asked.decoder is None else decide(output, asked.decoder),
        arrays=arrays,
        facts=input_facts(program, spikes) if asked.facts else None,
    )


def later_samples(text: str, start: int) -> str:
    """Return what was said of a sample of a chunk as it is said of the whole.

    >>> later_samples("u wraps at step 3 in sample 2", 100)
    'u wraps at step 3 in sample 102'
    """
    return re.sub(r"(?<=\bsample )\d+", lambda number: str(int(number[0]) + start), text)


def run_samples(
    program: Program,
    samples: SampleSet,
    asked: Asked,
    *,
    runner: Runner,
    size: int | None = None,
    keep: Callable[[Mapping[str, NDArray[Any]]], object] | None = None,
) -> RunTotals:
    """Run all samples, ``size`` at a time (as many as fit); ``keep`` is given the arrays of every chunk in order."""
    states = len([name for name in asked.record if name != "spikes"]) if asked.trace else 0
    spikes = asked.trace and "spikes" in asked.record
    size = size or chunk_size(program, samples, runner.chunk_bytes, states=states, spikes=spikes)
    tallies: dict[str, list[NDArray[np.int64]]] = {}
    answers: list[NDArray[np.int64]] = []
    facts: InputFacts | None = None
    for done in runner(program, samples.chunks(program, size), asked):
        for name, values in done.tallies.items():
            tallies.setdefault(name, []).append(values)
        if done.answers is not None:
            answers.append(done.answers)
        if done.facts is not None:
            facts = joined_facts(facts, done.facts)
        if keep is not None:
            keep(done.arrays)
    whole = {name: np.concatenate(parts, axis=-1) for name, parts in tallies.items()}
    counts = counts_from(program, samples.steps, _by_population(program, whole))
    said = np.concatenate(answers) if answers else None
    return RunTotals(program.digest, samples.count, samples.steps, counts=counts, answers=said, facts=facts)


def _by_population(program: Program, flat: Mapping[str, NDArray[np.int64]]) -> dict[str, Tally]:
    found = {}
    for population in program.populations:
        of = {field: flat[f"{field}.{population.name}"] for field in TALLIED}
        found[population.name] = Tally(synops=of.pop("synops_by_connection"), **of)
    return found


def _field(name: str) -> str:
    return name.partition(".")[0]
