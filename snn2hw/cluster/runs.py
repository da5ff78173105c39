"""Chunks of a run, done by the workers of a cluster: a `snn2hw.chunks.chunked_run.Runner`."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.program import Program
from snn2hw.chunks.chunked_run import Asked, ChunkRun, Chunks
from snn2hw.chunks.input_facts import InputFacts
from snn2hw.cluster.client import Cluster
from snn2hw.cluster.message import Message
from snn2hw.cluster.program_bytes import program_bytes
from snn2hw.cluster.work import asked_for

__all__ = ["RunThere", "chunk_message", "chunk_of_message", "run_request"]

SENT_BYTES = 8 << 20
"""What one chunk takes on its way: a few of them wait for every worker."""
TALLY, ARRAY = "tally:", "array:"


@dataclass(frozen=True)
class RunThere:
    """A `Runner` on the workers of a cluster; ``progress`` is called with sample-steps."""

    cluster: Cluster
    progress: Callable[[int], object]
    chunk_bytes: int = SENT_BYTES

    def __call__(self, program: Program, chunks: Chunks, asked: Asked) -> Iterator[ChunkRun]:
        """Send the chunks out, and put what comes back into their order."""
        requests = (run_request(start, spikes, asked) for start, spikes in chunks)
        for answer in self.cluster.ordered(requests, program_bytes(program)):
            self.progress(int(answer.facts["samples"]) * int(answer.facts["steps"]))
            yield chunk_of_message(answer)


def run_request(start: int, spikes: NDArray[np.integer[Any]], asked: Asked) -> Message:
    """Return the message that asks for one chunk."""
    return Message(asked_for("run", start=start, asked=asdict(asked)), {"spikes": spikes})


def chunk_message(done: ChunkRun) -> Message:
    """Return what came of a chunk as a message."""
    arrays: dict[str, NDArray[Any]] = {f"{TALLY}{name}": values for name, values in done.tallies.items()}
    arrays |= {f"{ARRAY}{name}": values for name, values in done.arrays.items()}
    said: dict[str, Any] = {"samples": done.samples, "steps": done.steps}
    if done.answers is not None:
        arrays["answers"] = done.answers
    if done.facts is not None:
        arrays |= {"graded": done.facts.graded, "synops": done.facts.synops}
        said["held"] = done.facts.held
    return Message(said, arrays)


def chunk_of_message(message: Message) -> ChunkRun:
    """Return what came of a chunk."""
    facts, arrays = message.facts, message.arrays
    return ChunkRun(
        samples=int(facts["samples"]),
        steps=int(facts["steps"]),
        tallies={n.removeprefix(TALLY): v for n, v in arrays.items() if n.startswith(TALLY)},
        answers=arrays.get("answers"),
        arrays={n.removeprefix(ARRAY): v for n, v in arrays.items() if n.startswith(ARRAY)},
        facts=_input_facts(message) if "held" in facts else None,
    )


def _input_facts(message: Message) -> InputFacts:
    facts, arrays = message.facts, message.arrays
    return InputFacts(
        samples=int(facts["samples"]),
        steps=int(facts["steps"]),
        held=bool(facts["held"]),
        graded=arrays["graded"],
        synops=arrays["synops"],
    )
