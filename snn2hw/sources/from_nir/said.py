"""What a graph's metadata may say of dt, scheme, reset and dialect: checked before anything relies on it."""

from collections.abc import Mapping
from typing import Any, get_args

from sim.errors import FileError
from snn2hw.sources.semantics import Reset, Scheme

__all__ = ["check_said"]

LONGEST_DT_S = 1e6
"""Seconds of one step: no network thinks in longer ones."""


def check_said(name: str, said: Mapping[str, Any]) -> None:
    """Refuse metadata of the wrong kind; ``name`` is the file an error names."""
    dt = said.get("dt")
    if dt is not None and (isinstance(dt, bool) or not isinstance(dt, int | float) or not 0 < dt < LONGEST_DT_S):
        raise FileError(f"{name}: says the dt {dt!r}", "write snn2hw_dt as seconds, for example 1e-3")
    for key, known in (("scheme", get_args(Scheme)), ("reset", get_args(Reset))):
        if key in said and (not isinstance(said[key], str) or said[key] not in known):
            raise FileError(f"{name}: says the {key} {said[key]!r}", f"write one of {', '.join(known)}")
    for key in ("dialect", "reader"):
        if key in said and not isinstance(said[key], str):
            raise FileError(f"{name}: says the {key} {said[key]!r}", "write the name of a dialect")
