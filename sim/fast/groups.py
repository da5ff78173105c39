"""A batch in groups of samples, each run by one thread: the kernels hold no GIL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from sim.cores import cores_here

__all__ = ["in_groups"]

PER_THREAD = 4
"""Groups per thread, so that none waits long for the last one."""
LARGEST = 64
"""Samples in a group: what is copied, and how often progress is told."""


def in_groups(
    batch: int, run: Callable[[int, int], object], threads: int | None, progress: Callable[[int], object] | None
) -> None:
    """Call ``run(first, to)`` for ranges that cover the batch; tell ``progress`` the samples of each that is done."""
    workers = min(threads or cores_here(), batch)
    shares = 1 if workers == 1 else workers * PER_THREAD
    size = max(1, min(LARGEST, -(-batch // shares)))
    groups = [(first, min(first + size, batch)) for first in range(0, batch, size)]
    if workers == 1:
        for first, to in groups:
            run(first, to)
            if progress is not None:
                progress(to - first)
        return
    with ThreadPoolExecutor(workers) as pool:
        jobs = {pool.submit(run, *group): group for group in groups}
        try:
            for done in as_completed(jobs):
                done.result()
                if progress is not None:
                    progress(jobs[done][1] - jobs[done][0])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
