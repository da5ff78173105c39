"""A study done: every setting that has no result yet is called once, and its result written at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.files import make_folder
from snn2hw.files.lock import locked
from snn2hw.sweep.results import (
    SettingResult,
    identity,
    inputs_sha256,
    read_result,
    result_of,
    write_result,
)
from snn2hw.sweep.search import batches
from snn2hw.sweep.study import Setting, Study
from snn2hw.sweep.team import Team

__all__ = ["Swept", "sweep"]

RESULTS, FOLDERS = "results", "settings"


@dataclass(frozen=True)
class Swept:
    """All results in the order in which they were asked for; ``ran`` of them were not there before."""

    study: Study
    results: tuple[SettingResult, ...]
    ran: int


def sweep(
    study: Study,
    folder: Path | str,
    team: Team,
    *,
    on_result: Callable[[SettingResult], object] | None = None,
) -> Swept:
    """Do a study in ``folder``, going on with whatever is there of it; one process at a time may do so."""
    home = make_folder(folder).absolute()
    with locked(home):
        make_folder(home / RESULTS)
        inputs = inputs_sha256(study)
        found: dict[str, SettingResult] = {}
        order: list[str] = []
        ran, source = 0, batches(study)
        asked: Sequence[Setting] | None = next(source)
        while asked is not None:
            named = {identity(study, setting, inputs): setting for setting in asked}
            names = [identity(study, setting, inputs) for setting in asked]
            order += [name for name in dict.fromkeys(names) if name not in found]
            ran += _do(study, named, home, team, found, on_result)
            objective = study.search.objective
            try:
                asked = source.send([found[name].measured.get(objective) for name in names])
            except StopIteration:
                asked = None
    return Swept(study, tuple(found[name] for name in order), ran)


def _do(
    study: Study,
    named: Mapping[str, Setting],
    home: Path,
    team: Team,
    found: dict[str, SettingResult],
    on_result: Callable[[SettingResult], object] | None,
) -> int:
    """Read or make the results of one batch; return how many were made."""
    left: dict[str, Setting] = {}
    for name, setting in named.items():
        if name in found:
            continue
        result = read_result(home / RESULTS, name, study, setting)
        if result is None:
            left[name] = setting
        else:
            found[name] = result
            if on_result is not None:
                on_result(result)
    began = time.monotonic()
    calls = {name: study.call(setting) for name, setting in left.items()}
    for name, answer in team.answers(calls, home / FOLDERS) if calls else ():
        result = result_of(name, study, left[name], answer, time.monotonic() - began)
        write_result(home / RESULTS, result)
        found[name] = result
        if on_result is not None:
            on_result(result)
    return len(left)
