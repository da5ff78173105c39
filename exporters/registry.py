"""The exporters by name, and the one door to all of them."""

from importlib import import_module
from pathlib import Path

from numpy.typing import ArrayLike

from exporters.artifact import Artifact
from sim.cures import one_of
from sim.errors import InputError
from sim.program import Program, require_program
from sim.raster import check_raster

__all__ = ["EXPORTERS", "export"]

EXPORTERS = {
    "nir": "exporters.to_nir",
    "lava": "exporters.to_lava",
    "netx": "exporters.to_netx",
    "onnx": "exporters.to_onnx",
    "c": "exporters.to_c",
    "golden": "exporters.to_golden",
    "xylo": "exporters.to_xylo",
    "rtl": "exporters.to_rtl",
    "firmware": "exporters.to_firmware",
}
"""Format name to the module whose ``export(program, folder, raster)`` writes it; imported on use."""


def export(program: Program, to: str, folder: Path | str, raster: ArrayLike | None = None) -> Artifact:
    """Write ``program`` as ``to`` into ``folder``: the whole artifact or nothing.

    ``raster`` gives the samples that formats with golden vectors ship; they make up their own where it is None.
    """
    require_program(program)
    if to not in EXPORTERS:
        raise InputError(f"format {to!r} is unknown", f"use {one_of(to, EXPORTERS)}")
    checked = None if raster is None else check_raster(program, raster)
    artifact: Artifact = import_module(EXPORTERS[to]).export(program, Path(folder), raster=checked)
    return artifact
