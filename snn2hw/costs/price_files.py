"""Price tables as TOML files: the package's in `snn2hw/costs/tables`, and a user's own, named by its path."""

from importlib import resources
from pathlib import Path
from typing import Any, get_args

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.costs.prices import EVENTS, Kind, MemoryPrice, Price, PriceTable, View

__all__ = ["TABLES", "get_table"]

TABLES = (
    "loihi1_davies2018",
    "loihi1_sanafe2025",
    "cmos45_fp32",
    "cmos45_fp32_memory",
    "cmos45_int8",
    "cmos45_int8_memory",
    "ndns_proxy",
)
"""The tables that come with the package."""


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
        try:
            text = Path(table).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{table}: cannot be read ({error})", "name a TOML file of a price table") from None
        return _parse(Path(table).stem, _toml(text, str(table)), str(table))
    raise InputError(f"price table {str(table)!r} is unknown", f"use {one_of(str(table), TABLES)}, or a .toml file")


def _packaged(name: str) -> dict[str, Any]:
    text = resources.files("snn2hw.costs").joinpath("tables", f"{name}.toml").read_text(encoding="utf-8")
    return _toml(text, f"price table {name}")


def _toml(text: str, where: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: not TOML ({error})", "see docs/energy.md for a whole table") from None


FIELDS = {"title": str, "view": str, "unit": str, "scope": str, "notes": list, "price": list}
OPTIONAL = {"memory": dict, "value_bits": int}
KINDS: tuple[str, ...] = get_args(Kind)


def _parse(name: str, given: dict[str, Any], where: str) -> PriceTable:
    base = given.pop("extends", None)
    if base is not None:
        if base not in TABLES:
            raise InputError(f"{where}: extends {base!r}, which is no table", f"use {one_of(str(base), TABLES)}")
        given = _packaged(base) | given
    for field, kind in (FIELDS | OPTIONAL).items():
        if field not in given and field in FIELDS:
            raise InputError(f"{where}: {field} is missing", "see docs/energy.md for a whole table")
        if field in given and not isinstance(given[field], kind):
            raise InputError(f"{where}: {field} is {given[field]!r}", f"write a {kind.__name__}")
    unknown = sorted(set(given) - set(FIELDS) - set(OPTIONAL))
    if unknown:
        raise InputError(f"{where}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    view = given["view"]
    if view not in EVENTS:
        raise InputError(f"{where}: view is {view!r}", f"write one of: {', '.join(EVENTS)}")
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
    )


def _sourced(row: dict[str, Any], where: str) -> tuple[Kind, str]:
    kind, source = row.get("kind"), row.get("source")
    if kind not in KINDS or not isinstance(source, str) or not source:
        fix = f"write kind = one of {', '.join(KINDS)}, and source = a text"
        raise InputError(f"{where}: kind {kind!r}, source {source!r}", fix)
    return kind, source


def _price(row: dict[str, Any], view: View, where: str) -> Price:
    event = row.get("event")
    place = f"{where}: price of {event!r}"
    if event not in EVENTS[view]:
        raise InputError(f"{place}: no event of the view {view!r}", f"use: {', '.join(EVENTS[view])}")
    unknown = sorted(set(row) - {"event", "amount", "low", "high", "kind", "source"})
    if unknown:
        raise InputError(f"{place}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    amount: Any = row.get("amount")
    low: Any = row.get("low", amount)
    high: Any = row.get("high", amount)
    if not all(type(v) in (int, float) for v in (low, amount, high)) or not 0 <= low <= amount <= high < float("inf"):
        raise InputError(f"{place}: low {low!r}, amount {amount!r}, high {high!r}", "write 0 <= low <= amount <= high")
    return Price(event, float(amount), float(low), float(high), *_sourced(row, place))


def _memory(row: dict[str, Any], where: str) -> MemoryPrice:
    place = f"{where}: [memory]"
    unknown = sorted(set(row) - {"word_bits", "bytes", "amounts", "kind", "source"})
    if unknown:
        raise InputError(f"{place}: unknown: {', '.join(unknown)}", "check the spelling against docs/energy.md")
    word, sizes, amounts = row.get("word_bits"), row.get("bytes"), row.get("amounts")
    rising = (
        isinstance(sizes, list)
        and isinstance(amounts, list)
        and len(sizes) == len(amounts) >= 2
        and all(type(v) in (int, float) and v > 0 for v in (*sizes, *amounts))
        and sizes == sorted(set(sizes))
    )
    if type(word) is not int or word < 1 or not rising:
        what = f"{place}: word_bits {word!r}, bytes {sizes!r}, amounts {amounts!r}"
        raise InputError(what, "write a positive word_bits and two lists of equal length, sizes rising")
    assert isinstance(sizes, list)
    assert isinstance(amounts, list)
    return MemoryPrice(word, tuple(sizes), tuple(float(a) for a in amounts), *_sourced(row, place))
