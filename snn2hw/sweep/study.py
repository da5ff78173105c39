"""A study as its TOML file says it: commands with marks, settings that take their places, what is read of the answers.

[run]        commands, and the input files that they read
[measure]    a number of a document, by its path, or one divided by another
[search]     grid, random or bayes
[settings]   lists of values, ranges of numbers, or named lists of words
"""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.border import TOML_BYTES, parse_toml, read_bytes
from sim.cures import meant, one_of
from sim.errors import FileError
from snn2hw.calls.call import IN, OUT, CommandCall

__all__ = ["METHODS", "SCHEMA", "Choices", "Measure", "Range", "Search", "Setting", "Study", "Value", "read_study"]

SCHEMA = "snn2hw.study/1"
FIX = "see docs/sweep.md"
METHODS = ("grid", "random", "bayes")
DIRECTIONS = ("maximize", "minimize")
MOST_SETTINGS = 100_000
_MARK = re.compile(r"\{([A-Za-z_]\w*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*")

Value = int | float | str
"""What a setting may be; of a named list of words, its name."""
Setting = Mapping[str, Value]
"""One value for every axis."""


@dataclass(frozen=True)
class Choices:
    """A setting with a list of values; ``words`` are what a named one stands for."""

    name: str
    values: tuple[Value, ...]
    words: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Range:
    """A setting that is any number from ``low`` to ``high``, or every ``step``-th of them; ``whole``: integers."""

    name: str
    low: float
    high: float
    step: float | None
    log: bool
    whole: bool


@dataclass(frozen=True)
class Measure:
    """A number of the answers: ``place`` in them, divided by that at ``over`` where one is named."""

    name: str
    place: tuple[str, ...]
    over: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Search:
    """How settings are chosen."""

    method: str = "grid"
    trials: int = 0
    batch: int = 4
    """How many settings a Bayesian search asks for before it looks at what they gave."""
    seed: int = 0
    objective: str = ""
    direction: str = "maximize"


@dataclass(frozen=True)
class Study:
    """All of it."""

    title: str
    commands: tuple[tuple[str, ...], ...]
    inputs: Mapping[str, Path]
    measures: tuple[Measure, ...]
    search: Search
    axes: tuple[Choices | Range, ...]
    average: tuple[str, ...] = ()
    """Settings over which the table has means: seeds."""
    picture: tuple[str, str | None] | None = None
    """The setting along the picture, and the one whose values are its lines."""

    def call(self, setting: Setting) -> CommandCall:
        """Return the commands with a setting in their places."""
        return CommandCall(
            tuple(tuple(w for word in words for w in self._filled(word, setting)) for words in self.commands)
        )

    def _filled(self, word: str, setting: Setting) -> tuple[str, ...]:
        alone = _MARK.fullmatch(word)
        for axis in self.axes:
            if alone and axis.name == alone[1] and isinstance(axis, Choices) and axis.words is not None:
                return axis.words[str(setting[axis.name])]
        if word in self.inputs:
            return (f"{IN}{word}",)
        filled = _MARK.sub(lambda mark: OUT if mark[1] == "out" else _text(setting[mark[1]]), word)
        return (f"{IN}{filled}",) if filled in self.inputs else (filled,)


def _text(value: Value) -> str:
    return f"{value!r}" if isinstance(value, float) else str(value)


