"""A sample on the mesh of its placement: by our counts, or by SANA-FE."""

from collections.abc import Callable, Mapping

from numpy.typing import ArrayLike

from sim.cures import one_of
from sim.errors import InputError
from sim.program import Program
from snn2hw.placement.counting import count_mesh
from snn2hw.placement.mesh_run import MeshRun
from snn2hw.placement.placement import Placement
from snn2hw.placement.replay import replay

__all__ = ["SIMULATORS", "simulate"]

SIMULATORS: Mapping[str, Callable[[Program, Placement, ArrayLike], MeshRun]] = {"count": count_mesh, "sanafe": replay}
"""By name: a bound by counting, which needs nothing, and SANA-FE, which lies beside us."""


def simulate(program: Program, placement: Placement, raster: ArrayLike, by: str = "count") -> MeshRun:
    """Return what the first sample of a raster does on the mesh, step by step."""
    if by not in SIMULATORS:
        raise InputError(f"simulator {by!r} is unknown", f"use {one_of(by, SIMULATORS)}")
    return SIMULATORS[by](program, placement, raster)
