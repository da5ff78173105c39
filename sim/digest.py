"""One SHA-256 over everything a Program is: the same bytes on every machine."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.errors import ProgramError
from sim.program import REGISTERS, Conv, Dense, Json, Program, Wiring

__all__ = ["canonical_record", "digest", "wiring_facts"]


def canonical_record(record: Mapping[str, Any]) -> dict[str, Json]:
    """Return the record as plain JSON values, as it will come back from a file; refuse what JSON cannot say."""
    try:
        result: dict[str, Json] = json.loads(json.dumps(dict(record), allow_nan=False, sort_keys=True))
    except (TypeError, ValueError) as error:
        raise ProgramError(f"record: not JSON ({error})", "use plain numbers, strings, lists and dicts") from None
    return result


def wiring_facts(wiring: Wiring) -> dict[str, Json]:
    """Return what a wiring is besides its weights, for a header."""
    facts: dict[str, Json] = {"kind": type(wiring).__name__, "shape": list(wiring.weight.shape)}
    match wiring:
        case Dense():
            return facts
        case Conv():
            geometry: dict[str, Json] = {
                "stride": list(wiring.stride),
                "padding": list(wiring.padding),
                "dilation": list(wiring.dilation),
                "groups": wiring.groups,
            }
            return facts | geometry


def _wiring(wiring: Wiring) -> dict[str, Json]:
    return wiring_facts(wiring) | {"dtype": wiring.weight.dtype.newbyteorder("<").str}


def _header(program: Program) -> bytes:
    populations: list[Json] = [
        {
            "name": p.name,
            "shape": list(p.shape),
            "reset": p.reset,
            "fires": p.fires,
            "inputs": [
                {"source": c.source, "exponent": c.exponent, "lag": c.lag, "wiring": _wiring(c.wiring)}
                for c in p.inputs
            ],
        }
        for p in program.populations
    ]
    facts: Json = {
        "arithmetic": program.arithmetic,
        "input": {"shape": list(program.input.shape), "lo": program.input.lo, "hi": program.input.hi},
        "populations": populations,
        "record": dict(program.record),
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest(program: Program) -> str:
    """Return the SHA-256 of a header in canonical JSON, then registers and weights as little-endian arrays."""
    sha = hashlib.sha256(_header(program))
    for population in program.populations:
        for name in REGISTERS:
            sha.update(np.ascontiguousarray(getattr(population, name), dtype="<i4").data)
        for connection in population.inputs:
            weight = connection.wiring.weight
            sha.update(np.ascontiguousarray(weight, dtype=weight.dtype.newbyteorder("<")).data)
    return sha.hexdigest()