def read_study(path: Path | str, verbs: Sequence[str] = ()) -> Study:
    """Read a study and refuse what cannot be meant: names are held against those that there are, commands' too."""
    where = str(path)
    table = parse_toml(read_bytes(path, TOML_BYTES, FIX), where, FIX)
    _known(where, "", table, ("schema", "title", "run", "measure", "search", "settings", "table", "picture"))
    if table.get("schema") != SCHEMA:
        raise FileError(f"{where}: schema is {table.get('schema')!r}, not {SCHEMA!r}", f'write schema = "{SCHEMA}"')
    run, drawn = (_table(where, table, name) for name in ("run", "picture"))
    _known(where, "run.", run, ("commands", "inputs"))
    axes = _axes(where, _table(where, table, "settings"))
    commands = _commands(where, run.get("commands"), axes)
    for words in commands:
        if verbs and words[0] not in verbs:
            fix = f"begin with {one_of(words[0], verbs)}"
            raise FileError(f"{where}: run.commands begin with {words[0]!r}", fix)
    measures = _measures(where, _table(where, table, "measure"), commands)
    names = tuple(axis.name for axis in axes)
    listed = _table(where, table, "table")
    _known(where, "table.", listed, ("average",))
    average = tuple(_one_of(where, "table.average", name, names) for name in _texts(where, "table.average", listed))
    _known(where, "picture.", drawn, ("x", "lines"))
    picture = None
    if drawn:
        lines = drawn.get("lines")
        picture = (
            _one_of(where, "picture.x", drawn.get("x"), names),
            None if lines is None else _one_of(where, "picture.lines", lines, names),
        )
    return Study(
        title=str(table.get("title", Path(where).stem)),
        commands=commands,
        inputs=_inputs(where, Path(path).absolute().parent, _texts(where, "run.inputs", run)),
        measures=measures,
        search=_search(where, _table(where, table, "search"), measures, axes),
        axes=axes,
        average=average,
        picture=picture,
    )


