"""A run priced by every table, block by block: what it did, and a bill for each table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import UnsupportedError
from sim.program import Program
from sim.trace import Counts
from snn2hw.ann.weight_forms import Form
from snn2hw.costs.breakdown import totals
from snn2hw.costs.moments import SampleMoments, blocks, join
from snn2hw.costs.on_mesh import MeshBound, mesh_bound, on_mesh
from snn2hw.costs.prices import PriceTable
from snn2hw.costs.pricing import Bill, Line, billed, lines_of, price
from snn2hw.costs.ways import Placed
from snn2hw.costs.workload import Workload, spiking_workload

__all__ = ["ChipMeshes", "RunBills", "bill_run", "chip_meshes"]

TOTALS, PER_SYNAPSE = -1, "spikes per synapse"
"""Beside the numbers of price tables, what the program did; and one line of it."""


@dataclass(frozen=True, eq=False)
class ChipMeshes:
    """The chips of all price tables: what a program makes of their meshes, or why it is on none."""

    bounds: Mapping[str, MeshBound | UnsupportedError]
    placed: Placed | None

    def workloads(
        self, program: Program, part: Counts, steps: int, workload: Workload, which: slice
    ) -> dict[str, Workload]:
        """Return the workload of some samples on every chip."""
        found = {}
        for chip, bound in self.bounds.items():
            if isinstance(bound, UnsupportedError):
                found[chip] = workload
                continue
            taken = None
            if self.placed is not None and self.placed.chip == chip:
                taken = {event: counted[which] for event, counted in self.placed.taken.items()}
            found[chip] = on_mesh(workload, program, part, steps, bound, taken=taken)
        return found

    def notes(self) -> Iterator[str]:
        """Say of every chip what was taken for granted."""
        for chip, bound in self.bounds.items():
            if self.placed is not None and self.placed.chip == chip:
                messages, *hops = (int(n.sum()) / len(n) for n in self.placed.taken.values())
                way = f"{messages:,.1f} messages between cores over {sum(hops):,.1f} hops"
                yield f"placed on {chip}, {self.placed.placer}: {way} an inference"
            elif isinstance(bound, MeshBound):
                yield f"placed on {chip}, {bound}: the high end of its tables; the low end is without hops"
            else:
                yield f"not placed on {chip}: {bound.what}; its tables have no hops, and a message per population"


def chip_meshes(program: Program, tables: Sequence[PriceTable], placed: Placed | None) -> ChipMeshes:
    """Cut a program for the chip of every table."""
    found: dict[str, MeshBound | UnsupportedError] = {}
    for table in tables:
        if table.chip is None or table.chip in found:
            continue
        try:
            found[table.chip] = mesh_bound(program, table.chip)
        except UnsupportedError as error:
            found[table.chip] = error
    return ChipMeshes(found, placed)


@dataclass(frozen=True, eq=False)
class RunBills:
    """What a run did, and what that costs by every table, in their order."""

    totals: Mapping[str, SampleMoments]
    per_synapse: SampleMoments
    bills: tuple[Bill, ...]


def bill_run(
    program: Program,
    counts: Counts,
    steps: int,
    tables: Sequence[PriceTable],
    chips: ChipMeshes,
    *,
    held: bool,
    synapses: int,
) -> RunBills:
    """Price all samples of a run; ``held`` says that the input is constant."""
    found: dict[tuple[int, Line], SampleMoments] = {}
    forms: dict[int, tuple[Form, ...]] = {}
    for part, which in blocks(counts):
        workload = spiking_workload(program, part, steps, held=held)
        on_chip = chips.workloads(program, part, steps, workload, which)
        done: dict[tuple[int, Line], NDArray[Any]] = {
            (TOTALS, (name, "")): np.asarray(values) for name, values in totals(workload.events).items()
        }
        done[TOTALS, (PER_SYNAPSE, "")] = workload.events["synop"] / max(synapses, 1)
        for index, table in enumerate(tables):
            cost = price(workload if table.chip is None else on_chip[table.chip], table)
            forms[index] = cost.forms
            done |= {(index, line): values for line, values in lines_of(cost).items()}
        join(found, done)
    did = {name: moments for (index, (name, _)), moments in found.items() if index == TOTALS}
    bills = tuple(
        billed(table, {line: moments for (of, line), moments in found.items() if of == index}, forms[index])
        for index, table in enumerate(tables)
    )
    return RunBills({name: m for name, m in did.items() if name != PER_SYNAPSE}, did[PER_SYNAPSE], bills)
