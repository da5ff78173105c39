"""Numbers as the page writes them; the page's script has the same forms."""

import re
from typing import assert_never

from snn2hw.page.dossier import Cell, Form, Mark

__all__ = ["listed", "plural", "said_of", "written"]

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "\N{MICRO SIGN}s"), (1e-9, "ns"), (0.0, "ps"))
JOULES = ((1e12, "J"), (1e9, "mJ"), (1e6, "\N{MICRO SIGN}J"), (1e3, "nJ"), (0.0, "pJ"))


def written(value: Cell, form: Form) -> str:
    """Return a value as it is shown.

    >>> written(0.98765, "percent"), written(2.6463e-4, "seconds"), written(1.1695e7, "energy"), written(None, "count")
    ('98.8 %', '265 µs', '11.7 µJ', '–')
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return value
    match form:
        case "text" | "command":
            return str(value)
        case "count":
            return f"{value:,.1f}".removesuffix(".0")
        case "number":
            return f"{value:,}" if isinstance(value, int) else _three(value)
        case "percent":
            return _percent(value)
        case "seconds":
            return _prefixed(value, SECONDS, 1e-12)
        case "energy":
            return _prefixed(value, JOULES, 1.0)
        case _:
            assert_never(form)


def _three(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else _short(value, 3)


def _short(value: float, digits: int) -> str:
    """Return so many digits that count, with a power of ten without leading zeros."""
    return re.sub(r"e([+-])0+", r"e\1", f"{value:.{digits}g}").replace("e+", "e")


def _percent(share: float) -> str:
    """Return a share so that what is not all is not written as all."""
    if 0 < share < 0.001:
        return f"{_short(100 * share, 2)} %"
    text = f"{100 * share:.1f}"
    if text == "100.0" and share != 1:
        text = f"{100 * share:.4f}" if share < 1 else text
    return f"{'100' if share == 1 else '0' if share == 0 else text} %"


def _prefixed(value: float, ladder: tuple[tuple[float, str], ...], least: float) -> str:
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return f"0 {ladder[0][1]}"
    size, unit = next((size, unit) for size, unit in ladder if abs(rounded) >= size)
    return f"{_three(rounded / (size or least))} {unit}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "sample"), plural(1200, "sample"), plural(2, "axis", "axes")
    ('1 sample', '1,200 samples', '2 axes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: tuple[str, ...] | list[str], most: int = 12) -> str:
    """Return words as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def said_of(marks: tuple[Mark, ...], form: Form, most: int = 8) -> str:
    """Return what a chart shows in words: its first marks, each with its value.

    >>> said_of((Mark("conv1", 0.5), Mark("fc", 2.0)), "number")
    'conv1 0.5; fc 2'
    """
    said = [f"{mark.label} {written(mark.value, form)}" for mark in marks[:most]]
    more = len(marks) - most
    return "; ".join([*said, f"and {more} more"] if more > 0 else said)
