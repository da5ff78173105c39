"""Many random programs, each on every executor that is asked for, in this process; the reference judges them all.

The executors are those of ``snn2hw verify`` and the forms of the fast engine: ``fast`` takes the best that the
processor has, ``fast-portable`` the one without AVX-512, ``fast-checking`` the kernels that sum in 64 bits.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.program_file import read_program, write_program
from sim.compare import Recorded, count_difference, first_divergence
from sim.errors import InputError, MachineError, MissingToolError, Snn2hwError, UnsupportedError
from sim.program import Program
from sim.request import Request
from sim.trace import Trace, recordable
from snn2hw.fuzz.draw import SMALL, random_program, random_raster
from snn2hw.fuzz.draw_xylo import random_xylo
from snn2hw.fuzz.file_batch import ALIKE, signature_of
from snn2hw.verification.executors import check_executor, find_executor

__all__ = [
    "BASELINE",
    "FORMS",
    "check_executors",
    "compare_file",
    "executors_there",
    "others_there",
    "program_batch",
    "read_case",
    "write_case",
]

TIMEOUT_S = 60.0
BASELINE = "reference"
FORMS = {"fast": "auto", "fast-portable": "portable", "fast-checking": "general"}
"""Executor name to the kernels of the fast engine."""
XYLO_SHARE = 10
"""One of so many programs is of the arithmetic of Xylo."""
C_AT_ONCE = "c-at-once"
"""All programs of a batch in one translation unit."""

Case = tuple[Program, NDArray[np.integer[Any]]]
Execute = Callable[[Program, NDArray[np.integer[Any]]], Recorded]


def program_batch(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Draw and compare; return {"tried": {"executor outcome": cases}, "found": [{"kind", "error", "file"}]}."""
    rng = np.random.default_rng(job["seed"])
    cases = [_drawn(rng) for _ in range(job["cases"])]
    names = [name for name in job["executors"] if name not in (BASELINE, C_AT_ONCE)]
    tried: Counter[str] = Counter()
    found: list[dict[str, str]] = []
    expected: list[Recorded | MachineError] = []

    def note(name: str, case: Case, kind: str, error: str) -> None:
        tried[f"{name} {kind}"] += 1
        if kind in ("differs", "foreign") and sum(f["kind"] == kind for f in found) < ALIKE:
            kept = folder / f"found{len(found)}.nir"
            write_case(case, kept)
            found.append({"kind": kind, "error": error, "file": str(kept)})

    for case in cases:
        if job.get("keep"):
            write_case(case, folder / "case.nir")  # who is lost over it leaves it behind
        expected.append(_expected(case))
        for name in names:
            note(name, case, *_compared(name, case, expected[-1]))
    if C_AT_ONCE in job["executors"]:
        from snn2hw.fuzz.c_batch import run_at_once

        speaking = [i for i, case in enumerate(cases) if case[0].arithmetic == "loihi"]
        for i, got in zip(speaking, run_at_once([cases[i] for i in speaking], folder), strict=True):
            note(C_AT_ONCE, cases[i], *_verdict(C_AT_ONCE, cases[i][0], expected[i], got))
    return {"tried": dict(tried), "found": found}


def compare_file(job: dict[str, Any]) -> dict[str, str]:
    """Run one program from a file on several executors and compare each with the first."""
    try:
        case = read_program(job["program"]), np.load(job["raster"], allow_pickle=False)
        _, *others = job["executors"]
        expected = _expected(case)
    except Exception as error:
        return {"outcome": "foreign", "error": signature_of(error)}
    for name in others:
        kind, said = _compared(name, case, expected)
        if kind not in ("equal", "unsaid", "refused"):
            return {"outcome": kind, "error": said}
    return {"outcome": "equal", "error": ""}


