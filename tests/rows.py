"""Tables of tests that stand in a TOML file beside them: one fact a row, as lists by name."""

import tomllib

import pytest

__all__ = ["a_third", "listed"]


def listed(path, table):
    """Return the rows of one table by name."""
    return {name: tuple(row) for name, row in tomllib.loads(path.read_text(encoding="utf-8"))[table].items()}


def a_third(names):
    """Return parameters of a test: the first of every three is always run, the others in the full form alone."""
    rows = [name if isinstance(name, tuple) else (name,) for name in names]
    return [pytest.param(*row, marks=[pytest.mark.full] * (k % 3 > 0)) for k, row in enumerate(rows)]
