"""Waiting for what another process does."""

import time
from collections.abc import Callable

__all__ = ["wait_for"]


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> object:
    """Return what ``condition`` says as soon as it holds, or when the time is over."""
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.05)
    return condition()
