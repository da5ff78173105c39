"""Bars on standard error for anything longer than a second, and silence for anything shorter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["StageBars", "progress_bar"]


@contextmanager
def progress_bar(total: int | None, what: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield a function to be called with the amount of work just done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit=unit, delay=1.0, leave=False, disable=None) as bar:
        yield bar.update


class StageBars:
    """A bar per stage of the compiler, as a context that yields the function to report to."""

    def __enter__(self) -> Any:
        self.bar: Any = None
        self.stage = ""
        return self.advance

    def advance(self, stage: str, done: int, whole: int) -> None:
        """Move the bar of ``stage`` to ``done`` of ``whole``."""
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            self.stage, self.bar = stage, tqdm(total=whole, desc=stage, delay=1.0, leave=False, disable=None)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def __exit__(self, *_: object) -> None:
        self.close()
