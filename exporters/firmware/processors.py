"""The processors that firmware is built for, and the machines of QEMU that stand for them."""

from dataclasses import dataclass

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["PROCESSORS", "Processor", "get_processor"]


@dataclass(frozen=True)
class Processor:
    """One kind of processor: how Clang and GCC name it, and where its code runs.

    ``ticks`` is how far the counter moves in a microsecond of the emulated clock: SysTick's megahertz; RISC-V counts
    nanoseconds.
    """

    name: str
    title: str
    clang: tuple[str, ...]
    gcc: tuple[str, ...]
    qemu: tuple[str, ...]
    script: str
    ticks: int
    remark: str = ""


def _thumb(cpu: str) -> tuple[str, ...]:
    return ("-target", "thumb-freestanding-eabi", f"-mcpu={cpu}")


PROCESSORS = {
    p.name: p
    for p in (
        Processor(
            "m0",
            "Cortex-M0+",
            _thumb("cortex_m0plus"),
            ("-mcpu=cortex-m0plus", "-mthumb"),
            ("qemu-system-arm", "-M", "mps2-an385"),
            "mps2.ld",
            25,
            "QEMU has no Cortex-M0+: its code runs on the Cortex-M3 of mps2-an385, which executes the same instructions",
        ),
        Processor(
            "m4",
            "Cortex-M4",
            _thumb("cortex_m4"),
            ("-mcpu=cortex-m4", "-mthumb"),
            ("qemu-system-arm", "-M", "mps2-an386"),
            "mps2.ld",
            25,
        ),
        Processor(
            "m33",
            "Cortex-M33",
            _thumb("cortex_m33+dsp"),
            ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft"),
            ("qemu-system-arm", "-M", "mps2-an505"),
            "an505.ld",
            20,
        ),
        Processor(
            "rv32",
            "RV32IM",
            ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m"),
            ("-march=rv32im_zicsr", "-mabi=ilp32"),
            ("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
            "virt.ld",
            1000,
        ),
    )
}
"""By the name that the command line takes."""


def get_processor(name: str) -> Processor:
    """Return a processor by its name."""
    if name not in PROCESSORS:
        raise InputError(f"processor {name!r} is unknown", f"use {one_of(name, PROCESSORS)}")
    return PROCESSORS[name]
