"""A campaign against a clock: half of it programs, half of it files, and what was found written down as cases."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exporters.program_file import write_program
from sim.cures import one_of
from sim.errors import InputError
from sim.files import make_folder, memory_folder, scratch_folder, write_bytes
from snn2hw.files.archives import write_npz
from snn2hw.fuzz.ledger import Campaign, Finding, read_campaign, write_campaign
from snn2hw.fuzz.minimise import Case, smallest_bytes, smallest_case
from snn2hw.fuzz.outcome import TrialResult
from snn2hw.fuzz.program_batch import BASELINE, check_executors, executors_there, others_there, read_case, write_case
from snn2hw.fuzz.readers import READERS, available, write_seeds
from snn2hw.fuzz.trial import Trials

__all__ = ["WHAT", "fuzz"]

WHAT = ("programs", "files")
FILES_S = 120.0
"""What a batch of damaged files may take by the clock; each case has a limit of its own on processor time."""
PROGRAMS_S = 600.0
"""What a batch of programs may take; the first ones compile kernels too."""
QUICK, SLOW = 250, 50
"""Damaged files in a batch; HDF5 costs twenty times as much as what is read in one piece."""
FIRST = 10
"""The first batch is so much smaller: a short campaign reaches every reader."""
PROGRAMS = 25
SELDOM = 8
"""One batch of so many meets the executors too that cost more than all others together."""
ALIKE = 3
"""Cases that fail alike are written down so often."""

Tell = Callable[[int], object]


def fuzz(
    seconds: float,
    *,
    seed: int = 0,
    what: Sequence[str] = WHAT,
    executors: Sequence[str] = (),
    folder: Path | None = None,
    resume: bool = False,
    progress: Tell | None = None,
) -> Campaign:
    """Try cases for so many seconds; what fails is minimised and written to ``folder``.

    ``executors`` are those that every program meets, all that are there unless given. With ``resume`` the campaign that
    the folder holds goes on.
    """
    if not 0 < seconds < 1e7 or seed < 0:
        raise InputError(f"{seconds:g} seconds, seed {seed}", "give a time above 0 and a seed from 0")
    unknown = sorted(set(what) - set(WHAT))
    if unknown or not what:
        named = ", ".join(unknown) or "nothing"
        raise InputError(f"nothing is called {named}", f"name {one_of(named, WHAT)}")
    meets = list(executors or executors_there())
    check_executors(meets)
    home = None if folder is None else make_folder(folder)
    campaign = read_campaign(home, seed) if resume and home is not None else Campaign(seed)
    run = _Run(campaign, home, meets, all_there=not executors, tell=progress or (lambda _: None))
    share = seconds / len(set(what))
    with scratch_folder("snn2hw-fuzz-", memory_folder()) as made:
        if "files" in what:
            with Trials(made, FILES_S) as trials:
                run.files(trials, time.monotonic() + share)
        if "programs" in what:
            with Trials(made, PROGRAMS_S) as trials:
                run.programs(trials, time.monotonic() + share)
    return campaign


@dataclass(frozen=True)
class _Run:
    """A campaign while it runs."""

    campaign: Campaign
    home: Path | None
    executors: Sequence[str]
    all_there: bool
    tell: Tell

    def files(self, trials: Trials, deadline: float) -> None:
        """Damage good files, reader by reader, and see what each makes of them."""
        names = available()
        seeds = write_seeds(trials.folder, np.random.default_rng(self.campaign.seed))
        for name in names:  # warm, and in order: a good file that is not read is a finding as well
            for path in seeds[name]:
                outcome = trials.file(name, path.read_bytes(), READERS[name].suffix)
                if outcome.kind != "read":
                    self._note(name, TrialResult("refused good", outcome.error), path.read_bytes())
        while True:  # the first round is never cut short
            for place, name in enumerate(names):
                number, cases = self.campaign.batches[name], SLOW if READERS[name].suffix == ".nir" else QUICK
                job = {
                    "reader": name,
                    "seeds": [str(path) for path in seeds[name]],
                    "seed": [self.campaign.seed, place, number],
                    "cases": cases if number else cases // FIRST,
                }
                done = trials.file_batch(job)
                for outcome, path in done.found:
                    self._file_found(trials, name, outcome, path.read_bytes())
                self._done(name, {(name, kind): n for kind, n in done.tried.items()})
                if number and time.monotonic() >= deadline:
                    return
            if time.monotonic() >= deadline:
                return

    def _file_found(self, trials: Trials, name: str, outcome: TrialResult, data: bytes) -> None:
        suffix = READERS[name].suffix
        if self._is_new(name, outcome) and outcome.kind in ("foreign", "crash"):
            data = smallest_bytes(data, lambda d: trials.file(name, d, suffix).like(outcome))
        self._note(name, outcome, data)

    def programs(self, trials: Trials, deadline: float) -> None:
        """Draw programs and run each on every executor."""
        executors = list(self.executors)
        subject = "programs " + ",".join(executors)
        while time.monotonic() < deadline:
            number = self.campaign.batches[subject]
            cases = PROGRAMS if number else PROGRAMS // FIRST
            meets = [*executors, *(others_there() if self.all_there and number % SELDOM == 0 else [])]
            job = {"executors": meets, "seed": [self.campaign.seed, number], "cases": cases}
            done = trials.program_batch(job)
            if done.lost:  # once more, so that the case it is lost over stays behind
                done = trials.program_batch({**job, "keep": True})
            for outcome, path in done.found:
                self._program_found(trials, meets, outcome, path)
            tried = {(k.rpartition(" ")[0], k.rpartition(" ")[2]): n for k, n in done.tried.items()}
            self._done(subject, tried)

    def _program_found(self, trials: Trials, executors: Sequence[str], outcome: TrialResult, path: Path) -> None:
        case, named = read_case(path), outcome.error.partition(":")[0]
        alone = [BASELINE, named]
        if named not in executors:  # whoever ended the child did not say its name
            alone, named = list(executors), "programs"
        if self._is_new(named, outcome):
            case = smallest_case(case, lambda c: _ran(trials, c, alone).like(outcome))
        self._note(named, outcome, case)

    def _done(self, batch: str, tried: dict[tuple[str, str], int]) -> None:
        self.campaign.tried.update(tried)
        self.campaign.batches[batch] += 1
        write_campaign(self.campaign, self.home)
        self.tell(sum(tried.values()))

    def _is_new(self, subject: str, outcome: TrialResult) -> bool:
        alike = [f for f in self.campaign.findings if f.subject == subject and f.outcome.like(outcome)]
        return len(alike) < ALIKE

    def _note(self, subject: str, outcome: TrialResult, case: "bytes | Case") -> None:
        """Write a case down, unless there are enough like it."""
        if not self._is_new(subject, outcome):
            return
        file = None
        if self.home is not None:
            stem = f"{len(self.campaign.findings):03d}-{subject}-{outcome.kind.replace(' ', '-')}"
            if isinstance(case, bytes):
                file = self.home / f"{stem}{READERS[subject].suffix}"
                write_bytes(file, case)
            else:
                file = self.home / f"{stem}.nir"
                write_program(case[0], file)
                write_npz(file.with_suffix(".npz"), {"spikes": case[1]})
        self.campaign.findings.append(Finding(subject, outcome, file))


def _ran(trials: Trials, case: Case, names: Sequence[str]) -> TrialResult:
    path = trials.folder / "smaller.nir"
    write_case(case, path)
    job = {"program": str(path), "raster": str(path.with_suffix(".npy")), "executors": list(names)}
    return trials.one(job)