def _drawn(rng: np.random.Generator) -> Case:
    if rng.integers(0, XYLO_SHARE) == 0:
        return random_xylo(rng, most_steps=20)
    deep, long = rng.integers(0, 10, 2) == 0
    space = replace(SMALL, most_populations=4 if deep else 2, many=bool(rng.integers(0, 2)))
    program = random_program(rng, space)
    steps = int(rng.integers(1, 70 if long else 6))
    return program, random_raster(rng, program, int(rng.integers(1, 4)), steps)


def _expected(case: Case) -> Recorded | MachineError:
    try:
        return _executor(BASELINE)(*case)
    except MachineError as error:
        return error


def _compared(name: str, case: Case, expected: Recorded | MachineError) -> tuple[str, str]:
    """Run a case on an executor; return equal, differs, foreign, or unsaid where it has no word for the program."""
    if name in FORMS and name != "fast" and case[0].arithmetic != "loihi":
        return "unsaid", ""  # one kernel there
    got: Recorded | MachineError
    try:
        got = _executor(name)(*case)
    except (UnsupportedError, MissingToolError):
        return "unsaid", ""
    except InputError as error:
        said = name in FORMS and "do not take this program" in error.what
        return ("unsaid", "") if said else ("foreign", f"{name}: {error}")
    except MachineError as error:
        got = error
    except Snn2hwError as error:
        return "foreign", f"{name}: {error}"
    except Exception as error:
        return "foreign", f"{name}: {signature_of(error)}"
    return _verdict(name, case[0], expected, got)


def _verdict(
    name: str, program: Program, expected: Recorded | MachineError, got: Recorded | MachineError
) -> tuple[str, str]:
    if isinstance(expected, MachineError) or isinstance(got, MachineError):
        if type(expected) is type(got):
            return "refused", ""
        said = [str(x) if isinstance(x, MachineError) else "runs" for x in (got, expected)]
        return "differs", f"{name}: {said[0]}; {BASELINE}: {said[1]}"
    divergence = first_divergence(program, expected, got)
    if divergence is not None:
        return "differs", f"{name}: {divergence}"
    if isinstance(expected, Trace) and isinstance(got, Trace):
        counted = count_difference(expected.counts, got.counts)
        if counted is not None:
            return "differs", f"{name}: {counted}"
    return "equal", ""


def _executor(name: str) -> Execute:
    if name in FORMS:
        return partial(_fast, FORMS[name])
    return partial(find_executor(name), timeout_s=TIMEOUT_S)


def _fast(kernels: Any, program: Program, raster: NDArray[np.integer[Any]]) -> Recorded:
    from sim.fast.engine import simulate
    from sim.raster import check_raster

    request = Request(recordable(program), allow_wrap=True)
    return simulate(program, check_raster(program, raster), request, kernels=kernels, threads=1)


def write_case(case: Case, path: Path) -> None:
    """Write a program, and its raster beside it."""
    write_program(case[0], path)
    np.save(path.with_suffix(".npy"), case[1], allow_pickle=False)


def read_case(path: Path) -> Case:
    """Read what a batch has left of a case."""
    return read_program(path), np.load(path.with_suffix(".npy"), allow_pickle=False)


def executors_there() -> Sequence[str]:
    """Return what every program meets: those executors whose packages are installed."""
    from importlib.util import find_spec

    onnx = find_spec("onnxruntime") and find_spec("onnx")
    return [BASELINE, *FORMS, *(["torch"] if find_spec("torch") else []), *(["onnx"] if onnx else [])]


def others_there() -> Sequence[str]:
    """Return what some programs meet: the files that are written and read again, and C where there is a compiler."""
    from exporters.c_export.build import find_compiler

    try:
        find_compiler()
    except MissingToolError:
        return ["nir", "golden"]
    return ["nir", "golden", C_AT_ONCE]


def check_executors(names: Sequence[str]) -> None:
    """Refuse a name that is no executor."""
    for name in names:
        if name not in (C_AT_ONCE, *FORMS):
            check_executor(name)
