"""How a training computes on this machine's processor: with how many threads, and what becomes of memory that it frees.

numpy's products have threads of their own, which wait for work by turning round: of two small ones, one is lost.

The C library gives every large tensor that is freed back to the system, which clears its pages before it hands them out
again. A training frees and asks for the same sizes in every batch, so nearly half of its time can go there.
"""

import ctypes
import platform

import torch
from threadpoolctl import threadpool_limits

__all__ = ["compute_with", "keep_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Names of glibc's settings, from its malloc.h."""
NEVER = -1


def compute_with(threads: int) -> None:
    """Have torch and numpy compute with so many threads in this process, and keep memory that is freed from now on."""
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory for what is asked for next; return whether it does: glibc's does."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, NEVER))
