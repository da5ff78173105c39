"""What came of each setting: one file, written whole or not at all, by a name that says which setting it is of."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError
from sim.fields import Fields
from snn2hw.calls.call import CallAnswer
from snn2hw.files.json_file import write_json
from snn2hw.sweep.study import Measure, Setting, Study

__all__ = ["SettingResult", "identity", "inputs_sha256", "read_result", "result_of", "write_result"]

SCHEMA = "snn2hw.setting/1"
FIX = "remove this file: the setting is then tried again"
DIGITS = 16


@dataclass(frozen=True)
class SettingResult:
    """One setting, and its measures, or what kept it from having them."""

    name: str
    setting: Setting
    measured: Mapping[str, float]
    error: str | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the content of its file."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "setting": dict(self.setting),
            "measured": dict(self.measured),
            "error": self.error,
            "seconds": self.seconds,
        }


def inputs_sha256(study: Study) -> dict[str, str]:
    """Return the digest of every input; of a folder, those of its files by their names."""
    return {name: _sha256(path) for name, path in study.inputs.items()}


def _sha256(path: Path) -> str:
    if not path.is_dir():
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    said = [[file.relative_to(path).as_posix(), _sha256(file)] for file in inside]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def identity(study: Study, setting: Setting, inputs: Mapping[str, str]) -> str:
    """Return the name of a setting: it changes with whatever could change what comes of it."""
    from snn2hw import __version__

    measures = [[m.name, list(m.place), None if m.over is None else list(m.over)] for m in study.measures]
    said = [__version__, study.call(setting).to_json(), dict(inputs), measures]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def result_of(name: str, study: Study, setting: Setting, answer: CallAnswer, seconds: float) -> SettingResult:
    """Return what an answer says."""
    measured: dict[str, float] = {}
    error = answer.error
    if error is None:
        by_place = _by_place(study, answer.documents)
        for measure in study.measures:
            value = _number(by_place, measure)
            if isinstance(value, str):
                error = value
                break
            measured[measure.name] = value
    return SettingResult(name, setting, {} if error else measured, error, seconds)


def _by_place(study: Study, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for words, document in zip(study.commands, documents, strict=True):
        verb = words[0]
        seen[verb] = seen.get(verb, 0) + 1
        found[verb if seen[verb] == 1 else f"{verb}{seen[verb]}"] = document
    return found


def _number(documents: Mapping[str, Any], measure: Measure) -> float | str:
    """Return the number, or what is there in its place."""
    values = []
    for place in (measure.place, measure.over):
        value: Any = documents
        for step in place or ():
            if isinstance(value, list) and step.lstrip("-").isdigit() and -len(value) <= int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, dict) and step in value:
                value = value[step]
            else:
                return f"measure {measure.name}: the answer has no {'.'.join(place or ())}"
        if place is not None:
            if not isinstance(value, int | float) or not math.isfinite(value):
                return f"measure {measure.name}: {'.'.join(place)} is no number"
            values.append(value)
    if len(values) == 1:
        return values[0]
    return values[0] / values[1] if values[1] else f"measure {measure.name}: division by 0"


def write_result(folder: Path, result: SettingResult) -> None:
    """Write the file of a setting."""
    write_json(folder / f"{result.name}.json", result.to_json())


def read_result(folder: Path, name: str, study: Study, setting: Setting) -> SettingResult | None:
    """Return what came of a setting, if its file is there."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    table = parse_json(read_bytes(path, JSON_BYTES, FIX), str(path), FIX)
    fields = Fields(str(path), table, FIX)
    fields.text("schema", (SCHEMA,))
    fields.text("name", (name,))
    fields.take("setting")
    measured, error = fields.take("measured"), fields.take("error")
    seconds = fields.number("seconds", 0.0, 1e12)
    fields.end()
    wanted = {} if error else {measure.name for measure in study.measures}
    numbers = isinstance(measured, dict) and all(type(v) in (int, float) for v in measured.values())
    if not numbers or set(measured) != set(wanted) or not (error is None or isinstance(error, str)):
        raise FileError(f"{path}: does not hold the measures of this study", FIX)
    return SettingResult(name, setting, measured, error, seconds)
