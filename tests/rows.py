"""Tables of tests that stand in a TOML file beside them: one fact a row, as lists by name."""

import tomllib

__all__ = ["listed"]


def listed(path, table):
    """Return the rows of one table by name."""
    return {name: tuple(row) for name, row in tomllib.loads(path.read_text(encoding="utf-8"))[table].items()}
