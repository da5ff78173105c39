"""Which FPGAs have memory enough for a core: blocks counted from the shapes of its memories. Logic is not counted.

Sources of the numbers of blocks: Lattice FPGA-DS-02008 (iCE40 UltraPlus), DS1040 (iCE40 HX), FPGA-DS-02012 (ECP5),
Gowin DS117 (GW1N) and DS102 (GW2A), AMD DS180 (7 series).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporters.rtl_export.sizes import Sizes

__all__ = ["FPGAS", "Fit", "Fpga", "fit", "fits", "said_of"]

SMALL = tuple((256 << i, 16 >> i) for i in range(4))
LARGE = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block of 4 and of 18 kbit, as they can be shaped."""

SINGLE_WORDS, SINGLE_BITS = 1 << 14, 16
CLOSE = 0.05
SINGLE = ("weights", "messages")
"""Memories that are never read and written in one clock."""


@dataclass(frozen=True)
class Fpga:
    """A device: its blocks of memory, their shapes, and its blocks of single-port memory; ``flag`` is nextpnr's."""

    name: str
    blocks: int
    shapes: tuple[tuple[int, int], ...]
    single: int = 0
    flag: str = ""


FPGAS = (
    Fpga("iCE40 UP5K", 30, SMALL, single=4, flag="--up5k"),
    Fpga("iCE40 HX8K", 32, SMALL, flag="--hx8k"),
    Fpga("ECP5-25", 56, LARGE, flag="--25k"),
    Fpga("ECP5-45", 108, LARGE, flag="--45k"),
    Fpga("ECP5-85", 208, LARGE, flag="--85k"),
    Fpga("Gowin GW1NR-9", 26, LARGE),
    Fpga("Gowin GW2A-18", 46, LARGE),
    Fpga("Xilinx XC7A35T", 100, LARGE),
    Fpga("Xilinx XC7A100T", 270, LARGE),
)
"""From the smallest of each family to the largest."""


@dataclass(frozen=True)
class Fit:
    """What a core needs of one device; ``single`` blocks are used where the others alone do not do."""

    fpga: Fpga
    blocks: int
    single: int

    @property
    def holds(self) -> bool:
        """Return whether the device has that many."""
        return self.blocks <= self.fpga.blocks and self.single <= self.fpga.single

    @property
    def close(self) -> bool:
        """Return whether it is short by so little that synthesis, which trims memories, may still bring it in."""
        short = 0 < self.blocks - self.fpga.blocks <= self.fpga.blocks * CLOSE
        return short and self.single <= self.fpga.single


def fit(sizes: Sizes, fpga: Fpga, varying: Mapping[str, int] | None = None) -> Fit:
    """Count the blocks that each memory takes, every one in the shape that suits it best.

    ``varying`` says how many bits of a word are not the same in all words, where that is known.
    """
    varying = varying or {}
    needed = {
        name: min(-(-words // depth) * -(-varying.get(name, bits) // width) for depth, width in fpga.shapes)
        for name, (words, bits) in sizes.memory_shapes().items()
    }
    plain = Fit(fpga, sum(needed.values()), 0)
    if plain.holds or not fpga.single:
        return plain
    shapes = [sizes.memory_shapes()[name] for name in SINGLE]
    single = sum(-(-words // SINGLE_WORDS) * -(-bits // SINGLE_BITS) for words, bits in shapes)
    return Fit(fpga, plain.blocks - sum(needed[name] for name in SINGLE), single)


def fits(sizes: Sizes, varying: Mapping[str, int] | None = None) -> tuple[Fit, ...]:
    """Return what the core needs of every device we know."""
    return tuple(fit(sizes, fpga, varying) for fpga in FPGAS)


def said_of(found: tuple[Fit, ...]) -> tuple[str, ...]:
    """Say which devices hold the core, and how far each of the others is from it."""

    def told(one: Fit) -> str:
        of = f"{one.fpga.name} ({one.blocks} of {one.fpga.blocks} blocks"
        return f"{of}, {one.single} of {one.fpga.single} single-port)" if one.single else f"{of})"

    holding = [told(one) for one in found if one.holds]
    near = [told(one) for one in found if one.close]
    short = [told(one) for one in found if not one.holds and not one.close]
    lines = [f"memory fits: {', '.join(holding)}" if holding else "no FPGA we know is sure to have memory enough"]
    lines += [f"memory may fit, synthesis will tell: {', '.join(near)}"] if near else []
    return (*lines, f"memory does not fit: {', '.join(short)}") if short else tuple(lines)
