"""Build the core and its bench with a logic simulator, and play rasters through it."""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.memories import write_memories
from exporters.rtl_export.plan import CorePlan
from exporters.rtl_export.sizes import Sizes, holds, parameters_vh
from exporters.rtl_export.stream import check_output, read_probe, stream_lines
from sim.errors import InputError, MachineError, MissingToolError, ToolError

__all__ = ["CORE", "Played", "Simulator", "build_simulator", "find_simulator", "play"]

CORE = Path(__file__).with_name("core")
BENCH = Path(__file__).with_name("bench") / "snn_bench.v"
PARAMETERS = "parameters.vh"
CLOCK_LIMIT = 1 << 30
ERRORS = {1: "|a| >= 2^21 leaves the accumulator", 2: "|u| leaves its register after repeated wraps"}
FULL = {3: "the queue of its messages is full", 4: "the queue of the input is full"}


@dataclass(frozen=True)
class Simulator:
    """A core of given sizes that has been built: the words that start it."""

    words: tuple[str, ...]
    sizes: Sizes


@dataclass(frozen=True, eq=False)
class Played:
    """What came out: ``REGISTER.POPULATION`` arrays, and the clocks from the first item to the last answer."""

    arrays: dict[str, NDArray[np.integer]]
    clocks: int


def find_simulator() -> str:
    """Return ``verilator`` where it, make and a C++ compiler are installed, else ``iverilog``."""
    if all(shutil.which(name) for name in ("verilator", "make", "g++")):
        return "verilator"
    if shutil.which("iverilog") and shutil.which("vvp"):
        return "iverilog"
    fix = "install Icarus Verilog or Verilator, for example: apt-get install iverilog"
    raise MissingToolError("no logic simulator is installed", fix)


def build_simulator(
    folder: Path, sizes: Sizes, *, tool: str | None = None, core: Path = CORE, timeout_s: float = 600.0
) -> Simulator:
    """Build the bench in ``folder`` around the core whose sources lie in ``core``."""
    tool = tool or find_simulator()
    (folder / PARAMETERS).write_text(parameters_vh(sizes), encoding="ascii")
    sources = [*map(str, sorted(core.glob("*.v"))), str(BENCH)]
    defines = ["-DSNN_PLUSARGS", f"-I{folder}"]
    if tool == "verilator":
        flags = ["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3", "--top-module", "snn_bench"]
        words = [tool, *flags, *defines, "-CFLAGS", "-O1", "--Mdir", str(folder / "made"), "-o", "bench", *sources]
        started: tuple[str, ...] = (str(folder / "made" / "bench"),)
    else:
        words = [tool, "-g2012", *defines, "-s", "snn_bench", "-o", str(folder / "bench.vvp"), *sources]
        started = ("vvp", "-n", str(folder / "bench.vvp"))
    done = _run(words, folder, timeout_s, f"{tool} (building the core)")
    if done.returncode:
        raise ToolError(f"{tool} does not build the core: {(done.stderr or done.stdout).strip()[-800:]}")
    return Simulator(started, sizes)


def play(
    plan: CorePlan,
    raster: NDArray[np.integer],
    simulator: Simulator,
    folder: Path,
    *,
    memories: Path | None = None,
    pause: int = 0,
    seed: int = 1,
    timeout_s: float = 600.0,
) -> Played:
    """Play a raster through a built core, both sides of the stream pausing ``pause`` per cent of the clocks.

    ``memories`` names a folder of images that stand already; without it they are written first.
    """
    sizes, images = simulator.sizes, images_of(plan, simulator.sizes.lanes)
    if not holds(sizes, sizes_of(plan, images, sizes.lanes)):
        raise InputError("the core was built for a smaller program", "build it with this program's sizes")
    if memories is None:
        memories = folder / "mem"
        memories.mkdir(exist_ok=True)
        write_memories(memories, images, sizes)
    with (folder / "stream.txt").open("w", encoding="ascii") as handle:
        handle.writelines(stream_lines(plan, sizes, raster))
    files = [f"+mem={memories}", f"+stream={folder / 'stream.txt'}", f"+probe={folder / 'probe.txt'}"]
    words = [*simulator.words, *files, f"+output={folder / 'output.txt'}", f"+pause={pause}", f"+seed={seed}"]
    done = _run([*words, f"+limit={CLOCK_LIMIT}"], folder, timeout_s, "the simulated core")
    clocks = _verdict(plan, done)
    arrays = dict(read_probe(folder / "probe.txt", plan, sizes, *raster.shape[:2]))
    check_output(folder / "output.txt", plan, sizes, arrays)
    return Played(arrays, clocks)


def _verdict(plan: CorePlan, done: subprocess.CompletedProcess[str]) -> int:
    error = re.search(r"error (\d+) source (\d+) step (\d+)", done.stdout)
    if error:
        code, source, step = (int(word) for word in error.groups())
        where = next((layer.population.name for layer in plan.layers if layer.source == source), "input")
        what = f"population {where!r}: step {step} of all that were played: {(ERRORS | FULL).get(code, 'unknown')}"
        raise MachineError(what, "lower the weights, the fan-in or the weight exponent")
    clocks = re.search(r"clocks (\d+)", done.stdout)
    if done.returncode or not clocks:
        raise ToolError(f"the simulated core failed: {(done.stdout + done.stderr).strip()[-600:]}")
    return int(clocks.group(1))


def _run(words: list[str], folder: Path, timeout_s: float, what: str) -> subprocess.CompletedProcess[str]:
    """Run in a group of its own, so that nothing a tool started outlives it."""
    start = time.monotonic()
    with subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except BaseException as error:
            _end_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                fix = "give it more time, or fewer samples at once"
                raise ToolError(f"{what} did not end within {time.monotonic() - start:.0f} s", fix) from None
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def _end_group(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
