"""A connection with a scheduler: requests go to its workers, answers come back in the order of the requests.

At most `AHEAD` requests per worker thread are on their way or waiting to be taken, so neither side ever holds more than
these. The work of a worker that dies is done again by another; each request is answered once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from sim.border import reason_of
from sim.cures import install
from sim.errors import InputError, MissingToolError, ToolError
from snn2hw.cluster.address import START, require_listener
from snn2hw.cluster.message import Message, pack, unpack
from snn2hw.cluster.work import held, perform, raise_refusal

__all__ = ["Cluster", "connected"]

AHEAD = 2
CONNECTS_S = 10.0
WORKERS_WITHIN_S = 20.0
RETRIES = 3
"""How often work is begun again where Dask gave it up, because every worker that had it died."""
POLL_S, SOON_S = 0.2, 0.02
AGAIN = "start it, and this command, again"


class Cluster:
    """The workers of one scheduler."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self.address = client, address

    @property
    def threads(self) -> int:
        """Return how much work is done at once, now."""
        count: int = sum(self._client.nthreads().values())
        return max(1, count)

    def ordered(self, requests: Iterable[Message], shared: bytes = b"") -> Iterator[Message]:
        """Yield the answer to every request, in their order; ``shared`` goes to each worker that needs it once."""
        common = self._client.submit(held, shared, pure=False)
        waiting: deque[tuple[bytes, Any]] = deque()
        source = iter(requests)
        try:
            while True:
                while len(waiting) < AHEAD * self.threads and (request := next(source, None)) is not None:
                    data = pack(request)
                    waiting.append((data, self._submit(data, common)))
                if not waiting:
                    return
                yield self._answer(*waiting.popleft(), common)
        finally:
            for _, future in waiting:
                future.cancel()

    def as_done(self, requests: Iterable[tuple[str, Message]], shared: bytes = b"") -> Iterator[tuple[str, Message]]:
        """Yield (name, answer) for every named request, whichever is answered first."""
        common = self._client.submit(held, shared, pure=False)
        waiting: dict[str, tuple[bytes, Any]] = {}
        source = iter(requests)
        try:
            while True:
                while len(waiting) < AHEAD * self.threads and (asked := next(source, None)) is not None:
                    data = pack(asked[1])
                    waiting[asked[0]] = (data, self._submit(data, common))
                if not waiting:
                    return
                name = self._first_done(waiting)
                yield name, self._answer(*waiting.pop(name), common)
        finally:
            for _, future in waiting.values():
                future.cancel()

    def _first_done(self, waiting: Mapping[str, tuple[bytes, Any]]) -> str:
        alone_since: float | None = None
        while True:
            for name, (_, future) in waiting.items():
                if future.done():
                    return name
            time.sleep(SOON_S)
            alone_since = self._refuse_alone(alone_since)

    def _submit(self, data: bytes, common: Any) -> Any:
        return self._client.submit(perform, data, common, pure=False, retries=RETRIES)

    def _answer(self, data: bytes, future: Any, common: Any) -> Message:
        from distributed.scheduler import KilledWorker

        for _ in range(RETRIES):
            try:
                answer = unpack(self._wait(future))
            except KilledWorker:
                future = self._submit(data, common)
                continue
            raise_refusal(answer)
            return answer
        what = f"{self.address}: one piece of work has ended every worker that began it"
        raise ToolError(what, "ask for smaller pieces (--chunk), or give workers more memory")

    def _wait(self, future: Any) -> bytes:
        """Wait for an answer as long as there are scheduler and workers."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        alone_since: float | None = None
        while True:
            try:
                data: bytes = future.result(timeout=POLL_S)
            except TimeoutError:
                alone_since = self._refuse_alone(alone_since)
            except KilledWorker:
                raise
            except FutureCancelledError:
                raise ToolError(f"{self.address}: the scheduler has gone", AGAIN) from None
            except Exception as error:
                what = f"{self.address}: a worker could not begin ({reason_of(error)})"
                raise ToolError(what, "install the same snn2hw, with its extra distributed, on every machine") from None
            else:
                return data

    def _refuse_alone(self, since: float | None) -> float | None:
        if self._client.status != "running":
            raise ToolError(f"{self.address}: the scheduler has gone", AGAIN)
        if self._client.nthreads():
            return None
        now = time.monotonic()
        if since is not None and now - since > WORKERS_WITHIN_S:
            raise ToolError(f"{self.address}: all workers have gone", "start workers and run again")
        return now if since is None else since


def _client(make: Callable[[], Any], address: str) -> Any:
    """Make a client in bounded time: Dask's own limit does not hold for every kind of silence."""
    made: SimpleQueue[Any] = SimpleQueue()

    def attempt() -> None:
        try:
            made.put(make())
        except Exception as error:
            made.put(error)

    threading.Thread(target=attempt, daemon=True).start()
    try:
        client = made.get(timeout=2 * CONNECTS_S)
    except Empty:
        client = TimeoutError()
    if isinstance(client, Exception):
        what = f"--scheduler {address}: does not answer as a Dask scheduler ({type(client).__name__})"
        raise InputError(what, START) from None
    return client


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect with a scheduler that has workers; refuse one that is not there, within bounded time."""
    require_listener(address)
    try:
        from dask import config
        from distributed import Client
    except ImportError as error:
        raise MissingToolError(f"--scheduler needs Dask ({error})", install("distributed")) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised, once
    config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"})  # one large sample is no mistake
    client = _client(partial(Client, address, timeout=CONNECTS_S, set_as_default=False), address)
    try:
        deadline = time.monotonic() + WORKERS_WITHIN_S
        while not client.nthreads():
            if time.monotonic() > deadline:
                raise InputError(f"--scheduler {address}: has no workers", f"start some: dask worker {address}")
            time.sleep(POLL_S)
        yield Cluster(client, address)
    finally:
        client.close(timeout=CONNECTS_S)
