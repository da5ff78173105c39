"""A campaign against a clock: half of it programs, half of it files, and what was found written down as cases."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from exporters.program_file import write_program
from sim.cures import one_of
from sim.errors import InputError
from sim.files import make_folder, scratch_folder, write_bytes
from snn2hw.files.archives import write_npz
from snn2hw.fuzz.draw import random_program, random_raster
from snn2hw.fuzz.minimise import Case, smallest_bytes, smallest_case
from snn2hw.fuzz.mutate import mutated
from snn2hw.fuzz.readers import READERS, available, write_seeds
from snn2hw.fuzz.trial import GOOD, TrialResult, Trials

__all__ = ["WHAT", "Campaign", "Finding", "fuzz"]

WHAT = ("programs", "files")
FILE_S = 20.0
"""What a reader may take for a small damaged file; the first one imports its packages too."""
PROGRAM_S = 240.0
"""What all executors may take for one program; the first one compiles kernels too."""
ALIKE = 3
"""Cases that fail alike are written down so often."""
SCHEMA = "snn2hw.fuzz/1"


@dataclass(frozen=True)
class Finding:
    """A case that failed: what met it, how, and where it was written."""

    subject: str
    outcome: TrialResult
    file: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        file = None if self.file is None else str(self.file)
        return {"subject": self.subject, "kind": self.outcome.kind, "error": self.outcome.error, "file": file}


@dataclass
class Campaign:
    """What was tried and what was found."""

    seed: int
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(reader or executors, outcome) to the number of cases."""
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rows = [{"subject": s, "outcome": o, "cases": n} for (s, o), n in sorted(self.tried.items())]
        return {
            "schema": SCHEMA,
            "seed": self.seed,
            "tried": rows,
            "findings": [found.to_json() for found in self.findings],
        }


def fuzz(
    seconds: float,
    *,
    seed: int = 0,
    what: Sequence[str] = WHAT,
    folder: Path | None = None,
    progress: Callable[[int], object] | None = None,
) -> Campaign:
    """Try cases for so many seconds; what fails is minimised and written to ``folder``."""
    if not 0 < seconds < 1e7 or seed < 0:
        raise InputError(f"{seconds:g} seconds, seed {seed}", "give a time above 0 and a seed from 0")
    unknown = sorted(set(what) - set(WHAT))
    if unknown or not what:
        named = ", ".join(unknown) or "nothing"
        raise InputError(f"nothing is called {named}", f"name {one_of(named, WHAT)}")
    home = None if folder is None else make_folder(folder)
    campaign = Campaign(seed)
    rng = np.random.default_rng(seed)
    tell = progress or (lambda _: None)
    with scratch_folder("snn2hw-fuzz-") as made:
        share = seconds / len(set(what))
        for kind in (one for one in KINDS if one in what):
            try_cases, limit_s = KINDS[kind]
            with Trials(made, limit_s) as trials:
                deadline = time.monotonic() + share
                try_cases(_Going(campaign=campaign, trials=trials, rng=rng, deadline=deadline, home=home, tell=tell))
    return campaign


@dataclass(frozen=True)
class _Going:
    """A campaign while one kind of case is tried: with which child, until when, and what hears of it."""

    campaign: Campaign
    trials: Trials
    rng: np.random.Generator
    deadline: float
    home: Path | None
    tell: Callable[[int], object]

    @property
    def on(self) -> bool:
        """Tell whether there is time for another case."""
        return time.monotonic() < self.deadline

    def chosen(self, names: Sequence[str]) -> str:
        """Draw one of several names."""
        return names[int(self.rng.integers(0, len(names)))]

    def count(self, subject: str, outcome: TrialResult) -> None:
        """Take note of one more case."""
        self.campaign.tried[subject, outcome.kind] += 1
        self.tell(1)


