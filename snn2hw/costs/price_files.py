"""Price tables as TOML files: the package's in `snn2hw/costs/tables`, and a user's own, named by its path."""

from importlib import resources
from pathlib import Path
from typing import Any, cast, get_args

from sim.border import TOML_BYTES, parse_toml, read_bytes
from sim.cures import one_of
from sim.errors import InputError
from sim.plugins import Group, added, load_added, named
from snn2hw.ann.weight_forms import FORMS
from snn2hw.chips.target import TARGETS
from snn2hw.costs.prices import EVENTS, Kind, MemoryPrice, Price, PriceTable, View

__all__ = ["TABLES", "get_table", "table_names"]

TABLES = (
    "loihi1_davies2018",
    "loihi1_sanafe2025",
    "cmos45_fp32",
    "cmos45_fp32_memory",
    "cmos45_int8",
    "cmos45_int8_memory",
    "ndns_proxy",
)
"""The tables that come with the package; all of them are used where none is named."""

GROUP: Group = "snn2hw.prices"


def get_table(table: "str | Path | PriceTable") -> PriceTable:
    """Return a table by name, or from a TOML file; a PriceTable is returned as it is.

    >>> get_table("loihi1_davies2018").prices["synop_dense"].amount
    23.6
    """
    if isinstance(table, PriceTable):
        return table
    if str(table) in TABLES:
        return _parse(str(table), _packaged(str(table)), f"price table {table}")
    if Path(table).suffix == ".toml":
        text = read_bytes(table, TOML_BYTES, "name a TOML file of a price table")
        return _parse(Path(table).stem, _toml(text, str(table)), str(table))
    if table in added(GROUP, TABLES):
        return get_table(load_added(GROUP, str(table)))
    known = one_of(str(table), table_names())
    raise InputError(f"price table {str(table)!r} is unknown", f"use {known}, or a .toml file")


def table_names() -> tuple[str, ...]:
    """Return every table with a name: ours, and those that installed packages add."""
    return named(GROUP, TABLES)


def _packaged(name: str) -> dict[str, Any]:
    text = resources.files("snn2hw.costs").joinpath("tables", f"{name}.toml").read_bytes()
    return _toml(text, f"price table {name}")


def _toml(text: bytes, where: str) -> dict[str, Any]:
    return parse_toml(text, where, "see docs/energy.md for a whole table")


FIELDS = {"title": str, "view": str, "unit": str, "scope": str, "notes": list, "price": list}
OPTIONAL = {"memory": dict, "value_bits": int, "chip": str}
MOST_BITS = 1 << 16
"""Bits of a value, or of a word of a memory: none is wider."""
DEAREST = 1e30
"""No event costs as much in any unit, and no memory is as large."""
KINDS: tuple[str, ...] = get_args(Kind)


