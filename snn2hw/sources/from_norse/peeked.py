"""Numbers of a traced signal that a forward looks at: for a log they are harmless, in a computation refused."""

from collections.abc import Callable
from typing import Any

__all__ = ["Peeked"]

FIX = "compute the same for every input, or keep it a tensor"


class Peeked(float):
    """A number that nothing may depend on: it can be kept, printed, compared and calculated with."""

    _report: Callable[[str, str], None]
    _answer: Callable[[bool], bool]

    def __new__(cls, number: Any, report: Callable[[str, str], None], answer: Callable[[bool], bool]) -> "Peeked":
        """Return ``number``.

        ``report`` is called with (what, fix) when something depends on it, and ``answer`` when it is compared.
        """
        made = super().__new__(cls, number)
        made._report, made._answer = report, answer
        return made

    def refuse(self) -> None:
        """Report that something depends on the number."""
        self._report("item: the forward looks at the numbers of a signal", FIX)

    def _compared(self, *_: object) -> bool:
        return self._answer(False)

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __bool__ = _compared
    __hash__ = float.__hash__

    def __index__(self) -> int:
        self.refuse()
        return 0

    def _carried(self, *_: object) -> "Peeked":
        return Peeked(0.0, self._report, self._answer)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _carried
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = _carried
    __round__ = _carried  # type: ignore[assignment]  # float's has two forms, of which one is an int
