"""A run as it lies in its folder: what a kill leaves, what a start takes up, and who may write there.

The state is written whole or not at all after every epoch; the journal is a view of it for people.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim.errors import FileError, InputError
from sim.files import make_folder
from snn2hw.files.lock import locked
from snn2hw.files.tensor_file import write_tensors
from snn2hw.train.journal import append_row

__all__ = ["RunFiles", "RunState", "begun", "read_state", "write_state"]

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class RunFiles:
    """Where a run lives, whose it is, and how its state is told from other files."""

    state: Path
    journal: Path
    identity: dict[str, Any]
    """Schema, recipe and what else must be equal for a run to be taken up."""
    read: Callable[[Path], dict[str, Any]]
    """Read the state's file, of any age; other files are refused."""
    apart: str
    """What an error says before it lists what differs."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder: a second training is refused as long."""
        with locked(make_folder(self.state.parent)):
            yield


@dataclass(eq=False)
class RunState:
    """What of a run changes, beside the network and its optimiser."""

    courses: tuple[range, ...]
    """The epochs over which the learning rate goes through its schedule once."""
    rows: Rows = field(default_factory=list)
    best_epoch: int | None = None
    best_weights: dict[str, Any] | None = None

    @property
    def epoch(self) -> int:
        """The last epoch that is finished; 0 is the judgement before the first."""
        return int(self.rows[-1]["epoch"]) if self.rows else 0

    def finished(self, patience: int | None) -> bool:
        """Whether the last course is over: all of its epochs, or as many without a better one as patience lasts."""
        course, since = self.courses[-1], self.best_epoch or 0
        waited = self.epoch + 1 - max(since, course.start - 1)
        return self.epoch + 1 >= course.stop or (patience is not None and waited > patience)


def begun(files: RunFiles | None, epochs: int, more: int, patience: int | None) -> tuple[RunState, dict[str, Any]]:
    """Return the run to go on with, prolonged by ``more`` epochs, and the file's values where it is an old one."""
    if more < 0:
        raise InputError(f"more epochs {more}: must be at least 1", "ask for one or more")
    values = None if files is None else read_state(files)
    if values is None:
        if more:
            where = "without a folder" if files is None else f"{files.state}"
            raise InputError(f"{where}: there is no run to prolong", "train it first, without --more-epochs")
        return RunState((range(1, epochs + 1),)), {}
    assert files is not None
    best = values["best"]
    courses = tuple(range(first, first + n) for first, n in values.get("courses", [[1, epochs]]))
    kept = (best["epoch"], best["weights"]) if best["weights"] else (None, None)
    state = RunState(courses, list(values["history"]), *kept)
    return prolonged(state, more, patience, files.state) if more else state, values


def prolonged(state: RunState, more: int, patience: int | None, where: Path) -> RunState:
    """Return a finished run with another course; one whose prolongation was interrupted, as it is."""
    if state.finished(patience):
        return replace(state, courses=(*state.courses, range(state.epoch + 1, state.epoch + 1 + more)))
    under_way = state.courses[-1]
    if len(state.courses) == 1:
        raise InputError(f"{where}: the run has not finished", "finish it first, without --more-epochs")
    if len(under_way) != more:
        what = f"{where}: is being prolonged by {len(under_way)} epochs, not {more}"
        raise InputError(what, f"finish that first: --more-epochs {len(under_way)}")
    return state


def read_state(files: RunFiles) -> dict[str, Any] | None:
    """Return what the state's file holds, or None where there is none; refuse the state of another run."""
    if not files.state.is_file():
        return None
    values = _of_today(files.read(files.state))
    missing = [name for name in ("recipe", "weights", "optimizer", "best", "history") if name not in values]
    if missing:
        raise FileError(f"{files.state}: not the state of a run (no {', '.join(missing)})", "remove it to start again")
    values.setdefault("classes", files.identity.get("classes"))  # states of before do not say
    words = [w for name, here in files.identity.items() for w in _apart(values.get(name), here, _shown(name))]
    if words:
        fix = "use another folder, or remove this one"
        if [w.split()[0] for w in words] == ["epochs"]:
            fix = f"to prolong it, leave epochs as they were and add --more-epochs; else {fix}"
        raise InputError(f"{files.state}: {files.apart} {', '.join(words)}", fix)
    return values


def write_state(files: RunFiles, state: RunState, weights: dict[str, Any], optimizer: dict[str, Any]) -> None:
    """Write the state, then the last row of the journal."""
    values = files.identity | {
        "weights": weights,
        "optimizer": optimizer,
        "best": {"epoch": state.best_epoch or 0, "weights": state.best_weights or {}},
        "history": state.rows,
        "courses": [[course.start, len(course)] for course in state.courses],
    }
    write_tensors(files.state, values)
    append_row(files.journal, state.rows[-1])


def _of_today(values: dict[str, Any]) -> dict[str, Any]:
    """Return a state under today's names; the first versions of tuning had others."""
    if "machine" not in values:
        return values
    best = {"epoch": values.get("best_epoch", 0), "weights": values.get("best") or {}}
    names = {"machine": "weights", "rows": "history"}
    return {names.get(name, name): value for name, value in values.items()} | {"best": best}


def _shown(name: str) -> str:
    return "" if name == "recipe" else name


def _apart(there: Any, here: Any, name: str = "") -> list[str]:
    """Return what differs between two values, as words: "epochs 1, not 2"."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = sorted({*there, *here})
        return [words for k in keys for words in _apart(there.get(k), here.get(k), f"{name}.{k}" if name else k)]
    return [] if there == here else [f"{name} {there}, not {here}"]
