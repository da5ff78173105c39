"""Run one program on several executors, chunk by chunk, and compare each with the reference."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exporters.artifact import read_artifact
from exporters.program_file import write_program
from exporters.recording import ExecutorTrace
from sim.compare import compared_values, first_divergence, flat_difference
from sim.errors import FileError, InputError
from sim.files import scratch_folder
from sim.program import Program, require_program
from snn2hw.chunks.samples import SampleSet, samples_of
from snn2hw.verification.executors import check_executor
from snn2hw.verification.isolate import PROGRAM, Answer, Isolated
from snn2hw.verification.verdict import Status, Verdict, VerdictRow

__all__ = ["BASELINE", "InputHash", "chunk_of", "named_executors", "verdict_of", "verify"]

CHUNK_BYTES = 128 << 20
"""Recorded values of one chunk of samples: 9 bytes per neuron and step."""

BASELINE = "reference"


def verify(
    program: Program,
    raster: ArrayLike | SampleSet,
    against: Collection[str] | str = ("reference", "fast"),
    *,
    artifacts: Mapping[str, Path] | None = None,
    timeout_s: float = 600.0,
    progress: Callable[[int], object] | None = None,
    chunk: int | None = None,
) -> Verdict:
    """Return whether every executor named gives each spike, u and v of every population as the reference does.

    An executor is a name of `EXECUTORS` or ``module:function`` of the caller's own; ``against`` names some, or one.
    ``artifacts`` maps an executor to the folder of an artifact to run instead of a fresh export. Each executor, our own
    engines too, runs in a process of its own and fails if it takes more than ``timeout_s`` for a chunk of samples.
    ``progress`` is called with the samples finished. ``chunk`` samples are compared at once (as many as fit).
    """
    require_program(program)
    samples = raster if isinstance(raster, SampleSet) else samples_of(program, raster)
    names = named_executors((against,) if isinstance(against, str) else against, artifacts or {})
    folders = _folders(artifacts or {})
    rows = {name: VerdictRow(name, "baseline" if name == BASELINE else "equal", 0, 0.0) for name in names}
    with scratch_folder("snn2hw-verifying-") as folder, ExitStack() as stack:
        write_program(program, folder / PROGRAM)
        workers = {
            name: stack.enter_context(Isolated(name, folder, timeout_s=timeout_s, folder=folders.get(name)))
            for name in names
        }
        seen = InputHash()
        for start, spikes in samples.chunks(program, chunk or chunk_of(program, samples.steps)):
            seen.add(spikes)
            if rows[BASELINE].status == "failed":
                continue  # there is nothing to compare with: what is left is only known by its hash
            _compare_chunk(program, workers, rows, (start, spikes), folder)
            if progress is not None:
                progress(len(spikes))
    return verdict_of(program, samples, seen, (_noted(rows[name], folders.get(name)) for name in names))


class InputHash:
    """The SHA-256 of all messages as 32-bit integers, however they come in pieces."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.hexdigest = self._sha.hexdigest

    def add(self, spikes: NDArray[np.integer]) -> None:
        """Take the next samples."""
        self._sha.update(np.ascontiguousarray(spikes.astype("<i4")).data)


def verdict_of(program: Program, samples: SampleSet, seen: InputHash, rows: Iterable[VerdictRow]) -> Verdict:
    """Return what was found of a program on samples, all of which were ``seen``."""
    return Verdict(
        digest=program.digest,
        input_sha256=seen.hexdigest(),
        samples=samples.count,
        steps=samples.steps,
        updates=sum(p.size for p in program.populations) * samples.count * samples.steps,
        rows=tuple(rows),
    )


def named_executors(against: Collection[str], artifacts: Mapping[str, Path]) -> tuple[str, ...]:
    """Return the baseline and all that are compared with it, each known by its name."""
    names = tuple(dict.fromkeys((BASELINE, *against, *artifacts)))
    for name in names:
        check_executor(name)
    return names