def _parse(name: str, given: dict[str, Any], where: str) -> PriceTable:
    base = given.pop("extends", None)
    if base is not None:
        if not isinstance(base, str) or base not in TABLES:
            raise InputError(f"{where}: extends {base!r}, which is no table", f"use {one_of(str(base), TABLES)}")
        given = _packaged(base) | given
    for field, kind in (FIELDS | OPTIONAL).items():
        if field not in given and field in FIELDS:
            raise InputError(f"{where}: {field} is missing", "see docs/energy.md for a whole table")
        if field in given and type(given[field]) is not kind:
            raise InputError(f"{where}: {field} is {given[field]!r}", f"write a {kind.__name__}")
    unknown = sorted(set(given) - set(FIELDS) - set(OPTIONAL))
    if unknown:
        raise InputError(f"{where}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    if "value_bits" in given and not 1 <= given["value_bits"] <= MOST_BITS:
        raise InputError(f"{where}: value_bits is {given['value_bits']}", f"write an integer in 1..{MOST_BITS}")
    view = given["view"]
    if view not in EVENTS:
        raise InputError(f"{where}: view is {view!r}", f"write one of: {', '.join(EVENTS)}")
    if "chip" in given and (view != "chip" or given["chip"] not in TARGETS):
        what = f"{where}: chip is {given['chip']!r}, view {view!r}"
        raise InputError(what, f"write one of {', '.join(TARGETS)} into a table of the view 'chip'")
    if not all(isinstance(row, dict) for row in given["price"]):
        raise InputError(f"{where}: price holds more than tables", "write each price under [[price]]")
    prices = {p.event: p for p in (_price(row, view, where) for row in given["price"])}
    missing = [e for e in EVENTS[view] if e not in prices]
    if missing or len(prices) != len(given["price"]):
        what = f"{where}: {'no price for ' + ', '.join(missing) if missing else 'an event is priced twice'}"
        raise InputError(what, f"price each once: {', '.join(EVENTS[view])}; what is not known is 0 and 'assumed'")
    return PriceTable(
        name=name,
        title=given["title"],
        view=view,
        unit=given["unit"],
        scope=given["scope"],
        notes=tuple(str(n) for n in given["notes"]),
        prices=prices,
        memory=_memory(given["memory"], where) if "memory" in given else None,
        value_bits=given.get("value_bits"),
        chip=given.get("chip"),
    )


def _sourced(row: dict[str, Any], where: str) -> tuple[Kind, str]:
    kind: Any = row.get("kind")
    source = row.get("source")
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(source, str) or not source:
        fix = f"write kind = one of {', '.join(KINDS)}, and source = a text"
        raise InputError(f"{where}: kind {kind!r}, source {source!r}", fix)
    return cast("Kind", kind), source


def _price(row: dict[str, Any], view: View, where: str) -> Price:
    event: Any = row.get("event")
    place = f"{where}: price of {event!r}"
    if not isinstance(event, str) or event not in EVENTS[view]:
        raise InputError(f"{place}: no event of the view {view!r}", f"use: {', '.join(EVENTS[view])}")
    unknown = sorted(set(row) - {"event", "amount", "low", "high", "kind", "source"})
    if unknown:
        raise InputError(f"{place}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    amount: Any = row.get("amount")
    low: Any = row.get("low", amount)
    high: Any = row.get("high", amount)
    if not all(type(v) in (int, float) for v in (low, amount, high)) or not 0 <= low <= amount <= high < DEAREST:
        raise InputError(f"{place}: low {low!r}, amount {amount!r}, high {high!r}", "write 0 <= low <= amount <= high")
    return Price(event, float(amount), float(low), float(high), *_sourced(row, place))


def _memory(row: dict[str, Any], where: str) -> MemoryPrice:
    place = f"{where}: [memory]"
    unknown = sorted(set(row) - {"word_bits", "bytes", "amounts", "weight_forms", "kind", "source"})
    if unknown:
        raise InputError(f"{place}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    word, sizes, amounts = row.get("word_bits"), row.get("bytes"), row.get("amounts")
    rising = (
        isinstance(sizes, list)
        and isinstance(amounts, list)
        and len(sizes) == len(amounts) >= 2
        and all(type(v) in (int, float) and 0 < v < DEAREST for v in (*sizes, *amounts))
        and sizes == sorted(set(sizes))
    )
    if type(word) is not int or not 1 <= word <= MOST_BITS or not rising:
        what = f"{place}: word_bits {word!r}, bytes {sizes!r}, amounts {amounts!r}"
        raise InputError(what, "write a positive word_bits and two lists of equal length, sizes rising")
    assert isinstance(sizes, list)
    assert isinstance(amounts, list)
    points = tuple((size, float(amount)) for size, amount in zip(sizes, amounts, strict=True))
    forms = row.get("weight_forms", ["dense"])
    if not isinstance(forms, list) or not forms or not all(form in FORMS for form in forms):
        raise InputError(f"{place}: weight_forms {forms!r}", f"list some of: {', '.join(FORMS)}")
    return MemoryPrice(word, points, *_sourced(row, place), forms=tuple(forms))
