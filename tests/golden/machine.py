"""Where floats were computed: what trains depends on it down to the last bit, what only compiles does not."""

from importlib.metadata import version

import torch

__all__ = ["machine"]


def machine() -> dict[str, str]:
    """Return the instruction set and the versions of everything that adds floats up."""
    packages = {name: version(name) for name in ("numpy", "torch")}
    return {"instructions": torch.backends.cpu.get_cpu_capability(), **packages}
