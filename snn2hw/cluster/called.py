"""One command called by a worker of a cluster: files go there with it, and what it writes comes back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import ToolError
from snn2hw.calls.call import CallAnswer, CommandCall
from snn2hw.cluster.asking import asked_for
from snn2hw.cluster.client import Cluster
from snn2hw.cluster.message import Message, pack

__all__ = ["call_there", "packed_files"]


def call_there(
    cluster: Cluster, call: CommandCall, files: Sequence[Path], wanted: Sequence[str]
) -> tuple[list[Mapping[str, Any]], dict[str, bytes]]:
    """Return the documents of a call, and the ``wanted`` files that it wrote."""
    request = Message(asked_for("call", call=call.to_json(), wanted=list(wanted)))
    (message,) = cluster.ordered([request], packed_files(files))
    answer = CallAnswer.of(message.facts["answer"])
    if answer.error is not None:
        what, _, fix = answer.error.partition("  fix: ")
        raise ToolError(f"{cluster.address}: {what}", fix or None)
    return list(answer.documents), {name: values.tobytes() for name, values in message.arrays.items()}


def packed_files(files: Sequence[Path]) -> bytes:
    """Return files in the form in which workers are sent them."""
    return pack(Message({}, {path.name: np.frombuffer(path.read_bytes(), np.uint8) for path in files}))
