"""Run an image in QEMU, where every instruction takes the same time, and read what it wrote."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.install import find_python
from exporters.firmware.processors import PROCESSORS, Processor
from sim.errors import MachineError, MissingToolError, ToolError
from sim.program import Program

__all__ = ["Emulated", "call_qemu", "emulate", "find_arm", "find_qemu", "find_riscv", "instructions_of"]

ICOUNT_SHIFT = 6
"""An instruction takes 2^6 ns of the emulated clock: more than one tick of every counter, so that none is lost."""

OPTIONS = ("-display", "none", "-monitor", "none", "-serial", "none", "-icount", f"shift={ICOUNT_SHIFT},sleep=off")
SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")
LEAVES_THE_MACHINE = 3
PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc"}


@dataclass(frozen=True)
class Emulated:
    """What an image said, and the most stack that a step took."""

    said: str
    stack: int


def find_qemu(processor: Processor) -> str:
    """Return the emulator of a processor, or say what to install."""
    name = processor.machine.qemu[0]
    found = shutil.which(name)
    if not found:
        raise MissingToolError(f"{name} is not installed", f"install QEMU, Debian's package is {PACKAGES[name]}")
    return found


def emulate(image: Path, processor: Processor, folder: Path, *, program: Program, timeout_s: float) -> Emulated:
    """Run the firmware of a program to its end; the files that it opens lie in ``folder``."""
    done = call_qemu(image, processor, folder, timeout_s=timeout_s, expected=(0, LEAVES_THE_MACHINE))
    if done.returncode == LEAVES_THE_MACHINE:
        raise MachineError(_named(done.stdout.strip(), program), "lower the weights, the fan-in or the weight exponent")
    stack = re.search(r"stack (\d+)", done.stdout)
    return Emulated(done.stdout, int(stack[1]) if stack else 0)


def call_qemu(
    image: Path, processor: Processor, folder: Path, *, timeout_s: float, expected: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run an image to its end, which must have one of the ``expected`` codes."""
    words = [find_qemu(processor), *processor.machine.qemu[1:], *OPTIONS, *SEMIHOSTING, "-kernel", str(image)]
    try:
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"QEMU did not end within {timeout_s:g} s", "give fewer samples at once") from None
    if done.returncode not in expected:
        said = done.stdout.strip()[-600:]
        raise ToolError(f"the firmware ended with code {done.returncode} on {processor.title}: {said}")
    return done


def _named(said: str, program: Program) -> str:
    """Put the name of a population in the place of its number."""
    found = re.match(r"population (\d+) (.*)", said)
    if not found or int(found[1]) >= len(program.populations):
        return said[-600:]
    return f"population {program.populations[int(found[1])].name!r} {found[2]} (|a| >= 2^21 or |u| >= 2^31)"


def instructions_of(path: Path, processor: Processor, samples: int, steps: int, parts: int) -> NDArray[np.int64]:
    """Read a profile: instructions of every sample, step and part, (B, T, parts); the input is the first part."""
    ticks = np.fromfile(path, dtype="<u4").astype(np.float64)
    if ticks.size != 1 + samples * steps * parts:
        raise ToolError(f"the profile holds {ticks.size} numbers, not {1 + samples * steps * parts}")
    per_instruction = processor.machine.ticks * (1 << ICOUNT_SHIFT) / 1000
    counted: NDArray[np.float64] = np.rint((ticks[1:] - ticks[0]) / per_instruction)
    return counted.astype(np.int64).reshape(samples, steps, parts)


def find_arm() -> str:
    """Return the emulator of the Cortex-M processors where the cross compiler is there too."""
    find_python()
    return find_qemu(PROCESSORS["m4"])


def find_riscv() -> str:
    """Return the emulator of the RISC-V processor where the cross compiler is there too."""
    find_python()
    return find_qemu(PROCESSORS["rv32"])
