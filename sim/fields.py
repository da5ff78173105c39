"""Fields out of a file: each is taken by its name, its kind and its range; what is left over was misspelt."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.errors import FileError

__all__ = ["Fields"]

SHOWN_CHARACTERS = 80


class Fields:
    """A table of plain data, taken apart field by field; ``where`` is the file that an error names.

    What ``defaults`` names may be left out.
    """

    def __init__(self, where: str, table: Any, fix: str, defaults: Mapping[str, Any] | None = None) -> None:
        self.where, self.fix = where, fix
        if not isinstance(table, Mapping):
            raise FileError(f"{where}: is {_shown(table)}, not a table of fields", fix)
        self.left: dict[str, Any] = {**(defaults or {}), **table}

    def take(self, name: str) -> Any:
        """Return a value of any kind."""
        if name not in self.left:
            raise FileError(f"{self.where}: {name} is missing", self.fix)
        return self.left.pop(name)

    def _wrong(self, name: str, value: Any, wanted: str) -> FileError:
        return FileError(f"{self.where}: {name} is {_shown(value)}, not {wanted}", self.fix)

    def integer(self, name: str, low: int, high: int) -> int:
        """Return an integer in low..high; true is none."""
        value = self.take(name)
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(name, value, f"an integer in {low}..{high}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number in low..high as a float."""
        value = self.take(name)
        if not _is_number(value, low, high):
            raise self._wrong(name, value, f"a number in {low:g}..{high:g}")
        return float(value)

    def numbers(self, name: str, low: float, high: float, most: int) -> tuple[float, ...]:
        """Return a list of one to ``most`` numbers in low..high."""
        values = self.take(name)
        if not isinstance(values, list | tuple) or not 1 <= len(values) <= most:
            raise self._wrong(name, values, f"a list of 1 to {most} numbers")
        if not all(_is_number(v, low, high) for v in values):
            raise self._wrong(name, values, f"a list of numbers in {low:g}..{high:g}")
        return tuple(float(v) for v in values)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """Return a list of one to ``most`` different texts."""
        values = self.take(name)
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            raise self._wrong(name, values, "a list of texts")
        if not 1 <= len(set(values)) == len(values) <= most:
            raise self._wrong(name, values, f"a list of 1 to {most} different texts")
        return tuple(values)

    def truth(self, name: str) -> bool:
        """Return true or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def text(self, name: str, known: Sequence[str] = ()) -> str:
        """Return a text, one of ``known`` where that is given."""
        value = self.take(name)
        if not isinstance(value, str) or (known and value not in known):
            raise self._wrong(name, value, f"one of {', '.join(known)}" if known else "a text")
        return value

    def end(self) -> None:
        """Refuse what nobody took."""
        if self.left:
            raise FileError(f"{self.where}: unknown: {', '.join(sorted(self.left))}", self.fix)


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and bool(low <= value <= high)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
