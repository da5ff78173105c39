"""Chunks of a run, done by the workers of a cluster: a `snn2hw.chunks.chunked_run.Runner`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sim.program import Program
from snn2hw.chunks.chunked_run import Asked, ChunkRun, Chunks
from snn2hw.cluster.chunk_messages import chunk_of_message, run_request
from snn2hw.cluster.client import Cluster
from snn2hw.cluster.program_bytes import program_bytes

__all__ = ["RunThere"]

SENT_BYTES = 8 << 20
"""What one chunk takes on its way: a few of them wait for every worker."""


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
