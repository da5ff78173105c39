"""The machine that measures, as the results state it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim.cores import cores_here

__all__ = ["describe"]


def describe() -> dict[str, Any]:
    """Return CPU, cores, versions and how busy the machine was in the last minute."""
    from llvmlite.binding import get_host_cpu_name

    return {
        "cpu": _model(),
        "cpu_name": get_host_cpu_name(),
        "cpus": cores_here(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _model() -> str:
    """Return the name of the CPU that the system gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
