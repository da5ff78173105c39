"""Cores that are built once and run many programs, and how a program is held against the reference."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from exporters.recording import recording_from
from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.plan import plan_of
from exporters.rtl_export.simulate import CORE, Simulator, build_simulator, play
from exporters.rtl_export.sizes import Sizes, holds
from sim.compare import first_divergence
from sim.engines import run
from sim.trace import RECORDABLE
from tests.programs import random_program, random_raster

FOLDERS: list[str] = []


def roomy(lanes: int, weights: int = 1 << 16) -> Sizes:
    """Return the sizes of a core that runs nearly every random program; what one does not need changes no value."""
    bits = {"wb": 16, "mb": 10, "ab": 30, "ub": 32, "yb": 8, "xb": 8, "cb": 8, "icb": 8, "qb": 8}
    tables = {"rows": 1 << 12, "neurons": 1 << 13, "registers": 1 << 13, "initial": 1, "table": 1 << 10}
    tables |= {"program": 1 << 9, "sources": 8, "messages": 1 << 13, "slots": 32, "inputs": 1 << 12, "input_slots": 8}
    parts = {"left": 7, "fold": 1, "up": 15, "down": 8, "current": 1, "most": 5, "refractory": 1}
    return Sizes(lanes=lanes, weights=weights, **bits, **tables, **parts)


def need(tool: str) -> None:
    if not all(shutil.which(name) for name in (tool, *(("make", "g++") if tool == "verilator" else ()))):
        pytest.skip(f"{tool} is not installed")


@cache
def shared_core(lanes: int, tool: str, weights: int = 1 << 16) -> tuple[Simulator, Path]:
    """Return a core built once, and the folder in which it runs; `remove_cores` ends its life."""
    need(tool)
    folder = Path(mkdtemp(prefix="snn2hw-rtl-test-"))
    FOLDERS.append(str(folder))
    return build_simulator(folder, roomy(lanes, weights), tool=tool), folder


def remove_cores() -> None:
    shared_core.cache_clear()
    while FOLDERS:
        shutil.rmtree(FOLDERS.pop(), ignore_errors=True)


def fitting(seeds, lanes: int, count: int, weights: int = 1 << 16):
    """Return the first ``count`` seeds whose program the shared core holds."""
    found = []
    for seed in seeds:
        plan = plan_of(random_program(np.random.default_rng(seed)))
        if holds(roomy(lanes, weights), sizes_of(plan, images_of(plan, lanes), lanes)):
            found.append(seed)
        if len(found) == count:
            break
    return found


def case(seed: int):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    return program, random_raster(rng, program)


def divergence(simulator: Simulator, folder: Path, program, raster, *, pause: int = 0, seed: int = 1, timeout_s=120):
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    played = play(plan_of(program), raster, simulator, folder, pause=pause, seed=seed, timeout_s=timeout_s)
    return first_divergence(program, trace, recording_from(program, played.arrays))


def mutated_core(folder: Path, file: str, old: str, new: str) -> Path:
    """Copy the core with one mistake planted."""
    copy = folder / "core"
    shutil.copytree(CORE, copy)
    text = (copy / file).read_text()
    assert text.count(old) == 1, f"{file}: {old!r} stands {text.count(old)} times"
    (copy / file).write_text(text.replace(old, new))
    return copy
