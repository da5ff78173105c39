"""How the kernels are compiled: without the GIL, and cached on disk so that the next process loads them.

Numba keys its cache by the file that holds a kernel, not by the files whose functions it inlines. A kernel's qualified
name therefore carries a stamp of every source file of the engine: after any edit or upgrade nothing stale is found.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

__all__ = ["STAMP", "inline", "kernel", "loop", "part"]

SOURCES = sorted(Path(__file__).parents[1].rglob("*.py"))
STAMP = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:12]
UNCHECKED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
COMPILED_CODE_ONLY: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""No code by which Python or C could call what only kernels call."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile an entry point, from the cache where there is one; a machine without any writable folder does without."""
    return _cached(function, UNCHECKED)


def loop(function: Callable[..., Any]) -> Any:
    """Compile, and cache, a loop that kernels call by its address, each of its forms when it is first needed."""
    return _cached(function, UNCHECKED | COMPILED_CODE_ONLY)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel on its own, into its callers where LLVM sees fit."""
    return numba.njit(**UNCHECKED, **COMPILED_CODE_ONLY)(function)


def part(function: Callable[..., Any]) -> Any:
    """Take a part of a kernel into its callers before types are known.

    What is compiled on its own is optimised once more at every level of calls above it; this adds no level.
    """
    return numba.njit(**UNCHECKED, inline="always")(function)


def _cached(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    function.__qualname__ = f"{function.__qualname__}-{STAMP}"
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        return numba.njit(**options)(function)
