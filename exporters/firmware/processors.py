"""The processors that firmware is built for, and the machines of QEMU that stand for them."""

from dataclasses import dataclass

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["PROCESSORS", "Processor", "get_processor"]


@dataclass(frozen=True)
class Processor:
    """One kind of processor: how Clang names it, and where its code runs.

    ``ticks`` is how far the counter moves in a microsecond of the emulated clock: SysTick's megahertz; RISC-V counts
    nanoseconds.
    """

    name: str
    title: str
    clang: tuple[str, ...]
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
            name="m0",
            title="Cortex-M0+",
            clang=_thumb("cortex_m0plus"),
            qemu=("qemu-system-arm", "-M", "mps2-an385"),
            script="mps2.ld",
            ticks=25,
            remark="QEMU has no Cortex-M0+: its code runs on a Cortex-M3, which has all its instructions",
        ),
        Processor(
            name="m4",
            title="Cortex-M4",
            clang=_thumb("cortex_m4"),
            qemu=("qemu-system-arm", "-M", "mps2-an386"),
            script="mps2.ld",
            ticks=25,
        ),
        Processor(
            name="m33",
            title="Cortex-M33",
            clang=_thumb("cortex_m33+dsp"),
            qemu=("qemu-system-arm", "-M", "mps2-an505"),
            script="an505.ld",
            ticks=20,
        ),
        Processor(
            name="rv32",
            title="RV32IM",
            clang=("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m"),
            qemu=("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
            script="virt.ld",
            ticks=1000,
        ),
    )
}
"""By the name that the command line takes."""


def get_processor(name: str) -> Processor:
    """Return a processor by its name."""
    if name not in PROCESSORS:
        raise InputError(f"processor {name!r} is unknown", f"use {one_of(name, PROCESSORS)}")
    return PROCESSORS[name]
