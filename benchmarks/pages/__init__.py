"""The pages of docs/reference, made from the code: ``python -m benchmarks.pages`` writes them anew."""

from collections.abc import Callable

from benchmarks.pages.commands import commands_page
from benchmarks.pages.errors import errors_page
from benchmarks.pages.library import library_page

__all__ = ["PAGES"]

PAGES: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    "api": library_page,
    "errors": errors_page,
}
"""Name of a page to what makes its text."""