def _folders(artifacts: Mapping[str, Path]) -> dict[str, Path]:
    """Return where each artifact is, and refuse a place that is no folder."""
    folders = {name: Path(place) for name, place in artifacts.items()}
    for name, place in folders.items():
        if not place.is_dir():
            what = f"artifact of {name!r}, {place}: no such folder"
            raise InputError(what, "name a folder that `snn2hw export` wrote")
    return folders


def _noted(row: VerdictRow, folder: Path | None) -> VerdictRow:
    """Say so if a file of the artifact has changed since it was written, also one that running it does not read."""
    if folder is None or row.message is not None:
        return row
    try:
        read_artifact(folder)
    except FileError as error:
        return replace(row, message=f"note: {error}")
    return row


def chunk_of(program: Program, steps: int) -> int:
    """Return how many samples are compared at once."""
    return max(1, CHUNK_BYTES // (9 * steps * sum(p.size for p in program.populations)))


def _compare_chunk(
    program: Program,
    workers: Mapping[str, Isolated],
    rows: dict[str, VerdictRow],
    chunk: tuple[int, NDArray[np.integer]],
    folder: Path,
) -> None:
    """Run one chunk on every executor that still agrees, all at once, and bring the rows up to date."""
    running = [name for name, row in rows.items() if row.status in ("baseline", "equal")]
    start, spikes = chunk
    raster = folder / f"raster-{start}.npy"
    np.save(raster, spikes, allow_pickle=False)
    for name in running:
        workers[name].ask(raster, folder / _file_name(name))
    answers = {name: workers[name].answer() for name in running}
    expected = _read(answers[BASELINE])
    for name in running:
        row = replace(
            rows[name],
            seconds=rows[name].seconds + answers[name].seconds,
            losses=tuple(dict.fromkeys((*rows[name].losses, *answers[name].losses))),
        )
        rows[name] = _judge(program, row, answers[name], expected, start)
    raster.unlink()
    for name in running:
        (folder / _file_name(name)).unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)
class _Written:
    """What a worker wrote: the registers, and its counts where it counts."""

    registers: ExecutorTrace
    counts: dict[str, NDArray[np.int64]]


NAMED = ("spikes", "u", "v", "counts")
"""What a worker writes beside states of other names, ``WHAT.POPULATION`` or ``counts.FIELD.POPULATION``."""


def _file_name(executor: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", executor) + ".npz"


def _read(answer: Answer) -> _Written | None:
    if answer.out is None:
        return None
    held: dict[str, dict[str, Any]] = {what: {} for what in NAMED}
    with np.load(answer.out, allow_pickle=False) as arrays:
        for key in arrays.files:
            what, _, name = key.partition(".")
            if name:
                held.setdefault(what, {})[name] = arrays[key]
        named = {what: held.pop(what) for what in NAMED}
        counts = named.pop("counts")
        digest = str(arrays["digest"])
    return _Written(ExecutorTrace(digest, named["spikes"], named["u"], named["v"], others=held), counts)


def _judge(program: Program, row: VerdictRow, answer: Answer, expected: _Written | None, offset: int) -> VerdictRow:
    got = _read(answer)
    if got is None:
        known: Mapping[str, Status] = {"refused": "refused", "unavailable": "unavailable"}
        return replace(row, status=known.get(answer.status, "failed"), message=answer.message)
    row = replace(row, values=row.values + compared_values(program, got.registers))
    if row.executor == BASELINE:
        return row
    if expected is None:
        return replace(row, status="failed", message="the reference did not run, there is nothing to compare with")
    try:
        divergence = first_divergence(program, expected.registers, got.registers)
    except InputError as error:
        return replace(row, status="failed", message=str(error))
    counts = flat_difference(expected.counts, got.counts, offset) if got.counts else None
    if divergence is not None:
        divergence = replace(divergence, sample=divergence.sample + offset)
    return replace(row, status="differs" if divergence or counts else "equal", divergence=divergence, counts=counts)
