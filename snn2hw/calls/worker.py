"""A process that calls commands: started once, asked for many, gone with this one; where it dies, another follows."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim.files import scratch_folder
from sim.worker_process import Task, WorkerProcess, import_path
from snn2hw.calls.call import CallAnswer, CommandCall

__all__ = ["Caller", "call_here"]

SCRIPT = Path(__file__).parents[1] / "commands" / "answering.py"
CALL_S = 7 * 86400.0
"""A call that takes more than a week has failed."""
ENDS_S = 2.0
TRIES = 3
"""How many processes one call may end before it is said to have failed."""
LOG_CHARACTERS = 400


class Caller:
    """One such process; a context manager."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._worker: WorkerProcess | None = None
        self._closed = False

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int | None:
        """Return the process, where one runs."""
        return None if self._worker is None else self._worker.pid

    def call(self, call: CommandCall, out: Path, inputs: Path) -> CallAnswer:
        """Call the commands in the folder ``out``; where their process dies, begin again in another."""
        said = ""
        for _ in range(TRIES):
            if self._closed:
                return CallAnswer((), "stopped")
            worker = self._worker or self._start()
            worker.ask(json.dumps({"commands": call.words(out, inputs), "folder": str(out)}))
            line = worker.answer(time.monotonic() + CALL_S)
            if line:
                return CallAnswer.read(line).told({f"{out}": "{out}", f"{inputs}/": ""})
            said = worker.log(4 * LOG_CHARACTERS)[-LOG_CHARACTERS:]
            self.end()
        return CallAnswer((), f"ended {TRIES} processes{': ' + said if said else ''}")

    def _start(self) -> WorkerProcess:
        environment = {"OMP_NUM_THREADS": str(self._threads)}
        self._worker = WorkerProcess(Task(SCRIPT, path=import_path(), environment=environment))
        return self._worker

    def end(self, *, for_good: bool = False) -> None:
        """End the process; ``for_good``: and start no other."""
        self._closed = self._closed or for_good
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close_input()
            worker.end(0.0 if for_good else ENDS_S)


_here = Caller()
_one_at_a_time = threading.Lock()


def call_here(
    call: CommandCall, files: Mapping[str, bytes], wanted: Sequence[str] = ()
) -> tuple[CallAnswer, dict[str, bytes]]:
    """Call the commands in a folder that is gone afterwards; return which of the ``wanted`` files they wrote there."""
    with _one_at_a_time, scratch_folder("snn2hw-call-") as folder:
        out, inputs = folder / "out", folder / "in"
        out.mkdir()
        inputs.mkdir()
        for name, data in files.items():
            (inputs / Path(name).name).write_bytes(data)
        answer = _here.call(call, out, inputs)
        written = {name: out / Path(name).name for name in wanted}
        return answer, {name: path.read_bytes() for name, path in written.items() if path.is_file()}
