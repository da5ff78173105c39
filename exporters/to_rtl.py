"""A Program for an FPGA core of our own: Verilog by hand, generated memories, and a bench that replays golden vectors.

core/*.v        the core            bench/   the bench           board/   UART top level, pins
parameters.vh   its sizes           mem/     what makes it this program
golden.stream   what goes in        golden.expected   every u, v and spike of every neuron and step
rtl.json        the memories        Makefile          check, and bitstreams with open tools
"""

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, write_artifact
from exporters.golden_vectors import golden_vectors
from exporters.recording import ExecutorTrace, recording_from
from exporters.rtl_export.devices import Fit, fits, said_of
from exporters.rtl_export.images import Images, images_of, sizes_of
from exporters.rtl_export.memories import varying_bits, write_memories
from exporters.rtl_export.plan import CorePlan, plan_of
from exporters.rtl_export.simulate import CORE, build_simulator, find_simulator, play
from exporters.rtl_export.sizes import LANES, Sizes, parameters_vh
from exporters.rtl_export.stream import expected_lines, stream_lines
from sim.border import JSON_BYTES, foreign_errors, parse_json, read_bytes
from sim.errors import FileError, InputError
from sim.program import Program

__all__ = ["execute", "export", "lanes_of"]

SCHEMA = "snn2hw.rtl/1"
DEFAULT_LANES = 4


def export(
    program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None, *, lanes: int = DEFAULT_LANES
) -> Artifact:
    """Write the core, its memories for this program, golden vectors and the files of two boards."""
    check_artifact_folder(folder)
    plan, images, sizes = _laid_out(program, lanes)
    samples, trace = golden_vectors(program, raster)

    def fill(draft: Path) -> None:
        _write_core(draft, plan, images, sizes)
        (draft / "golden.stream").write_text("".join(stream_lines(plan, sizes, samples)), encoding="ascii")
        with (draft / "golden.expected").open("w", encoding="ascii") as handle:
            handle.writelines(expected_lines(plan, sizes, trace))

    notes = said_of(fits(sizes, varying_bits(images, sizes)))
    return write_artifact(folder, format="rtl", digest=program.digest, fill=fill, notes=notes)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Build the core in a logic simulator and play the raster; ``folder`` gives core and memories."""
    find_simulator()
    lanes = DEFAULT_LANES if folder is None else lanes_of(folder, program.digest)
    plan, images, sizes = _laid_out(program, lanes)
    with tempfile.TemporaryDirectory(prefix="snn2hw-rtl-") as made:
        workspace = Path(made)
        core, memories = CORE, workspace / "mem"
        if folder is None:
            memories.mkdir()
            write_memories(memories, images, sizes)
        else:
            core, memories = folder.absolute() / "core", folder.absolute() / "mem"
        simulator = build_simulator(workspace, sizes, core=core, timeout_s=timeout_s)
        played = play(plan, raster, simulator, workspace, memories=memories, timeout_s=timeout_s)
    return recording_from(program, played.arrays)


def _laid_out(program: Program, lanes: int) -> tuple[CorePlan, Images, Sizes]:
    if lanes not in LANES:
        raise InputError(f"{lanes} lanes", f"use one of: {', '.join(map(str, LANES))}")
    plan = plan_of(program)
    images = images_of(plan, lanes)
    return plan, images, sizes_of(plan, images, lanes)


def _write_core(draft: Path, plan: CorePlan, images: Images, sizes: Sizes) -> None:
    for room in ("core", "bench", "board"):
        shutil.copytree(CORE.with_name(room), draft / room, ignore=shutil.ignore_patterns("Makefile", "formal"))
    found = fits(sizes, varying_bits(images, sizes))
    (draft / "Makefile").write_text(_makefile(found), encoding="utf-8")
    (draft / "parameters.vh").write_text(parameters_vh(sizes), encoding="ascii")
    (draft / "mem").mkdir()
    write_memories(draft / "mem", images, sizes)
    layers = [
        {
            "population": layer.population.name,
            "source": layer.source,
            "first_state": layer.state_base,
            "chw": layer.shape,
        }
        for layer in plan.layers
    ]
    facts = {
        "schema": SCHEMA,
        "digest": plan.program.digest,
        "sizes": asdict(sizes),
        "memory_bits": sizes.memory_bits(),
        "devices": [
            {"name": one.fpga.name, "blocks": one.blocks, "single_port": one.single, "holds": one.holds}
            for one in found
        ],
        "populations": layers,
    }
    (draft / "rtl.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _makefile(found: tuple[Fit, ...]) -> str:
    """Return the Makefile: the smallest ECP5 that holds the core, and whether a UP5K needs single-port memory."""
    text = (CORE.with_name("board") / "Makefile").read_text(encoding="utf-8")
    flags = [one.fpga.flag for one in found if one.holds and one.fpga.name.startswith("ECP5")]
    single = any(one.single for one in found)
    return text.replace("DEVICE ?= --25k", f"DEVICE ?= {(*flags, '--85k')[0]}").replace(
        "HUGE ?= 0", f"HUGE ?= {single:d}"
    )


def lanes_of(folder: Path, digest: str) -> int:
    """Return how many synapses a clock the core in a folder adds, which was made from the program of this digest."""
    check_same_program(folder, "rtl", digest)
    path = folder / "rtl.json"
    with foreign_errors(path, "cannot be read", "export again"):
        lanes = parse_json(read_bytes(path, JSON_BYTES, "export again"), str(path), "export again")["sizes"]["lanes"]
    if type(lanes) is not int or lanes not in LANES:
        raise FileError(f"{path}: {lanes!r} lanes", "export again")
    return int(lanes)
