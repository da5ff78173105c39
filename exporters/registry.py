"""The exporters by name, and the one door to all of them."""

from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from exporters.artifact import Artifact
from sim.cures import one_of
from sim.errors import InputError
from sim.plugins import Group, load_added, named
from sim.program import Program, require_program
from sim.raster import check_raster

__all__ = ["EXPORTERS", "export", "exporter_of", "format_names"]

FORMATS = ("nir", "lava", "netx", "onnx", "c", "golden", "xylo", "rtl", "firmware")
EXPORTERS = {name: f"exporters.to_{name}" for name in FORMATS}
"""Format name to the module whose ``export(program, folder, raster)`` writes it; imported on use."""

GROUP: Group = "snn2hw.exporters"


def format_names() -> tuple[str, ...]:
    """Return every format: ours, and those that installed packages add."""
    return named(GROUP, EXPORTERS)


def exporter_of(name: str) -> Any:
    """Return the module that writes a format."""
    if name in EXPORTERS:
        return import_module(EXPORTERS[name])
    if name not in format_names():
        raise InputError(f"format {name!r} is unknown", f"use {one_of(name, format_names())}")
    return load_added(GROUP, name)


def export(program: Program, to: str, folder: Path | str, raster: ArrayLike | None = None) -> Artifact:
    """Write ``program`` as ``to`` into ``folder``: the whole artifact or nothing.

    ``raster`` gives the samples that formats with golden vectors ship; they make up their own where it is None.
    """
    require_program(program)
    exporter = exporter_of(to)
    checked = None if raster is None else check_raster(program, raster)
    artifact: Artifact = exporter.export(program, Path(folder), raster=checked)
    return artifact
