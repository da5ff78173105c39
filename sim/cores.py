"""How much this process may do at once."""

import os

__all__ = ["cores_here"]


def cores_here() -> int:
    """Return the cores that the system gives this process: those of the machine, or as many of them as it may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
