"""The memory images as files, one word a line, in the widths of one core."""

from functools import reduce
from operator import and_, or_
from pathlib import Path

import numpy as np

from exporters.rtl_export.images import Images
from exporters.rtl_export.sizes import Sizes

__all__ = ["MEMORIES", "varying_bits", "write_memories"]

MEMORIES = ("program", "weights", "table", "registers", "initial")


def write_memories(folder: Path, images: Images, sizes: Sizes) -> None:
    """Write every memory below ``folder``."""
    for name, (words, bits) in _contents(images, sizes).items():
        _write(folder, name, words, bits)


def varying_bits(images: Images, sizes: Sizes) -> dict[str, int]:
    """Return how many bits of a word differ among the words of each memory: synthesis keeps no others."""
    found = {}
    for name, (words, bits) in _contents(images, sizes).items():
        mask = (1 << bits) - 1
        ones, zeros = reduce(or_, words) & mask, ~reduce(and_, words) & mask
        found[name] = max(1, (ones & zeros).bit_count())
    return found


def _contents(images: Images, sizes: Sizes) -> dict[str, tuple[list[int], int]]:
    """Return the words of every memory, and the bits of one."""
    row_bits = max(1, (sizes.rows - 1).bit_length())
    rows, positions, r_bits = (1 << row_bits) - 1, (1 << sizes.qb) - 1, 8
    table = [((w & rows) << sizes.qb | q & positions) << r_bits | r for w, q, r in images.table]
    registers = [(bias & 0xFFFFF) << 42 | low for low, bias in images.registers.tolist()]
    u_mask = (1 << sizes.ub) - 1
    initial = [(u & u_mask) << 24 | v & 0xFFFFFF for u, v in images.initial.tolist()]
    return {
        "program": (images.program, 32),
        "weights": (_words(images, sizes), sizes.lanes * sizes.wb),
        "table": (table, row_bits + sizes.qb + r_bits),
        "registers": (registers, 62),
        "initial": (initial, sizes.ub + 24),
    }


def _words(images: Images, sizes: Sizes) -> list[int]:
    """Join the weights of a word, lane 0 the lowest."""
    fields = (images.weights & ((1 << sizes.wb) - 1)).astype(object)
    shifts = np.array([1 << lane * sizes.wb for lane in range(sizes.lanes)], dtype=object)
    words: list[int] = (fields * shifts).sum(axis=1).tolist()
    return words


def _write(folder: Path, name: str, words: list[int], bits: int) -> None:
    digits = -(-bits // 4)
    with (folder / f"{name}.hex").open("w", encoding="ascii") as handle:
        handle.writelines(f"{word:0{digits}x}\n" for word in words)
