"""The processors that firmware is built for, and the machines of QEMU that stand for them."""

from typing import NamedTuple

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["PROCESSORS", "Processor", "get_processor"]


class QemuMachine(NamedTuple):
    """A machine of QEMU: how it is started, its linker script, and the megahertz of the counter that is read."""

    qemu: tuple[str, ...]
    script: str
    ticks: int


class Processor(NamedTuple):
    """One kind of processor: how Clang names it, and the machine that runs its code."""

    name: str
    title: str
    clang: tuple[str, ...]
    machine: QemuMachine


def _cortex(kind: str, cpu: str, machine: str, script: str, megahertz: int) -> Processor:
    clang = ("-target", "thumb-freestanding-eabi", f"-mcpu={cpu}")
    qemu = ("qemu-system-arm", "-M", machine)
    return Processor(kind.lower().rstrip("+"), f"Cortex-{kind}", clang, QemuMachine(qemu, script, megahertz))


RISCV = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m")
VIRT = ("qemu-system-riscv32", "-M", "virt", "-bios", "none")
PROCESSORS = {
    p.name: p
    for p in (
        _cortex("M0+", "cortex_m0plus", "mps2-an385", "mps2.ld", 25),
        _cortex("M4", "cortex_m4", "mps2-an386", "mps2.ld", 25),
        _cortex("M33", "cortex_m33+dsp", "mps2-an505", "an505.ld", 20),
        Processor("rv32", "RV32IM", RISCV, QemuMachine(VIRT, "virt.ld", 1000)),
    )
}
"""By name. QEMU has no Cortex-M0+: its code runs on a Cortex-M3, which has all its instructions."""


def get_processor(name: str) -> Processor:
    """Return a processor by its name."""
    if name not in PROCESSORS:
        raise InputError(f"processor {name!r} is unknown", f"use {one_of(name, PROCESSORS)}")
    return PROCESSORS[name]
