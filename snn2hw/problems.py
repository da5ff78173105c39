"""Everything that stands in the way of a model, collected before anything is refused."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sim.errors import UnsupportedError

__all__ = ["Problem", "ProblemsError", "refuse"]


@dataclass(frozen=True)
class Problem:
    """One thing that cannot be said: where it is, what it is, and what to write instead."""

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return the one line that a user sees."""
        return f"{self.where}: {self.what}  fix: {self.fix}"

    def to_json(self) -> dict[str, str]:
        """Return the three texts by name."""
        return asdict(self)


class ProblemsError(UnsupportedError):
    """A model with problems, all of them: ``problems`` holds each one."""

    def __init__(self, origin: str, problems: Sequence[Problem]) -> None:
        self.origin = origin
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{origin}: {len(self.problems)} problem{'s'[: len(self.problems) != 1]}\n{lines}")

    def __reduce__(self) -> tuple[type["ProblemsError"], tuple[Any, ...]]:
        """Survive the way back from a worker process."""
        return type(self), (self.origin, self.problems)


def refuse(origin: str, problems: Sequence[Problem]) -> None:
    """Raise all ``problems`` at once; do nothing when there are none."""
    if problems:
        raise ProblemsError(origin, problems)
