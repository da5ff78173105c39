"""How the kernels are compiled: without the GIL, and cached on disk so that the next process loads them.

Numba keys its cache by the file that holds a kernel, not by the files whose functions it inlines. A kernel's qualified
name therefore carries a stamp of every source file of this package: after any edit or upgrade nothing stale is found.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

__all__ = ["STAMP", "inline", "kernel", "part"]

STAMP = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()[:12]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile an entry point, from the cache where there is one; a machine without any writable folder does without."""
    function.__qualname__ = f"{function.__qualname__}-{STAMP}"
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", boundscheck=False)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        return numba.njit(nogil=True, error_model="numpy", boundscheck=False)(function)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel on its own, into its callers where LLVM sees fit."""
    return numba.njit(nogil=True, error_model="numpy", boundscheck=False)(function)


def part(function: Callable[..., Any]) -> Any:
    """Take a part of a kernel into its callers before types are known.

    What is compiled on its own is optimised once more at every level of calls above it; this adds no level.
    """
    return numba.njit(nogil=True, error_model="numpy", boundscheck=False, inline="always")(function)
