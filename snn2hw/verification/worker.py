"""One executor in a process of its own: whatever it does to the process, it does to this one.

Started by its path (`sim.worker_process`): ``EXECUTOR PROGRAM.nir TIMEOUT_S [FOLDER]``. Each line on standard
input is ``["RASTER.npy", "OUT.npz"]``: run those samples and write what was recorded. Each line on standard output
answers one of them.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from sim.compare import Recorded, flat_counts, recorded_of
from sim.errors import MissingToolError, Snn2hwError, UnsupportedError

__all__ = ["main"]


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever an executor prints goes to the log, not into the answers
    name, program_path, timeout_s, *folder = sys.argv[1:]
    try:
        from exporters.program_file import read_program
        from snn2hw.verification.executors import find_executor

        execute = find_executor(name)
        program = read_program(program_path)
        for line in sys.stdin:
            raster_path, out = json.loads(line)
            raster = np.load(raster_path, allow_pickle=False)
            began = time.perf_counter()
            got = execute(
                program,
                raster,
                timeout_s=float(timeout_s),
                folder=Path(folder[0]) if folder else None,
            )
            seconds = time.perf_counter() - began
            _write(Path(out), got)
            answers.write(json.dumps({"ok": True, "seconds": seconds, "losses": _losses(got)}) + "\n")
    except Snn2hwError as error:
        answers.write(json.dumps({"ok": False, "status": _status(error), "message": str(error)}) + "\n")


def _status(error: Snn2hwError) -> str:
    match error:
        case UnsupportedError():
            return "refused"
        case MissingToolError():
            return "unavailable"
        case _:
            return "failed"


def _losses(got: Recorded) -> list[str]:
    return [str(loss) for loss in getattr(got, "losses", ())]


def _write(out: Path, got: Recorded) -> None:
    arrays: dict[str, Any] = {}
    for what, recorded in recorded_of(got).items():
        arrays |= {f"{what}.{name}": values for name, values in recorded.items()}
    counts = getattr(got, "counts", None)
    if counts is not None:
        arrays |= {f"counts.{key}": values for key, values in flat_counts(counts).items()}
    with out.open("wb") as handle:
        np.savez(handle, allow_pickle=False, digest=np.asarray(got.digest), **arrays)


if __name__ == "__main__":
    main()
