"""The loop inside the worker process: a job per line on standard input, an answer per line on what was standard output.

    python -I -B worker.py STANDALONE TOKEN FOLDER
    {"executor": "graph", "plan": FOLDER, "raster": FILE, "result": FILE, "scratch": FOLDER}   ->   {"error": null}

When its input ends, or it is told to terminate, nobody wants the answers: the worker ends everything it started,
collects the remains, and ends itself.
"""

import json
import multiprocessing.resource_tracker
import multiprocessing.shared_memory
import os
import secrets
import select
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Serve jobs until there are no more."""
    standalone, token, folder = sys.argv[1:]
    sys.path[:0] = [standalone, str(Path(__file__).parent)]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what Lava prints goes to the log
    # a name of our own on its shared memory, so that it can be found and removed when Lava is killed
    multiprocessing.shared_memory._make_filename = lambda: f"/{token}{secrets.token_hex(4)}"  # type: ignore[attr-defined]  # private
    worker = os.getpid()

    def terminate(*_: object) -> None:
        if os.getpid() != worker:  # Lava's processes are forks of this one and inherit the handler
            os._exit(1)
        end(token, folder)

    signal.signal(signal.SIGTERM, terminate)
    remember_models()
    for line in sys.stdin:
        print(json.dumps({"error": _error_of(json.loads(line), token, folder)}), file=answers)
    end(token, folder)


def remember_models() -> None:
    """Look for the models of a process once: Lava executes a folder of modules for each process of each graph."""
    import lava_shim  # noqa: F401  (before anything of lava's)
    from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs

    find, known = ProcGroupDiGraphs._find_proc_models, {}

    def remembered(proc: Any) -> list[Any]:
        if type(proc) not in known:
            known[type(proc)] = find(proc=proc)
        return list(known[type(proc)])

    ProcGroupDiGraphs._find_proc_models = staticmethod(remembered)


def _error_of(job: dict[str, str], token: str, folder: str) -> str | None:
    """Run the job that a line describes; return what went wrong, None where nothing did."""
    try:
        _do(job, token, folder)
    except Exception as error:
        text = str(error) if type(error).__name__ == "GraphError" else traceback.format_exc()
        return text or repr(error)
    return None


def _do(job: dict[str, str], token: str, folder: str) -> None:
    import lava_classes
    import lava_graph
    import netx_graph
    import numpy as np

    def poll() -> None:
        if select.select([0], [], [], 0)[0]:  # one job at a time: input can only have ended
            end(token, folder)

    source = Path(job["plan"])
    plan: dict[str, Any] = json.loads((source / "plan.json").read_text(encoding="utf-8"))
    raster, scratch = np.load(job["raster"]), Path(job["scratch"])
    match job["executor"]:
        case "graph":
            result = lava_graph.run_graph(plan, _arrays(source), raster, scratch, poll=poll)
        case "classes":
            result = lava_classes.run_classes(plan, _arrays(source), raster, poll)
        case "netx":
            result = netx_graph.run_network(plan, source / "network.net", raster, scratch, poll=poll)
        case unknown:
            raise ValueError(f"executor {unknown!r} is unknown")
    np.savez(job["result"], **result)


def _arrays(folder: Path) -> dict[str, Any]:
    import numpy as np

    with np.load(folder / "arrays.npz") as stored:
        return dict(stored)


def end(token: str, folder: str) -> None:
    """Kill and collect all children, remove shared memory and files, and end."""
    children = multiprocessing.active_children()
    for child in children:
        child.kill()
    for child in children:
        child.join()
    # private, but the only way to end it before the sweep below: it would remove the same names, and complain
    multiprocessing.resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # private
    for left in Path("/dev/shm").glob(f"{token}*"):
        left.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
