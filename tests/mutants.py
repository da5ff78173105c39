"""Rows of a TOML file: mistakes to be planted, each a file, the text that stands there, and what takes its place."""

import tomllib

__all__ = ["listed"]


def listed(path, table):
    """Return the rows of one table by name."""
    return {name: tuple(row) for name, row in tomllib.loads(path.read_text(encoding="utf-8"))[table].items()}
