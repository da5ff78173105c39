"""A cluster of processes on this machine: one scheduler, some workers, and another worker for each that dies."""

import time
from contextlib import ExitStack
from pathlib import Path

from sim.cures import install
from sim.errors import MissingToolError, ToolError
from sim.files import scratch_folder
from sim.worker_process import Task, WorkerProcess, import_path

__all__ = ["LocalCluster"]

SCRIPT = Path(__file__).with_name("serving.py")
STARTS_S = 120.0
ENDS_S = 5.0
LOG_CHARACTERS = 600


class LocalCluster:
    """Use it as a context manager, and `tend` it now and then."""

    def __init__(self, workers: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._count, self._host, self._port = workers, host, port
        self._workers: list[WorkerProcess] = []
        self._stack = ExitStack()
        self.address = ""
        self.replaced = 0
        """How many workers were started in the place of one that died."""

    @property
    def scheduler_pid(self) -> int:
        """Return the process of the scheduler."""
        return self._scheduler.pid

    @property
    def pids(self) -> list[int]:
        """Return the processes of the workers."""
        return [worker.pid for worker in self._workers]

    def __enter__(self) -> "LocalCluster":
        """Start scheduler and workers."""
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            raise MissingToolError(f"a cluster needs Dask ({error})", install("distributed")) from None
        with self._stack as stack:
            self._folder = stack.enter_context(scratch_folder("snn2hw-cluster-"))
            self._scheduler = self._started(["scheduler", self._host, str(self._port)])
            stack.callback(_end, self._scheduler)
            self.address = _address_of(self._scheduler)
            stack.callback(self._end_workers)
            self._workers += [self._worker() for _ in range(self._count)]
            for worker in self._workers:
                _address_of(worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        self._stack.close()

    def tend(self) -> None:
        """Start a worker for every one that has ended; without a scheduler there is nothing to tend."""
        if self._scheduler.poll() is not None:
            raise ToolError(f"{self.address}: the scheduler has ended", "start the cluster again")
        for place, worker in enumerate(self._workers):
            if worker.poll() is not None:
                worker.end(0.0)
                self._workers[place] = self._worker()
                self.replaced += 1

    def _worker(self) -> WorkerProcess:
        return self._started(["worker", self._host, self.address, str(self._folder)])

    def _started(self, words: list[str]) -> WorkerProcess:
        return WorkerProcess(Task(SCRIPT, words, path=import_path(), environment={"OMP_NUM_THREADS": "1"}))

    def _end_workers(self) -> None:
        for worker in self._workers:
            worker.close_input()
        for worker in self._workers:
            worker.end(ENDS_S)


def _address_of(process: WorkerProcess) -> str:
    line = process.answer(time.monotonic() + STARTS_S)
    if not line:
        said = process.log(LOG_CHARACTERS).splitlines()
        raise ToolError(f"a process of the cluster did not start: {said[-1] if said else 'it said nothing'}")
    return line.decode().strip()


def _end(process: WorkerProcess) -> None:
    process.close_input()
    process.end(ENDS_S)
