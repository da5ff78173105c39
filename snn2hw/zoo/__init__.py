"""Trained programs that come with the package, each with a card: what it was trained on, and what it is worth.

``zoo:NAME`` stands for the file of one wherever the command line takes a program.
"""

import json
from pathlib import Path
from typing import Any

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["PREFIX", "cards", "located", "zoo_names"]

PREFIX = "zoo:"
FOLDER = Path(__file__).parent


def zoo_names() -> tuple[str, ...]:
    """Return the names of all programs."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.nir")))


def cards() -> list[dict[str, Any]]:
    """Return the card of every program, by name."""
    return [json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in zoo_names()]


def located(program: str) -> str:
    """Return the file that ``program`` names: itself, or that of a program of the zoo.

    >>> located("net.nir")
    'net.nir'
    """
    if not program.startswith(PREFIX):
        return program
    name = program.removeprefix(PREFIX)
    if name not in zoo_names():
        raise InputError(f"{program}: there is no such program in the zoo", f"choose {one_of(name, zoo_names())}")
    return str(FOLDER / f"{name}.nir")
