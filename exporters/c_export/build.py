"""Find a C compiler, build an exported folder, and run a raster through it."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import MachineError, MissingToolError, ToolError
from sim.program import Program

__all__ = [
    "LEAVES_THE_MACHINE",
    "SANITIZERS",
    "STRICT",
    "build",
    "find_compiler",
    "read_output",
    "run_binary",
    "write_input",
]

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZERS = ("-g", "-fno-sanitize-recover=all", "-fsanitize=address,undefined")
SOURCES = ("main.c", "program.c", "snn_runtime.c")
LEAVES_THE_MACHINE = 3


def find_compiler() -> tuple[str, ...]:
    """Return the command of a C compiler: the system's, else the one of the ziglang package."""
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return (found,)
    if find_spec("ziglang") is not None:
        return (sys.executable, "-P", "-m", "ziglang", "cc")
    raise MissingToolError("no C compiler is installed", "install gcc or clang, or: pip install ziglang")


def build(folder: Path, binary: Path, *, flags: tuple[str, ...] = ("-O2",), timeout_s: float = 600.0) -> None:
    """Compile the export in ``folder`` without a warning."""
    words = [*find_compiler(), *STRICT, *flags, "-o", str(binary), *(str(folder / name) for name in SOURCES)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise ToolError(f"the C compiler did not end within {timeout_s:g} s", "give it more time") from None
    if done.returncode:
        raise ToolError(f"the C compiler refuses {folder}: {done.stderr.strip()[-600:]}")


def write_input(path: Path, raster: NDArray[np.integer]) -> None:
    """Write a raster as main.c reads it."""
    with path.open("wb") as handle:
        handle.write(np.asarray(raster.shape[:2], dtype="<u4").tobytes())
        handle.write(np.ascontiguousarray(raster, dtype="<i4").tobytes())


def run_binary(
    program: Program, binary: Path, raster: NDArray[np.integer], workspace: Path, *, timeout_s: float
) -> dict[str, NDArray[np.integer]]:
    """Run a raster and return ``REGISTER.POPULATION`` arrays, (B, T, *shape)."""
    write_input(workspace / "input.bin", raster)
    words = [str(binary), str(workspace / "input.bin"), str(workspace / "output.bin")]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise ToolError(f"the C program did not end within {timeout_s:g} s", "give fewer samples at once") from None
    if done.returncode == LEAVES_THE_MACHINE:
        raise MachineError(done.stderr.strip(), "lower the weights, the fan-in or the weight exponent")
    if done.returncode:
        raise ToolError(f"the C program failed (exit code {done.returncode}): {done.stderr.strip()[-600:]}")
    return read_output(program, workspace / "output.bin", raster.shape[0], raster.shape[1])


def read_output(program: Program, path: Path, samples: int, steps: int) -> dict[str, NDArray[np.integer]]:
    """Read what a replay wrote: for every sample, step and population its u, its v, its spikes."""
    fields = [
        (f"{register}.{p.name}", kind, p.shape)
        for p in program.populations
        for register, kind in (*((s.name, "<i4") for s in program.described.states), ("spikes", "u1"))
    ]
    layout = np.dtype(fields)  # packed: one record is one step
    records = np.fromfile(path, dtype=layout)
    if records.size != samples * steps:
        raise ToolError(f"the C program wrote {records.size} steps of {samples * steps}")
    table = records.reshape(samples, steps)
    return {name: table[name] for name, _, _ in fields}
