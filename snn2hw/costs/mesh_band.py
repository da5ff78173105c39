"""The band that `energy` prints of one sample, to stand beside what the same sample did on a mesh."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from sim.engines import run
from sim.program import Program
from sim.raster import check_raster
from snn2hw.chips.target import Target
from snn2hw.chunks.input_facts import is_constant
from snn2hw.costs.on_mesh import mesh_bound, on_mesh
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import price
from snn2hw.costs.workload import spiking_workload

__all__ = ["TABLE", "MeshBand", "mesh_band"]

TABLE = "loihi1_sanafe2025"
"""The price table of those who wrote the prices of the mesh."""


@dataclass(frozen=True)
class MeshBand:
    """What a sample costs under a table without a placement, in pJ, and what it cost on the mesh of one."""

    table: str
    low: float
    counted: float
    high: float
    placed: float

    @property
    def holds(self) -> bool:
        """Say whether the band holds it, to 1e-9 of it: sums of floats are of different orders."""
        return self.low * (1 - 1e-9) <= self.placed <= self.high * (1 + 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        ends = {"low": self.low, "counted": self.counted, "high": self.high}
        return {"table": self.table, **ends, "holds": self.holds}

    def __str__(self) -> str:
        """Say it in a line."""
        low, counted, high, placed = (f"{pj / 1e3:,.2f} nJ" for pj in (self.low, self.counted, self.high, self.placed))
        verb = "holds" if self.holds else "does not hold"
        return f"energy under {self.table}, without a placement: {low} to {high}, {counted} as counted; {verb} {placed}"


def mesh_band(program: Program, target: Target | str, raster: ArrayLike, placed_pj: float) -> MeshBand:
    """Price the first sample of a raster as `energy` does, on a chip of these limits, beside what it cost on a mesh."""
    given = check_raster(program, raster)[:1]
    steps = given.shape[1]
    counts = run(program, given, allow_wrap=True).counts  # a chip wraps too
    workload = spiking_workload(program, counts, steps, held=is_constant(given))
    total = price(on_mesh(workload, program, counts, steps, mesh_bound(program, target)), get_table(TABLE)).total
    low, counted, high = (float(end[0]) for end in (total.low, total.counted, total.high))
    return MeshBand(TABLE, low, counted, high, placed_pj)