def _table(where: str, table: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise FileError(f"{where}: {name} is {value!r}, not a table", f"write [{name}]")
    return value


def _known(where: str, before: str, table: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in table:
        if name not in names:
            raise FileError(f"{where}: there is no {before}{name}", one_of(name, names))


def _one_of(where: str, what: str, value: Any, names: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in names:
        raise FileError(f"{where}: {what} is {value!r}", f"name {one_of(str(value), names)}")
    return value


def _texts(where: str, what: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    values = table.get(what.partition(".")[2], [])
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise FileError(f"{where}: {what} is {values!r}", "write a list of texts")
    if len(set(values)) < len(values):
        raise FileError(f"{where}: {what} names one thing twice", "leave one of them out")
    return tuple(values)


def _inputs(where: str, folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    found = {name: (folder / name).resolve() for name in names}
    for name, path in found.items():
        if not path.exists():
            raise FileError(f"{where}: run.inputs names {name}: no such file", "name it from the folder of the study")
    if len({path.name for path in found.values()}) < len(found):
        raise FileError(f"{where}: two of run.inputs have one name", "give their files different names")
    return found


def _axes(where: str, table: Mapping[str, Any]) -> tuple[Choices | Range, ...]:
    if not table:
        raise FileError(f"{where}: has no [settings]", "name what is to be tried, such as bits = [2, 4, 8]")
    return tuple(_axis(where, name, value) for name, value in table.items())


def _axis(where: str, name: str, value: Any) -> Choices | Range:
    if not _NAME.fullmatch(name) or name == "out":
        raise FileError(f"{where}: settings.{name} cannot be a name", "use letters, digits and _, and not out")
    if isinstance(value, dict) and "low" in value:
        return _range(where, name, value)
    if isinstance(value, dict) and value:
        words = {key: _texts(where, f"settings.{key}", value) for key in value}
        return Choices(name, tuple(words), words)
    ok = isinstance(value, list) and value and all(type(v) in (int, float, str) for v in value)
    if not ok or len(set(value)) < len(value):
        what = f"{where}: settings.{name} is {value!r}"
        raise FileError(
            what, "write a list of different values, { low = 1, high = 9 }, or { yes = ['--flag'], no = [] }"
        )
    return Choices(name, tuple(value))


def _range(where: str, name: str, value: Mapping[str, Any]) -> Range:
    _known(where, f"settings.{name}.", value, ("low", "high", "step", "log"))
    numbers: dict[str, Any] = {key: value[key] for key in ("low", "high", "step") if key in value}
    good = all(type(n) in (int, float) and math.isfinite(n) for n in numbers.values())
    low, high, step, log = numbers["low"], numbers.get("high"), numbers.get("step"), value.get("log", False)
    if not good or high is None or not low < high or (step is not None and step <= 0) or type(log) is not bool:
        raise FileError(f"{where}: settings.{name} is {dict(value)!r}", "write { low = 1, high = 9 }, with step or log")
    if log and (low <= 0 or step is not None):
        raise FileError(f"{where}: settings.{name} is logarithmic", "let it begin above 0, and leave step out")
    whole = all(type(n) is int for n in numbers.values())
    return Range(name, low=low, high=high, step=step, log=log, whole=whole)


def _commands(where: str, value: Any, axes: tuple[Choices | Range, ...]) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        fix = 'write commands = ["compile net.nir --weight-bits {bits} -o {out}/p.nir"]'
        raise FileError(f"{where}: run.commands is {value!r}", fix)
    try:
        commands = tuple(tuple(shlex.split(text)) for text in value)
    except ValueError as error:
        raise FileError(f"{where}: run.commands cannot be taken apart ({error})", "close every quotation") from None
    names = [*(axis.name for axis in axes), "out"]
    used = [mark for words in commands for word in words for mark in _MARK.findall(word)]
    for mark in used:
        if mark not in names:
            near = meant(mark, names)
            fix = f"did you mean {{{near}}}?" if near else f"name it in [settings], or use {{{names[0]}}}"
            raise FileError(f"{where}: run.commands have {{{mark}}}, which is no setting", fix)
    for name in names[:-1]:
        if name not in used:
            raise FileError(f"{where}: settings.{name} stands in no command", f"write {{{name}}} where it is meant")
    return commands


def _measures(where: str, table: Mapping[str, Any], commands: tuple[tuple[str, ...], ...]) -> tuple[Measure, ...]:
    if not table:
        raise FileError(f"{where}: has no [measure]", 'name a number of an answer, such as right = "run.right"')
    verbs = [words[0] for words in commands]
    places = [
        verb if verbs[:i].count(verb) == 0 else f"{verb}{verbs[:i].count(verb) + 1}" for i, verb in enumerate(verbs)
    ]
    found = []
    for name, value in table.items():
        paths = value if isinstance(value, list) else [value]
        if len(paths) not in (1, 2) or not all(isinstance(p, str) and "." in p for p in paths):
            fix = f'write "{places[-1]}.KEY", or ["{places[-1]}.KEY", "{places[-1]}.OTHER"] for one over the other'
            raise FileError(f"{where}: measure.{name} is {value!r}", fix)
        split = [tuple(path.split(".")) for path in paths]
        for path in split:
            _one_of(where, f"measure.{name}", path[0], tuple(places))
        found.append(Measure(name, *split))
    return tuple(found)


def _search(
    where: str, table: Mapping[str, Any], measures: tuple[Measure, ...], axes: tuple[Choices | Range, ...]
) -> Search:
    _known(where, "search.", table, ("method", "trials", "batch", "seed", "objective", "direction"))
    method = _one_of(where, "search.method", table.get("method", "grid"), METHODS)
    names = tuple(measure.name for measure in measures)
    objective = _one_of(where, "search.objective", table.get("objective", names[0]), names)
    direction = _one_of(where, "search.direction", table.get("direction", "maximize"), DIRECTIONS)
    whole = {"trials": (0 if method == "grid" else 1, MOST_SETTINGS), "batch": (1, 1000), "seed": (0, 2**32 - 1)}
    given = {}
    for name, (least, most) in whole.items():
        value = table.get(name, {"trials": 0, "batch": 4, "seed": 0}[name])
        if type(value) is not int or not least <= value <= most:
            raise FileError(f"{where}: search.{name} is {value!r}", f"give an integer in {least}..{most}")
        given[name] = value
    if method == "grid":
        endless = [axis.name for axis in axes if isinstance(axis, Range) and axis.step is None and not axis.whole]
        if endless:
            raise FileError(f"{where}: a grid has no end along settings.{endless[0]}", "give it a step, or a list")
    return Search(method, **given, objective=objective, direction=direction)