def _files(going: _Going) -> None:
    campaign, trials, rng = going.campaign, going.trials, going.rng
    names = available()
    seeds = {name: [p.read_bytes() for p in paths] for name, paths in write_seeds(trials.folder, rng).items()}
    for name in names:  # warm, and in order: a good file that is not read is a finding as well
        for data in seeds[name]:
            outcome = trials.file(name, data, READERS[name].suffix)
            if outcome.kind != "read":
                _note(campaign, name, TrialResult("refused good", outcome.error), data, going.home)
    while going.on:
        name = going.chosen(names)
        kept = seeds[name]
        first, other = (kept[int(rng.integers(0, len(kept)))] for _ in range(2))
        data = mutated(first, other, READERS[name].suffix, rng)
        outcome = trials.file(name, data, READERS[name].suffix)
        going.count(name, outcome)
        if outcome.kind not in GOOD:
            if _is_new(campaign, name, outcome) and outcome.kind in ("foreign", "crash"):
                data = _smaller_file(trials, name, data, outcome)
            _note(campaign, name, outcome, data, going.home)


def _smaller_file(trials: Trials, name: str, data: bytes, outcome: TrialResult) -> bytes:
    """Return the smallest part of a file that its reader fails on alike."""
    return smallest_bytes(data, lambda part: trials.file(name, part, READERS[name].suffix).like(outcome))


def _is_new(campaign: Campaign, subject: str, outcome: TrialResult) -> bool:
    alike = [f for f in campaign.findings if f.subject == subject and f.outcome.like(outcome)]
    return len(alike) < ALIKE


def _note(campaign: Campaign, subject: str, outcome: TrialResult, case: "bytes | Case", home: Path | None) -> None:
    """Write a case down, unless there are enough like it."""
    if not _is_new(campaign, subject, outcome):
        return
    file = None
    if home is not None:
        stem = f"{len(campaign.findings):03d}-{subject.partition(',')[0]}-{outcome.kind.replace(' ', '-')}"
        if isinstance(case, bytes):
            file = home / f"{stem}{READERS[subject].suffix}"
            write_bytes(file, case)
        else:
            file = home / f"{stem}.nir"
            write_program(case[0], file)
            write_npz(file.with_suffix(".npz"), {"spikes": case[1]})
    campaign.findings.append(Finding(subject, outcome, file))
    if home is not None:
        write_bytes(home / "findings.json", json.dumps(campaign.to_json(), indent=1).encode() + b"\n")


def executors() -> tuple[list[str], list[str]]:
    """Return the executors that every program meets, and those of which each program meets one."""
    from exporters.c_export.build import find_compiler
    from sim.errors import MissingToolError

    always = ["reference", "fast"] + (["torch"] if find_spec("torch") else [])
    others = (["onnx"] if find_spec("onnxruntime") and find_spec("onnx") else []) + ["nir", "golden"]
    try:
        find_compiler()
    except MissingToolError:
        return always, others
    return always, [*others, "c"]


def _programs(going: _Going) -> None:
    always, others = executors()
    while going.on:
        program = random_program(going.rng)
        case = program, random_raster(going.rng, program)
        chosen = [*always, going.chosen(others)]
        outcome = _run(going.trials, case, chosen)
        going.count(",".join(chosen), outcome)
        if outcome.kind not in GOOD:
            smaller = _smaller_case(going.trials, case, chosen, outcome)
            _note(going.campaign, ",".join(chosen), outcome, smaller, going.home)


def _smaller_case(trials: Trials, case: Case, names: Sequence[str], outcome: TrialResult) -> Case:
    """Return the smallest part of a program, with its raster, on which the executors fail alike."""
    return smallest_case(case, lambda part: _run(trials, part, names).like(outcome))


def _run(trials: Trials, case: Case, names: Sequence[str]) -> TrialResult:
    program, raster = trials.folder / "program.nir", trials.folder / "raster.npy"
    write_program(case[0], program)
    np.save(raster, case[1], allow_pickle=False)
    job = {"program": str(program), "raster": str(raster), "executors": list(names)}
    return trials.ask(job, trials.timeout_s)


KINDS: Mapping[str, tuple[Callable[[_Going], None], float]] = {
    "files": (_files, FILE_S),
    "programs": (_programs, PROGRAM_S),
}
"""What is tried in turn, and what one case of it may take."""
