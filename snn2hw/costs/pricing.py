"""A workload times a price table.

E = sum over events  n * price  +  sum over arrays  accesses * bits / word_bits * E_word(size of the array)

Each factor has a low, a counted and a high end, and so has the cost: three sums, never a mixture of ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.ann.weight_forms import Form, smallest_form
from snn2hw.costs.moments import SampleMoments
from snn2hw.costs.prices import EVENTS, Event, MemoryPrice, Price, PriceTable
from snn2hw.costs.workload import Traffic, Workload

__all__ = ["ENDS", "Bill", "Cost", "EndMoments", "Ends", "Line", "billed", "forms_of", "lines_of", "price"]

ENDS = ("low", "counted", "high")

Float = NDArray[np.float64]
Amount = TypeVar("Amount")


@dataclass(frozen=True, eq=False)
class _AtEnds(Generic[Amount]):
    """An amount under the kindest assumption, as counted, and under the harshest."""

    low: Amount
    counted: Amount
    high: Amount

    def end(self, name: str) -> Amount:
        """Return one end by name."""
        return {"low": self.low, "counted": self.counted, "high": self.high}[name]


class Ends(_AtEnds[Float]):
    """One amount per sample, (b,), at each end."""

    def __add__(self, other: "Ends") -> "Ends":
        return Ends(self.low + other.low, self.counted + other.counted, self.high + other.high)


@dataclass(frozen=True, eq=False)
class Cost:
    """What a workload costs under one table: by part, in total, and the share that follows the messages."""

    table: PriceTable
    parts: Mapping[str, Ends]
    driven: Ends
    fixed: Ends
    forms: tuple[Form, ...] = ()
    """How each array of weights is held: of the forms that the table allows the one that takes least."""

    @property
    def total(self) -> Ends:
        """Return everything."""
        return self.driven + self.fixed


class EndMoments(_AtEnds[SampleMoments]):
    """One amount over all samples, at each end."""


Line = tuple[str, str]
"""A part of a bill, or /driven, /fixed or /total, and an end of it."""


@dataclass(frozen=True, eq=False)
class Bill:
    """A `Cost` over many samples, of which none is kept."""

    table: PriceTable
    parts: Mapping[str, EndMoments]
    driven: EndMoments
    fixed: EndMoments
    total: EndMoments
    forms: tuple[Form, ...] = ()

    @classmethod
    def of(cls, cost: Cost) -> "Bill":
        """Return that of samples whose costs are known one by one."""
        return billed(
            cost.table, {line: SampleMoments.of(values) for line, values in lines_of(cost).items()}, cost.forms
        )


def lines_of(cost: Cost) -> dict[Line, Float]:
    """Return all amounts per sample that a bill holds."""
    sums = {"/driven": cost.driven, "/fixed": cost.fixed, "/total": cost.total}
    return {(name, end): ends.end(end) for name, ends in {**cost.parts, **sums}.items() for end in ENDS}


def billed(table: PriceTable, lines: Mapping[Line, SampleMoments], forms: tuple[Form, ...]) -> Bill:
    """Put a bill together."""
    names = dict.fromkeys(name for name, _ in lines)
    ends = {name: EndMoments(*(lines[name, end] for end in ENDS)) for name in names}
    driven, fixed, total = (ends.pop(f"/{name}") for name in ("driven", "fixed", "total"))
    return Bill(table, ends, driven=driven, fixed=fixed, total=total, forms=forms)


def price(workload: Workload, table: PriceTable) -> Cost:
    """Price a workload, or say that the table is not for it."""
    missing = [e for e in EVENTS[table.view] if e not in workload.events]
    if missing:
        what = (
            f"price table {table.name!r} prices {', '.join(missing)}, which a run of an {workload.side.upper()} has not"
        )
        raise InputError(what, "price this network with a table of the view 'arithmetic'")
    zero = np.zeros(workload.samples)
    parts: dict[str, Ends] = {}
    sums = {True: Ends(zero, zero, zero), False: Ends(zero, zero, zero)}

    def add(part: str, cost: Ends, *, driven: bool) -> None:
        parts[part] = parts[part] + cost if part in parts else cost
        sums[driven] = sums[driven] + cost

    for event in EVENTS[table.view]:
        add(event, _priced(workload, event, table.prices[event]), driven=event in workload.driven)
    if table.memory is not None:
        for traffic in workload.traffic:
            widened = 32 if table.value_bits == 32 and traffic.what != "message" else traffic.bits
            add(f"{traffic.what} memory", _moved(traffic, widened, table.memory), driven=traffic.driven)
    return Cost(table, parts, driven=sums[True], fixed=sums[False], forms=forms_of(workload, table))


def _priced(workload: Workload, event: Event, one: Price) -> Ends:
    counted = workload.events[event].astype(np.float64)
    fewest = workload.least.get(event, workload.events[event]).astype(np.float64)
    most = workload.most.get(event, workload.events[event]).astype(np.float64)
    return Ends(fewest * one.low, counted * one.amount, most * one.high)


def _moved(traffic: Traffic, bits: int, memory: MemoryPrice) -> Ends:
    room, each = traffic.stored_bits * bits // traffic.bits, float(bits)
    if traffic.weights is not None:  # each product fetches its share of all that is stored, index included
        room = traffic.weights.bits(smallest_form(traffic.weights, bits, memory.forms), bits)
        each = room / max(traffic.weights.nonzero, 1)
    word = memory.access(room)
    packed, whole = each / memory.word_bits, ceil(each / memory.word_bits)
    least, accesses = traffic.least.astype(np.float64), traffic.accesses.astype(np.float64)
    return Ends(least * (packed * word), accesses * (packed * word), accesses * (whole * word))


def forms_of(workload: Workload, table: PriceTable) -> tuple[Form, ...]:
    """Return how each array of weights is held under a table with memory, in order."""
    if table.memory is None:
        return ()
    arrays = [(t.weights, 32 if table.value_bits == 32 else t.bits) for t in workload.traffic]
    return tuple(smallest_form(census, bits, table.memory.forms) for census, bits in arrays if census is not None)
