"""What does it cost? Counts priced by published tables: a band, never a measurement."""

from collections.abc import Iterator

from snn2hw.page.dossier import BandChart, BarChart, Cell, Chart, Mark, NotRun, Section, Table, columns_of
from snn2hw.page.material import Material, Recorded
from snn2hw.page.sections.beside import ann_said, ann_tables
from snn2hw.page.wording import plural, said_of, written

__all__ = ["band_of", "energy_section"]

ENDS = ("low", "counted", "high")


def energy_section(material: Material) -> Section:
    """Return the estimate under every table, beside the ANN where there is one."""
    report = material.energy
    title, question = "Energy (estimate)", "What does it cost?"
    if report is None:
        how = f"snn2hw energy {material.program_file} --input {material.input_file} -o energy.json"
        missing = NotRun("Energy of an inference", "No file of an energy report was given.", how)
        return Section("energy", title, question, said=("Nothing has been counted yet.",), missing=(missing,))
    how = f"snn2hw energy {material.program_file} --input {material.input_file} --ann CNN.onnx -o energy.json"
    beside = () if report["ann"] else (NotRun("A conventional network beside it", "None was given.", how),)
    return Section(
        "energy",
        title,
        question,
        said=tuple(_said(material, report)),
        missing=beside,
        charts=tuple(_charts(report)),
        tables=(_costs(report), *ann_tables(report), *_devices(report), _events(report), _prices(report)),
    )


def band_of(report: Recorded, side: str, prefix: str = "") -> tuple[float, float] | None:
    """Return the least and the greatest mean of one network over all tables in pJ whose names begin so."""
    priced = [cost for cost in _costs_of(report, side) if cost["unit"] == "pJ"]
    costs = [cost for cost in priced if str(cost["table"]).startswith(prefix)]
    if not costs:
        return None
    return min(_mean(cost, "low") for cost in costs), max(_mean(cost, "high") for cost in costs)


def _span(band: tuple[float, float]) -> str:
    return " to ".join(written(end, "energy") for end in band)


def _tables_said(report: Recorded, side: str, prefix: str = "") -> str:
    """Return how many tables price one of the networks in energy, among those whose names begin so."""
    count = sum(c["unit"] == "pJ" and str(c["table"]).startswith(prefix) for c in _costs_of(report, side))
    return f"{'the ' if prefix else ''}{plural(count, 'price table')}"


def _mean(cost: Recorded, end: str) -> float:
    return float(cost["total"][end]["mean"])


def _costs_of(report: Recorded, side: str) -> list[Recorded]:
    if side == "snn":
        return list(report["snn"])
    return list(report["ann"]["cost"]) if report["ann"] else []


def _said(material: Material, report: Recorded) -> Iterator[str]:
    chip = "" if material.target is None else material.target.name
    whole, own = band_of(report, "snn"), band_of(report, "snn", chip) if chip else None
    if whole is not None:
        tables = f"over {_tables_said(report, 'snn')}"
        of_chip = f"under {_tables_said(report, 'snn', chip)} of {material.chip}; {_span(whole)} {tables}"
        yield f"One inference of this program is estimated at {_span(own or whole)}, {of_chip if own else tables}."
    theirs = band_of(report, "ann")
    if theirs is not None:
        beside = "" if own is None else f"; those of {material.chip} price no ANN"
        yield f"One of the conventional network (ANN) at {_span(theirs)}, over {_tables_said(report, 'ann')}{beside}."
    if report["verdict"]:
        verdict = str(report["verdict"])
        yield f"{verdict[0].upper()}{verdict[1:]}."
    yield from ann_said(material)
    run = f"{plural(report['samples'], 'sample')} of {plural(report['steps'], 'step')}"
    yield f"An estimate: {run} were counted and priced by published numbers. Nothing was measured."
    for note in report["notes"][1:]:
        text = str(note)
        yield f"{text[0].upper()}{text[1:]}."


