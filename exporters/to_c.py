"""A Program as C11: a hand-written runtime, generated tables, and golden vectors that its `main` replays."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, write_artifact
from exporters.c_export.build import build, run_binary, write_input
from exporters.c_export.tables import program_c, program_h, table_bytes
from exporters.golden_vectors import golden_vectors
from exporters.recording import ExecutorTrace, recording_from
from sim.arithmetic.registry import require_arithmetic
from sim.compare import recorded_of
from sim.errors import UnsupportedError
from sim.program import Program
from sim.trace import Trace

__all__ = ["MAIN", "RUNTIME_FILES", "execute", "export", "write_golden_bin", "write_sources"]

PARTS = Path(__file__).with_name("c_export")
RUNTIME_FILES = ("snn_runtime.h", "snn_runtime.c")
MAIN = PARTS / "runtime" / "main.c"
RUNTIMES = {"loihi": "runtime", "xylo": "xylo_runtime"}
"""Arithmetic to the folder of its runtime."""

MAX_TABLE_BYTES = 1 << 28
"""Larger tables make source text that compilers take minutes and gigabytes for."""

MAKEFILE = """CFLAGS ?= -O2
snn: main.c program.c snn_runtime.c program.h snn_runtime.h
\t$(CC) -std=c11 -Wall -Wextra -Werror $(CFLAGS) -o $@ main.c program.c snn_runtime.c

check: snn
\t./snn golden.bin
"""


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write the runtime, ``program.c`` and ``program.h``, ``golden.bin`` and a Makefile with a `check`."""
    check_artifact_folder(folder)
    _check(program)
    golden, trace = golden_vectors(program, raster)

    def fill(draft: Path) -> None:
        write_sources(program, draft)
        (draft / "Makefile").write_text(MAKEFILE, encoding="utf-8")
        write_golden_bin(draft / "golden.bin", program, golden, trace)

    return write_artifact(folder, format="c", digest=program.digest, fill=fill)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Compile and run; ``folder`` compiles the artifact that stands there instead of a fresh export."""
    with tempfile.TemporaryDirectory(prefix="snn2hw-c-") as made:
        workspace = Path(made)
        if folder is None:
            _check(program)
            write_sources(program, workspace)
        else:
            check_same_program(folder, "c", program.digest)
        build(folder or workspace, workspace / "snn", timeout_s=timeout_s)
        found = run_binary(program, workspace / "snn", raster, workspace, timeout_s=timeout_s)
        return recording_from(program, found)


def _check(program: Program) -> None:
    require_arithmetic(program.arithmetic, RUNTIMES, "the C runtime")
    size = table_bytes(program)
    if size > MAX_TABLE_BYTES:
        what = f"the program's tables take {size} bytes, more than a C compiler reads in reasonable time"
        raise UnsupportedError(what, "export it to ONNX, or split it")


def write_sources(program: Program, folder: Path) -> None:
    """Write the runtime and the program's tables."""
    for name in RUNTIME_FILES:
        shutil.copyfile(PARTS / RUNTIMES[program.arithmetic] / name, folder / name)
    shutil.copyfile(MAIN, folder / MAIN.name)
    (folder / "program.h").write_text(program_h(program), encoding="utf-8")
    with (folder / "program.c").open("w", encoding="utf-8") as handle:
        handle.writelines(program_c(program))


def write_golden_bin(path: Path, program: Program, samples: NDArray[np.integer], trace: Trace) -> None:
    """Write samples, and what a replay must make: for every sample, step and population its states, its spikes."""
    kinds = {**{s.name: "<i4" for s in program.described.states}, "spikes": "u1"}
    recorded, (count, steps) = recorded_of(trace), trace.output.shape[:2]
    write_input(path, samples)
    with path.open("ab") as handle:
        for b, t in np.ndindex(count, steps):
            for p in program.populations:
                for what, kind in kinds.items():
                    handle.write(np.ascontiguousarray(recorded[what][p.name][b, t], dtype=kind).tobytes())
