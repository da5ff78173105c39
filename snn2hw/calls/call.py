"""One call of a few commands: their words, with marks where its folder and its input files are meant."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import FileError

__all__ = ["IN", "OUT", "CallAnswer", "CommandCall"]

OUT, IN = "\0out", "\0in/"
"""What stands in a word for the folder of the call, and before the name of an input file: no user types a zero byte."""


@dataclass(frozen=True)
class CommandCall:
    """Commands in their order, each a list of words that begins with its verb."""

    commands: tuple[tuple[str, ...], ...]

    def words(self, out: Path, inputs: Path) -> list[list[str]]:
        """Return the words with both folders in their places."""
        return [[w.replace(OUT, str(out)).replace(IN, f"{inputs}/") for w in words] for words in self.commands]

    def placed(self, files: Mapping[str, Path]) -> "CommandCall":
        """Return the call with input files named by where they are."""
        return CommandCall(tuple(tuple(_placed(word, files) for word in words) for words in self.commands))

    def to_json(self) -> list[list[str]]:
        """Return plain values."""
        return [list(words) for words in self.commands]

    @staticmethod
    def of(said: Any) -> "CommandCall":
        """Read what `to_json` returned."""
        if not isinstance(said, list) or not all(
            isinstance(w, list) and all(isinstance(x, str) for x in w) for w in said
        ):
            raise FileError("a call is no list of commands", "start it with the same version of snn2hw")
        return CommandCall(tuple(tuple(words) for words in said))


def _placed(word: str, files: Mapping[str, Path]) -> str:
    for name in sorted(files, key=len, reverse=True):
        word = word.replace(f"{IN}{name}", str(files[name]))
    return word


@dataclass(frozen=True)
class CallAnswer:
    """The documents of the commands, or the refusal that ended them."""

    documents: Sequence[Mapping[str, Any]]
    error: str | None = None
    """What the command after the last document said."""

    def told(self, names: Mapping[str, str]) -> "CallAnswer":
        """Return the answer with places of this machine named as the study names them."""
        error = self.error
        for place, name in names.items():
            error = None if error is None else error.replace(place, name)
        return CallAnswer(self.documents, error)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"documents": list(self.documents), "error": self.error}

    @staticmethod
    def of(said: Any) -> "CallAnswer":
        """Read what `to_json` returned."""
        return CallAnswer(said["documents"], said["error"])

    @staticmethod
    def read(line: bytes) -> "CallAnswer":
        """Read one line of a worker."""
        return CallAnswer.of(json.loads(line))
