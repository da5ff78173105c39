"""What a command answers: lines for a person as they come or, with --json, one document for a program at the end.

asked for    standard output                                            standard error
nothing      the lines, as they are said                                bars, refusals
--json       one document: {"schema": "snn2hw.VERB/1", ...}             the same
--json       refused: {"schema": "snn2hw.refusal/1", "error": ...}      the same
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["REFUSAL", "Reply", "refusal", "reply_option"]

REFUSAL = "snn2hw.refusal/1"


class Result(Protocol):
    """A result: text for people, plain values for programs."""

    def to_json(self) -> Mapping[str, Any]:
        """Return all of it as plain values."""


@dataclass
class Reply:
    """What one call of a command has said so far."""

    verb: str
    as_json: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def line(self, text: object = "") -> None:
        """Say something to a person, at once."""
        if not self.as_json:
            print(text, flush=True)

    def fact(self, **facts: Any) -> None:
        """Say something to a program, in the document at the end; what is written to files names its own schema."""
        self.facts.update(facts)

    def wrote(self, path: Path | str, more: str = "") -> None:
        """Say what was written."""
        self.facts.setdefault("wrote", []).append(str(path))
        self.line(f"wrote {path}{more}")

    def found(self, what: Result, path: Path | str | None = None) -> None:
        """Say a result to whoever asks; with a ``path``, write it down too."""
        document = what.to_json()
        self.fact(**document)
        self.line(what)
        if path:
            from snn2hw.files.json_file import write_json

            write_json(path, document)
            self.wrote(path)

    def end(self) -> None:
        """Print the document, if one is wanted."""
        if self.as_json:
            print(json.dumps({"schema": f"snn2hw.{self.verb}/1"} | self.facts, indent=1))


def reply_option(parser: argparse.ArgumentParser) -> None:
    """Declare --json, where a command has not declared it to mean more."""
    if not any("--json" in action.option_strings for action in parser._actions):
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def refusal(verb: str, code: int, error: str) -> str:
    """Return the document of a call that was refused."""
    return json.dumps({"schema": REFUSAL, "command": verb, "exit": code, "error": error}, indent=1)
