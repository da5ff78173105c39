"""Chunks of a run, and what came of them, as messages."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.chunks.chunked_run import Asked, ChunkRun
from snn2hw.chunks.input_facts import InputFacts
from snn2hw.cluster.asking import asked_for
from snn2hw.cluster.message import Message

__all__ = ["chunk_message", "chunk_of_message", "run_request"]

TALLY, ARRAY = "tally:", "array:"


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
    return InputFacts(int(facts["samples"]), bool(facts["held"]), arrays["graded"], arrays["synops"])
