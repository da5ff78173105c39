"""A bar on standard error for anything longer than a second, and silence for anything shorter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(total: int | None, what: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield a function to be called with the amount of work just done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit=unit, delay=1.0, leave=False, disable=None) as bar:
        yield bar.update
