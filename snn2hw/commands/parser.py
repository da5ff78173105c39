"""A parser of options whose refusals are errors like all others: what was typed, where, and what to type instead."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from sim.cures import meant, one_of
from sim.errors import InputError

__all__ = ["Parser"]

_MISSING = "the following arguments are required: "
_CHOICE = re.compile(r"invalid choice: '?(.*?)'? \(choose from ")
_KIND = re.compile(r"invalid (\w+) value: (.*)")
_KINDS = {"int": "a whole number", "float": "a number", "Path": "a path"}


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `InputError` in place of printing its usage and ending the process."""

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Name the option that was meant: argparse would first ask for the one that is missing because of the slip."""
        known = [text for action in self._actions for text in action.option_strings]
        for word in words:
            name = word.partition("=")[0]
            if word == "--":
                return
            if name.startswith("--") and name not in known:
                near = meant(name, known)
                raise InputError(f"there is no option {name!r}", f"did you mean {near!r}?" if near else "see: --help")

    def error(self, message: str) -> NoReturn:
        """Say what argparse refuses as we do."""
        if message.startswith(_MISSING):
            names = message.removeprefix(_MISSING).split(", ")
            raise InputError(f"{message.removeprefix('the following ')}", f"add {' '.join(map(self._shown, names))}")
        if message.startswith("unrecognized arguments: "):
            raise InputError(message, f"leave it out, or see: {self.prog} --help")
        named = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        if named is None:
            raise InputError(message, f"see: {self.prog} --help")
        raise self._of_argument(named[1], named[2])

    def _of_argument(self, name: str, why: str) -> InputError:
        """Return the error over the value of one argument."""
        choice, kind = _CHOICE.match(why), _KIND.fullmatch(why)
        action = self._action(name)
        if choice is not None and action is not None and action.choices is not None:
            return InputError(f"{name}: invalid choice: {choice[1]!r}", one_of(choice[1], map(str, action.choices)))
        if kind is not None:
            return InputError(f"{name} {kind[2]}: is no number", f"write {_KINDS.get(kind[1], kind[1])}")
        what, semicolon, fix = why.partition("; ")
        if semicolon:
            return InputError(f"{name}: {what}", fix)
        return InputError(f"{name}: {why}", f"write {self._shown(name)}, or see: {self.prog} --help")

    def _action(self, name: str) -> argparse.Action | None:
        """Return the argument that argparse calls by this name."""
        return next((a for a in self._actions if name in ("/".join(a.option_strings), a.metavar, a.dest)), None)

    def _shown(self, name: str) -> str:
        """Return an argument as it is typed, with its value."""
        action = self._action(name)
        if action is None or not action.option_strings:
            return name
        value: Any = action.metavar or action.dest.upper()
        return action.option_strings[-1] if action.nargs == 0 else f"{action.option_strings[-1]} {value}"
