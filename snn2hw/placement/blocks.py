"""A program on a chip that has blocks in place of cores: inputs, hidden neurons with one recurrent matrix, outputs.

The last population is the output block; all others lie one after the other among the hidden neurons and share the
recurrent matrix, whoever reads whom. There is one chip: no link from chip to chip is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.layer_names import layer_names
from sim.program import INPUT, Population, Program, require_program
from sim.summary import Shown, Summary
from sim.wiring import synapse_count
from snn2hw.chips.target import Target, get_target

__all__ = ["BLOCKS_SCHEMA", "Block", "BlockPlacement", "place_blocks"]

BLOCKS_SCHEMA = "snn2hw.blocks/1"


@dataclass(frozen=True)
class Block:
    """One block: what it holds, and who lies where in it, as (population, first, behind the last)."""

    name: str
    limit: int
    held: tuple[tuple[str, int, int], ...]
    synapses: int
    """Weights that are not zero in the matrix that leads into it."""
    places: int
    """Weights that the matrix has room for between what lies there."""

    @property
    def used(self) -> int:
        """Return the neurons or channels in it."""
        return sum(last - first for _, first, last in self.held)

    @property
    def use(self) -> float:
        """Return how full it is."""
        return self.used / self.limit

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        held = [{"population": name, "first": first, "behind": behind} for name, first, behind in self.held]
        return {**asdict(self), "held": held, "used": self.used, "utilisation": round(self.use, 6)}


@dataclass(frozen=True, repr=False)
class BlockPlacement(Shown):
    """A program in the blocks of one chip."""

    digest: str
    target: str
    blocks: tuple[Block, ...]
    layers: Mapping[str, str] = field(default_factory=dict)
    """What tables call the populations."""

    @property
    def limiting(self) -> str:
        """Return the block of which least is left."""
        return max(self.blocks, key=lambda block: block.use).name

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "schema": BLOCKS_SCHEMA,
            "digest": self.digest,
            "target": self.target,
            "chips": 1,
            "limiting": self.limiting,
            "blocks": [block.to_json() for block in self.blocks],
        }

    def _summary(self) -> Summary:
        return Summary(
            title=f"Placement of program {self.digest[:12]} on {self.target}: one chip of blocks",
            facts=[f"limited by its {self.limiting} block"],
            header=("block", "holds", "used", "synapses into it", "populations"),
            rows=[
                (
                    block.name,
                    f"{block.limit:,}",
                    f"{block.used:,} ({block.use:.0%})",
                    f"{block.synapses:,} of {block.places:,}",
                    ", ".join(
                        f"{self.layers.get(name, name)}: {first}..{behind - 1}" for name, first, behind in block.held
                    ),
                )
                for block in self.blocks
            ],
        )


def place_blocks(program: Program, target: Target | str) -> BlockPlacement:
    """Put a program into the blocks of a chip, or say everything that exceeds them and the split that would fit."""
    require_program(program)
    chip = get_target(target)
    require_arithmetic(program.arithmetic, (chip.arithmetic,), f"target {chip.name}")
    if chip.blocks is None:
        fix = "name a chip whose file has a table [blocks], such as xylo2"
        raise UnsupportedError(f"target {chip.name}: states no blocks", fix)
    *hidden, out = program.populations
    channels = int(np.prod(program.input.shape))
    limits = asdict(chip.blocks)
    held = {
        "input": [(INPUT, channels)],
        "hidden": [(p.name, p.size) for p in hidden],
        "output": [(out.name, out.size)],
    }
    exceeding = [_beyond(chip, name, sizes, limits[name]) for name, sizes in held.items() if _sum(sizes) > limits[name]]
    if exceeding:
        raise UnsupportedError(
            f"program: {'; '.join(exceeding)}", "make it smaller: no link between chips is published"
        )
    inner = _sum(held["hidden"])
    met = {"input": 0, "hidden": _synapses(program, hidden), "output": _synapses(program, [out])}
    room = {"input": 0, "hidden": (channels + inner) * inner, "output": inner * out.size}
    blocks = [Block(name, limits[name], _ranges(sizes), met[name], room[name]) for name, sizes in held.items()]
    return BlockPlacement(program.digest, chip.name, tuple(blocks), layer_names(program))


def _sum(sizes: Sequence[tuple[str, int]]) -> int:
    return sum(size for _, size in sizes)


def _ranges(sizes: Sequence[tuple[str, int]]) -> tuple[tuple[str, int, int], ...]:
    ends = np.cumsum([0, *(size for _, size in sizes)]).tolist()
    return tuple((name, first, first + size) for (name, size), first in zip(sizes, ends, strict=False))


def _synapses(program: Program, populations: Sequence[Population]) -> int:
    return sum(synapse_count(c.wiring, program.shape_of(c.source), p.shape) for p in populations for c in p.inputs)


def _beyond(chip: Target, block: str, sizes: Sequence[tuple[str, int]], limit: int) -> str:
    """Say what exceeds a block, and into which parts it would have to be cut, in the order of the program."""
    what = {"input": "inputs", "hidden": "hidden neurons", "output": "outputs"}[block]
    chips = -(-_sum(sizes) // limit)
    parts = []
    for chip_number in range(chips):
        low, high = chip_number * limit, (chip_number + 1) * limit
        inside = [
            f"{name} {max(first, low) - first}..{min(behind, high) - first - 1}"
            for name, first, behind in _ranges(sizes)
            if first < high and behind > low
        ]
        parts.append(" and ".join(inside))
    return f"{_sum(sizes):,} {what}, {chip.name} has {limit:,} ({chips} chips would hold {' | '.join(parts)})"
