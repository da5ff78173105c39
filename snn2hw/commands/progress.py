"""Bars on standard error for anything longer than a second, and silence for anything shorter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["StageBars", "epoch_bar", "progress_bar"]


@contextmanager
def progress_bar(total: int, what: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield a function to be called with the amount of work just done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit=unit, delay=1.0, leave=False, disable=None) as bar:
        yield bar.update


@contextmanager
def epoch_bar(epochs: int, what: str, validated: str) -> Iterator[Callable[[Any], None]]:
    """Yield a function to be called with an epoch's row; ``validated`` is what its validation accuracy is called."""
    from tqdm import tqdm

    with tqdm(total=epochs, desc=what, unit="epoch", disable=None) as bar:

        def show(row: Any) -> None:
            if not row["epoch"]:
                return  # the network as it was before the first
            bar.update(int(row["epoch"]) - bar.n)
            said = f"accuracy {row['accuracy']:.1%}, {validated} {row['validate_accuracy']:.1%}"
            bar.set_postfix_str(f"loss {row['loss']:.3f}, {said}")

        yield show


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
