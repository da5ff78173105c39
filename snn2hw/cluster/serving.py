"""A scheduler or a worker of Dask in a process of its own, as `snn2hw.cluster.local` starts them.

serving.py scheduler HOST PORT          serving.py worker HOST SCHEDULER FOLDER

The first line on standard output is the address; the process ends with its standard input.
"""

import asyncio
import os
import sys
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    kind, host, *more = sys.argv[1:]
    made = _scheduler if kind == "scheduler" else _worker
    asyncio.run(_serve(made, host, more, answers))


async def _serve(made: Any, host: str, more: list[str], answers: Any) -> None:
    async with made(host, *more) as server:
        answers.write(f"{server.address}\n")
        loop = asyncio.get_running_loop()
        ended = loop.run_in_executor(None, sys.stdin.read)
        await asyncio.wait([ended, asyncio.ensure_future(server.finished())], return_when=asyncio.FIRST_COMPLETED)


def _scheduler(host: str, port: str) -> Any:
    from distributed import Scheduler

    return Scheduler(host=host, port=int(port), dashboard_address=f"{host}:0")


def _worker(host: str, scheduler: str, folder: str) -> Any:
    from distributed import Worker

    return Worker(
        scheduler, host=host, nthreads=1, local_directory=folder, memory_limit=0, dashboard_address=f"{host}:0"
    )


if __name__ == "__main__":
    main()
