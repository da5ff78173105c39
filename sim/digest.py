"""One SHA-256 over everything a Program is: the same bytes on every machine."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, assert_never

import numpy as np

from sim.errors import ProgramError
from sim.parts import Conv, Dense, Draft, Json, Population, Wiring

__all__ = ["canonical_record", "digest", "structure", "wiring_facts"]

ConnectionFacts = Callable[[Population, int], dict[str, Json]]


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
        case _:
            assert_never(wiring)


def structure(program: Draft, told_of: ConnectionFacts) -> dict[str, Json]:
    """Return all of a Program but its registers and weights; ``told_of`` says more of a population's i-th connection.

    A property that has its default is not there: a Program says no more than it did before the property existed.
    """
    populations: list[Json] = [
        {
            "name": p.name,
            "shape": list(p.shape),
            "reset": p.reset,
            "fires": p.fires,
            **p.kept_properties(),
            "inputs": [
                {"source": c.source, "exponent": c.exponent, "lag": c.lag, **c.kept_port(), **told_of(p, i)}
                for i, c in enumerate(p.inputs)
            ],
        }
        for p in program.populations
    ]
    return {
        "arithmetic": program.arithmetic,
        "input": {"shape": list(program.input.shape), "lo": program.input.lo, "hi": program.input.hi},
        "populations": populations,
        "record": dict(program.record),
    }


def _typed_wiring(population: Population, index: int) -> dict[str, Json]:
    wiring = population.inputs[index].wiring
    return {"wiring": wiring_facts(wiring) | {"dtype": wiring.weight.dtype.newbyteorder("<").str}}


def digest(program: Draft) -> str:
    """Return the SHA-256 of a header in canonical JSON, then registers and weights as little-endian arrays.

    An optional register is named in front of its array: without one the bytes are those of a program that lacks it.
    """
    header = structure(program, _typed_wiring)
    sha = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())
    optional = {r.name for r in program.described.registers if r.optional}
    for population in program.populations:
        for name, values in population.kept_registers().items():
            if name in optional:
                sha.update(name.encode())
            sha.update(np.ascontiguousarray(values, dtype="<i4").data)
        for connection in population.inputs:
            weight = connection.wiring.weight
            sha.update(np.ascontiguousarray(weight, dtype=weight.dtype.newbyteorder("<")).data)
    return sha.hexdigest()
