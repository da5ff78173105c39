"""What did the registers cost? Weights on their grid, ranges against what registers hold, margins to overflow."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sim.arithmetic.description import Span
from sim.program import Connection, Population, Program
from sim.weight_rule import weight_bits, weight_grid
from snn2hw.page.dossier import (
    BandChart,
    BarChart,
    Cell,
    Chart,
    DistributionChart,
    Mark,
    NotRun,
    Section,
    Table,
    View,
    columns_of,
)
from snn2hw.page.material import Material
from snn2hw.page.proven import Reach, clips_said, reaches
from snn2hw.page.wording import listed, said_of, written

__all__ = ["quantisation_section"]

MOST_BARS = 128
"""Bars of a distribution; neighbouring values share one where there are more."""
MOST_VIEWS = 60
"""Connections whose weights are drawn."""
STATES = {
    "a": "is what the synapses of a neuron add up to in a step",
    "u": "is its current",
    "v": "its membrane",
    "i": "is its synaptic current",
    "i2": "the second one",
}
PROVEN, SEEN, HELD = "at most, for every input", "in the samples drawn", "may be held at its end (a clip)"
"""What a bar of the ranges says."""


def quantisation_section(material: Material) -> Section:
    """Return how the weights lie on their grid, and how far states are from the ends of their registers."""
    ranges = list(reaches(material))
    return Section(
        "quantisation",
        "Quantisation",
        "What did the registers cost?",
        said=tuple(_said(material, ranges)),
        missing=tuple(_missing(material)),
        charts=tuple(_charts(material, ranges)),
        tables=tuple(_tables(material)),
    )


def _name(material: Material, p: Population, connection: Connection) -> str:
    lag = f", lag {connection.lag}" if connection.lag else ""
    port = f", port {connection.port}" if connection.port else ""
    return f"{material.layer(p.name)} from {material.layer(connection.source)}{lag}{port}"


def _connections(program: Program) -> Iterator[tuple[Population, int, Connection]]:
    for p in program.populations:
        for index, connection in enumerate(p.inputs):
            yield p, index, connection


def _grid(program: Program, p: Population, index: int) -> tuple[int, int, int, int]:
    """Return bits, least, greatest and step of the weights that a connection may hold."""
    stated = program.record.get("weights")
    weight = p.inputs[index].wiring.weight
    bits = weight_bits(program, p, index)
    if isinstance(stated, dict) and isinstance(stated.get("rule"), str):
        return (bits, *weight_grid(bits, str(stated["rule"]), weight))
    return bits, -(1 << (bits - 1)), (1 << (bits - 1)) - 1, 1


def _said(material: Material, ranges: list[Reach]) -> Iterator[str]:
    bits = sorted({_grid(material.program, p, i)[0] for p, i, _ in _connections(material.program)})
    weights = sum(c.wiring.weight.size for _, _, c in _connections(material.program))
    if bits:
        width = f"{bits[0]} bit" if len(bits) == 1 else f"{bits[0]} to {bits[-1]} bit"
        yield f"{weights:,} weights of {width}, as they lie in memory."
    lost = [reach for reach in ranges if reach.proven and reach.loses]
    if lost:
        worst = max(lost, key=lambda reach: reach.share)
        bits_left = f"{-math.log2(worst.share):.1f} bit" if worst.share > 0 else "all"
        yield (
            f"The tightest margin to overflow: {worst.state} of {worst.layer} is proven to reach at most "
            f"{written(worst.share, 'percent')} of its register, {bits_left} below the end."
        )
    if named := [f"{state} {STATES[state]}" for state in dict.fromkeys(r.state for r in ranges) if state in STATES]:
        yield f"The states: {listed(named)}."
    if any(reach.proven for reach in ranges) and (clips := clips_said(material)):
        yield clips


def _charts(material: Material, ranges: list[Reach]) -> Iterator[Chart]:
    views = tuple(
        View({"connection": _name(material, p, c)}, _weights(material.program, p, i))
        for p, i, c in list(_connections(material.program))[:MOST_VIEWS]
    )
    if views:
        yield DistributionChart(
            id="quantisation.weights",
            title="Weights on the grid of their register",
            views=views,
            x_label="weight, in register units",
            y_label="weights",
            said="How many weights hold each value that a synapse of this connection can store.",
        )
    if ranges:
        marks = tuple(map(_range_mark, ranges))
        proven = tuple(mark for mark in marks if mark.group != SEEN)
        yield BarChart(
            id="quantisation.ranges",
            title="How much of its register each state reaches: 100 % is the end",
            marks=marks,
            groups=(PROVEN, SEEN, HELD),
            said=said_of(proven or marks, "percent"),
            form="percent",
            limit=1.0,
        )
    rows = [row for row in _measured(material) if row["agreement"] is not None]
    if rows:
        marks = tuple(Mark(material.layer(row["name"]), float(row["agreement"]), "same decision") for row in rows)
        yield BandChart(
            id="quantisation.agreement",
            title="Neuron-steps in which integer and float network decide alike",
            marks=marks,
            form="percent",
            limit=1.0,
            said=said_of(marks, "percent"),
        )


def _range_mark(reach: Reach) -> Mark:
    """Return a bar that ends where the register does: a state that may clip is held there, however far its bound."""
    label = f"{reach.layer}: {reach.state}"
    if reach.may_clip:
        note = f"no bound below the end; without the clip it would be {written(reach.share, 'percent')}"
        return Mark(label, 1.0, HELD, note=note)
    return Mark(label, reach.share, PROVEN if reach.proven else SEEN)


def _weights(program: Program, p: Population, index: int) -> dict[str, object]:
    """Return how many weights hold each value of the grid."""
    _, low, high, step = _grid(program, p, index)
    weight = p.inputs[index].wiring.weight.reshape(-1)
    levels = (high - low) // step + 1
    width = step * -(-levels // MOST_BARS)
    counts = np.bincount((weight.astype(np.int64) - low) // width, minlength=-(-(high - low + step) // width))
    x = [int(low + i * width) for i in range(len(counts))]
    return {"x": x, "count": counts.tolist(), "form": "number", "width": int(width)}


def _measured(material: Material) -> list[Mapping[str, Any]]:
    return list((material.attachments.get("quantization") or {}).get("rows", ()))


def _tables(material: Material) -> Iterator[Table]:
    columns = columns_of(
        """
        connection  Connection
        bits        Bits                count
        exponent    Exponent            number
        weights     Weights             count
        zeros       Zeros               percent
        least       Least               number
        greatest    Greatest            number
        grid        Grid: multiples of
        used        Values used         count
        of          of                  count
        """
    )
    rows: list[tuple[Cell, ...]] = []
    for p, index, connection in _connections(material.program):
        bits, low, high, step = _grid(material.program, p, index)
        weight = connection.wiring.weight
        head = (_name(material, p, connection), bits, connection.exponent, weight.size, float((weight == 0).mean()))
        ends = (int(weight.min()), int(weight.max()), f"{step} in {low}..{high}")
        rows.append((*head, *ends, len(np.unique(weight)), (high - low) // step + 1))
    if rows:
        yield Table("quantisation.connections", "Weights by connection", columns, tuple(rows))
    yield _registers(material)
    if measured := _measured(material):
        yield _measured_table(material, measured)


def _registers(material: Material) -> Table:
    """Return the values of every register beside what it holds, on the chip where that is known."""
    arithmetic, target = material.program.described, material.target
    columns = columns_of(
        """
        layer     Layer
        register  Register
        least     Least           number
        greatest  Greatest        number
        holds     Register holds
        share     Of its range    percent
        """
    )
    rows: list[tuple[Cell, ...]] = []
    for p in material.program.populations:
        for name, values in p.kept_registers().items():
            span: Span = arithmetic.spans[name]
            if target is not None and target.arithmetic == arithmetic.name:
                span = target.registers.get(name, span)
            least, most = int(values.min()), int(values.max())
            end = max(abs(span[0]), abs(span[1]), 1)
            held = f"{span[0]:,} to {span[1]:,}"
            rows.append((material.layer(p.name), name, least, most, held, max(abs(least), abs(most)) / end))
    return Table("quantisation.registers", "Registers by layer", columns, tuple(rows), pick="register")


def _measured_table(material: Material, measured: list[Mapping[str, Any]]) -> Table:
    columns = columns_of(
        """
        layer        Layer
        agreement    Same decision            percent
        correlation  Correlation of v         number
        sqnr         SQNR of weights, dB
        rate         Rate                     percent
        rate_float   Rate in float            percent
        clipped      v clipped                percent
        margin       Margin to overflow, bit  number
        warnings     Remarks
        """
    )
    rows: list[tuple[Cell, ...]] = [
        (
            material.layer(row["name"]),
            row["agreement"],
            row["correlation"],
            ", ".join("exact" if q is None else f"{q:.1f}" for q in row["sqnr_db"]),
            float(row["rate"]),
            float(row["rate_float"]),
            float(row["clipped"]),
            float(row["margin_bits"]),
            material.in_words("; ".join(row["warnings"])),
        )
        for row in measured
    ]
    return Table("quantisation.measured", "Measured beside the float network when compiled", columns, tuple(rows))


def _missing(material: Material) -> Iterator[NotRun]:
    if not material.attachments.get("certificate"):
        how = f"snn2hw certify {material.program_file} --steps 1024"
        yield NotRun("Proven ranges", "The program file carries no certificate.", how)
    if not material.seen:
        how = f"snn2hw report {material.program_file} X.npz -o report.html"
        yield NotRun("Ranges that were seen", "No input was given, so nothing was run.", how)
    if not _measured(material):
        how = "snn2hw compile MODEL --data calibration.npz -o P.nir"
        yield NotRun("Agreement layer by layer", "It is measured when a network is compiled with data.", how)
