"""The arithmetics by name; a new one is a module and one line here."""

from collections.abc import Collection
from importlib import import_module

from sim.arithmetic.description import Arithmetic
from sim.errors import ProgramError, UnsupportedError

__all__ = ["ARITHMETICS", "DEFAULT", "ELSEWHERE", "get_arithmetic", "require_arithmetic"]

ARITHMETICS = {"loihi": "sim.arithmetic.loihi", "xylo": "sim.arithmetic.xylo"}
"""Name to the module whose ``ARITHMETIC`` describes it; imported on use."""

DEFAULT = "loihi"
"""What a program is of unless it says otherwise."""


def get_arithmetic(name: str) -> Arithmetic:
    """Return an arithmetic by its name."""
    if name not in ARITHMETICS:
        raise ProgramError(f"arithmetic {name!r} is unknown", f"use any of: {', '.join(ARITHMETICS)}")
    described: Arithmetic = import_module(ARITHMETICS[name]).ARITHMETIC
    return described


ELSEWHERE = "use the reference engine, or export it to golden or nir"


def require_arithmetic(name: str, computed: Collection[str], who: str, *, fix: str = ELSEWHERE) -> None:
    """Refuse an arithmetic that ``who`` does not compute, before anything is run or written."""
    if name not in computed:
        raise UnsupportedError(f"arithmetic {name!r}: {who} computes {', '.join(computed)} only", fix)
