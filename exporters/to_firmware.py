"""A Program as firmware: an event-driven C runtime for microcontrollers, and what verifies it on them.

src/            the runtime, and this program as tables      replay/    start-up, linker scripts, golden vectors
Makefile        build, check on the PC, check in QEMU        golden.bin samples, and every register of every step
library.properties, examples/, zephyr/                       the same sources as Arduino and as Zephyr want them
"""

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, write_artifact
from exporters.c_export.build import read_output, write_input
from exporters.firmware.build import BARE, ImageSizes, cross_compile, image_sizes
from exporters.firmware.emulate import emulate, find_qemu, instructions_of
from exporters.firmware.install import find_python
from exporters.firmware.plan import FirmwarePlan, firmware_plan
from exporters.firmware.processors import get_processor
from exporters.firmware.sizes import sizes_of_plan
from exporters.firmware.tables import program_c, snn_program_h
from exporters.golden_vectors import golden_vectors
from exporters.recording import ExecutorTrace, recording_from
from exporters.to_c import write_golden_bin
from sim.errors import UnsupportedError
from sim.program import Program

__all__ = ["Measured", "execute", "execute_m0", "execute_m33", "execute_rv32", "export", "measure", "write_sources"]

RUNTIME = Path(__file__).with_name("firmware") / "runtime"
MAX_TABLE_BYTES = 1 << 25
"""No microcontroller has more flash: 32 MB."""


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write runtime, tables, golden vectors and projects; three made-up samples where no raster is given."""
    check_artifact_folder(folder)
    plan = _checked_plan(program)
    golden, trace = golden_vectors(program, raster)

    def fill(draft: Path) -> None:
        write_sources(plan, draft)
        write_golden_bin(draft / "golden.bin", program, golden, trace)

    return write_artifact(folder, format="firmware", digest=program.digest, fill=fill)


def write_sources(plan: FirmwarePlan, folder: Path) -> None:
    """Write everything but the golden vectors."""
    shutil.copytree(RUNTIME, folder, dirs_exist_ok=True)
    (folder / "src" / "snn_program.h").write_text(snn_program_h(plan), encoding="utf-8")
    with (folder / "src" / "program.c").open("w", encoding="utf-8") as handle:
        handle.writelines(program_c(plan))
    sizes = sizes_of_plan(plan)
    told = (folder / "README.md").read_text(encoding="utf-8")
    facts = {"DIGEST": plan.program.digest, "TABLES": sizes.tables, "CODE": sizes.code}
    for name, value in {**facts, "RAM": sizes.ram, "STACK": sizes.stack}.items():
        told = told.replace(f"@{name}@", str(value))
    (folder / "README.md").write_text(told, encoding="utf-8")


def execute(
    program: Program,
    raster: NDArray[np.integer],
    *,
    timeout_s: float = 600.0,
    folder: Path | None = None,
    processor: str = "m4",
) -> ExecutorTrace:
    """Cross-compile, run on an emulated processor and read every register; ``folder`` gives the sources."""
    chosen = get_processor(processor)
    find_qemu(chosen)
    find_python()
    with tempfile.TemporaryDirectory(prefix="snn2hw-mcu-") as made:
        workspace = Path(made)
        sources = _sources(program, workspace, folder)
        image = workspace / "record.elf"
        cross_compile(sources, "record.c", image, chosen, defines=("SNN_TRACE",), timeout_s=timeout_s)
        write_input(workspace / "input.bin", raster)
        emulate(image, chosen, workspace, program=program, timeout_s=timeout_s)
        found = read_output(program, workspace / "output.bin", raster.shape[0], raster.shape[1])
        return recording_from(program, found)


execute_m0 = partial(execute, processor="m0")
execute_m33 = partial(execute, processor="m33")
execute_rv32 = partial(execute, processor="rv32")


@dataclass(frozen=True, eq=False)
class Measured:
    """What a processor needs: instructions (B, T, 1 + populations), the input's first; bytes of image and stack."""

    parts: tuple[str, ...]
    instructions: NDArray[np.int64]
    image: ImageSizes
    stack: int


def measure(
    program: Program, raster: NDArray[np.integer], *, processor: str = "m4", timeout_s: float = 600.0
) -> Measured:
    """Count the instructions of every part of every step in QEMU: deterministic, and no cycles."""
    chosen, plan = get_processor(processor), _checked_plan(program)
    with tempfile.TemporaryDirectory(prefix="snn2hw-mcu-") as made:
        workspace = Path(made)
        write_sources(plan, workspace)
        cross_compile(workspace, BARE, workspace / "bare.elf", chosen, timeout_s=timeout_s)
        image = workspace / "profile.elf"
        cross_compile(workspace, "profile.c", image, chosen, defines=("SNN_PROFILE",), timeout_s=timeout_s)
        write_input(workspace / "input.bin", raster)
        ran = emulate(image, chosen, workspace, program=program, timeout_s=timeout_s)
        samples, steps = raster.shape[:2]
        parts = ("input", *(plan.units[i].population.name for i in plan.order))
        counted = instructions_of(workspace / "profile.bin", chosen, samples, steps, len(parts))
        return Measured(parts, counted, image_sizes(workspace / "bare.elf"), ran.stack)


def _sources(program: Program, workspace: Path, folder: Path | None) -> Path:
    if folder is not None:
        check_same_program(folder, "firmware", program.digest)
        return folder.absolute()
    write_sources(_checked_plan(program), workspace)
    return workspace


def _checked_plan(program: Program) -> FirmwarePlan:
    plan = firmware_plan(program)
    size = sizes_of_plan(plan).tables
    if size > MAX_TABLE_BYTES:
        what = f"the program's tables take {size} bytes, more than a microcontroller has flash"
        raise UnsupportedError(what, "export it to c or onnx, or make it smaller")
    return plan
