"""What other packages add: chips, exporters, executors, dialects and price tables, by entry points of their metadata.

A package says in its pyproject.toml, for example, ``[project.entry-points."snn2hw.exporters"]`` and below it
``vhdl = "their_package.to_vhdl"``. Nothing of it is imported until that name is asked for. What is built in keeps its
name: a package can add to it and cannot replace it.
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from sim.errors import InputError

__all__ = ["Group", "added", "load_added", "named"]

Group = Literal["snn2hw.chips", "snn2hw.exporters", "snn2hw.executors", "snn2hw.dialects", "snn2hw.prices"]


@cache
def _found(group: Group) -> dict[str, tuple[EntryPoint, ...]]:
    """Return what stands under each name, the same entry found twice once."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, {})[entry.value] = entry
    return {name: tuple(entries.values()) for name, entries in sorted(found.items())}


def added(group: Group, built_in: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names that packages add, without those that are ours."""
    return tuple(name for name in _found(group) if name not in set(built_in))


def named(group: Group, built_in: Iterable[str]) -> tuple[str, ...]:
    """Return every name there is, ours first."""
    return (*built_in, *added(group, built_in))


def load_added(group: Group, name: str) -> Any:
    """Import what a package adds under a name; two packages of one name are refused, since neither is meant."""
    entries = _found(group).get(name, ())
    if len(entries) > 1:
        values = " and ".join(sorted(entry.value for entry in entries))
        raise InputError(f"{group}: two packages add {name!r}: {values}", "uninstall one of them")
    if not entries:
        raise InputError(f"{group}: no package adds {name!r}", "install the one that does")
    try:
        return entries[0].load()
    except (ImportError, AttributeError) as error:
        what = f"{group}: {name!r} cannot be loaded from {entries[0].value}: {error}"
        raise InputError(what, "install that package again, or uninstall it") from error