def _charts(report: Recorded) -> Iterator[Chart]:
    marks = [
        Mark(
            str(cost["table"]),
            _mean(cost, "counted"),
            name,
            _mean(cost, "low"),
            _mean(cost, "high"),
            note=f"{cost['title']}: {cost['scope']}",
        )
        for side, name in (("snn", "this program"), ("ann", "ANN"))
        for cost in _costs_of(report, side)
        if cost["unit"] == "pJ"
    ]
    if marks:
        order = list(dict.fromkeys(mark.label for mark in marks))
        marks.sort(key=lambda mark: order.index(mark.label))
        said = "; ".join(
            f"{m.group} under {m.label} {written(m.low, 'energy')} to {written(m.high, 'energy')}" for m in marks
        )
        yield BandChart(
            id="energy.bands",
            title="Estimated energy of one inference, by price table: band, and as counted (dot)",
            said=said,
            form="energy",
            marks=tuple(marks),
            groups=("this program", "ANN"),
            log=True,
        )
    parts = [cost for cost in report["snn"] if cost["unit"] == "pJ"]
    if parts:
        first = parts[0]
        found = sorted(first["parts"].items(), key=lambda item: -float(item[1]["counted"]))
        bars = tuple(
            Mark(_event(name), float(ends["counted"]), "as counted") for name, ends in found if ends["counted"]
        )
        if bars:
            yield BarChart(
                id="energy.parts",
                title=f"Where it goes, as counted under {first['table']} (estimate)",
                said=said_of(bars, "energy"),
                form="energy",
                marks=bars,
            )


def _event(name: str) -> str:
    return name.replace("_", " ")


def _costs(report: Recorded) -> Table:
    columns = columns_of(
        """
        network  Network
        name     Price table
        table    What it is
        low      Low
        counted  As counted
        high     High
        known    Prices are
        scope    What is priced
        """
    )
    rows = [
        (
            name,
            str(cost["table"]),
            str(cost["title"]),
            *(_amount(_mean(cost, end), str(cost["unit"])) for end in ENDS),
            ", ".join(cost["kinds"]),
            str(cost["scope"]),
        )
        for side, name in (("snn", "this program"), ("ann", "ANN"))
        for cost in _costs_of(report, side)
    ]
    note = "Every amount is an estimate per inference."
    return Table("energy.tables", "Estimated energy by price table", columns, tuple(rows), note, pick="network")


def _amount(value: float, unit: str) -> str:
    return written(value, "energy") if unit == "pJ" else f"{written(value, 'number')} {unit}"


def _devices(report: Recorded) -> Iterator[Table]:
    """Yield what both networks take on a microcontroller, where that was counted."""
    device = report.get("device")
    if not device:
        return
    columns = columns_of(
        """
        network       Network
        instructions  Instructions  count
        flash         Flash, bytes  count
        ram           RAM, bytes    count
        stack         Stack, bytes  count
        """
    )
    rows: list[tuple[Cell, ...]] = [
        (name, float(found["instructions"]), *(int(found[part]) for part in ("flash", "ram", "stack")))
        for name, found in (("this program", device["snn"]), ("ANN, 8 bit", device["ann"]))
        if found
    ]
    note = f"Per inference: {device['note']}."
    yield Table("energy.device", f"On a {device['title']}", columns, tuple(rows), note)


def _events(report: Recorded) -> Table:
    columns = columns_of(
        """
        what  Per inference
        mean  Mean           count
        low   Interval from  count
        high  to             count
        """
    )
    rows: list[tuple[Cell, ...]] = [
        (_event(name), float(found["mean"]), found["ci_low"], found["ci_high"])
        for name, found in report["per_inference"].items()
    ]
    note = f"Intervals of the mean at {written(float(report['confidence']), 'percent')}, by Student's t over samples."
    return Table("energy.events", "What was counted", columns, tuple(rows), note)


def _prices(report: Recorded) -> Table:
    columns = columns_of(
        """
        table   Price table
        event   Event
        amount  Price            number
        low     Low              number
        high    High             number
        unit    Unit
        kind    How it is known
        source  Source
        """
    )
    tables = {str(cost["table"]): cost for side in ("ann", "snn") for cost in _costs_of(report, side)}
    rows: list[tuple[Cell, ...]] = []
    for name, cost in sorted(tables.items()):
        for price in cost["prices"]:
            ends = (float(price["amount"]), float(price["low"]), float(price["high"]))
            rows.append((name, _event(price["event"]), *ends, cost["unit"], price["kind"], price["source"]))
        if memory := cost["memory"]:
            prices = "; ".join(
                f"{size:,} bytes: {amount:g}" for size, amount in zip(memory["bytes"], memory["amounts"], strict=True)
            )
            access = f"access of {memory['word_bits']} bit ({prices})"
            rows.append((name, access, None, None, None, cost["unit"], memory["kind"], memory["source"]))
    note = "Every price with its source; what nobody has published is assumed, and says so."
    return Table("energy.prices", "Prices and their sources", columns, tuple(rows), note, pick="table")
