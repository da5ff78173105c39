"""The process in which a case is tried: what it does to a process, it does to this one.

Each line on standard input is a job, each line on standard output its outcome:

    {"reader": NAME, "file": FILE}                     ->  {"outcome": "read" | "refused" | "foreign" | "memory", ...}
    {"program": FILE, "raster": FILE, "executors": []} ->  {"outcome": "equal" | "refused" | "differs" | "foreign", ...}
"""

import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from sim.errors import MachineError, MissingToolError, Snn2hwError, UnsupportedError

__all__ = ["main"]

MEMORY_BYTES = 4 << 30
"""What one case may ask for beyond what the process has; the system refuses more."""
GROWTH_BYTES = 1 << 30
"""What a small damaged file may make the process grow by, at its peak."""
TIMEOUT_S = 60.0


def main() -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the log
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        if job.get("limit"):
            _limit_memory()
        answers.write(json.dumps(_programs(job) if "program" in job else _file(job)) + "\n")


def _limit_memory() -> None:
    """Let the system refuse what would take the machine down."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _file(job: dict[str, Any]) -> dict[str, str]:
    """Give a reader one file; FileError with a cure is the only error that a file may cause."""
    from snn2hw.fuzz.readers import READERS

    before = _peak_bytes()
    try:
        READERS[job["reader"]].read(Path(job["file"]))
        outcome = {"outcome": "read", "error": ""}
    except Snn2hwError as error:
        outcome = {"outcome": "refused", "error": str(error)}
        if "more memory than there is" in error.what:
            outcome["outcome"] = "memory"
    except Exception as error:
        outcome = {"outcome": "foreign", "error": _signature(error)}
    grown = _peak_bytes() - before
    return outcome if grown < GROWTH_BYTES else {"outcome": "memory", "error": f"grew by {grown >> 20} MiB"}


def _signature(error: BaseException) -> str:
    """Return what an error is and where it was raised, without what differs from file to file."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "site-packages" not in f.filename] or frames
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.name}"


def _programs(job: dict[str, Any]) -> dict[str, str]:
    """Run a program on several executors and compare each with the first."""
    import numpy as np

    from exporters.program_file import read_program
    from sim.compare import first_divergence
    from snn2hw.verification.executors import find_executor

    try:
        program, raster = read_program(job["program"]), np.load(job["raster"], allow_pickle=False)
        baseline, *others = job["executors"]
        expected = find_executor(baseline)(program, raster, timeout_s=TIMEOUT_S)
        for name in others:
            try:
                got = find_executor(name)(program, raster, timeout_s=TIMEOUT_S)
            except (UnsupportedError, MissingToolError):
                continue  # what it cannot say it may refuse
            except MachineError as error:
                return {"outcome": "differs", "error": f"{name}: {type(error).__name__} where {baseline} runs"}
            found = first_divergence(program, expected, got)
            if found is not None:
                return {"outcome": "differs", "error": f"{name}: {found}"}
    except MachineError as error:
        return {"outcome": "refused", "error": str(error)}
    except Exception as error:
        return {"outcome": "foreign", "error": _signature(error)}
    return {"outcome": "equal", "error": ""}


if __name__ == "__main__":
    main()
