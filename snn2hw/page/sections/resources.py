"""Does it fit the chip? What is used of what there is, per layer and core, and what runs out first."""

from collections.abc import Iterator, Mapping

from snn2hw.chips.target import TARGETS, get_target
from snn2hw.page.dossier import BarChart, Cell, Column, ColumnChart, Mark, NotRun, Section, Table, columns_of
from snn2hw.page.material import Material, Recorded
from snn2hw.page.wording import plural, written
from snn2hw.placement.bound import least_cores
from snn2hw.placement.cutting import WORDS

__all__ = ["MOST_CORES", "fit_said", "resources_section"]

MOST_CORES = 600
"""Cores that are listed one by one: the fullest, where there are more."""


def resources_section(material: Material) -> Section:
    """Return how full the cores are."""
    placement = material.placement
    if placement is None:
        return _without_placement(material)
    cores = sorted(placement["per_core"], key=lambda core: (core["chip"], core["core"]))
    shown = cores
    if len(cores) > MOST_CORES:
        fullest = sorted(cores, key=lambda core: -_fullest(core))[:MOST_CORES]
        shown = [core for core in cores if core in fullest]
    return Section(
        "resources",
        "Resources",
        "Does it fit the chip?",
        said=tuple(_said(placement, len(cores), len(shown))),
        charts=(_layer_chart(material, placement), _core_chart(material, shown)),
        tables=(_layer_table(material, placement), _core_table(material, shown, placement["limits"])),
    )


def fit_said(placement: Recorded) -> str:
    """Return how many cores are taken, in words."""
    cores, chips = plural(placement["cores"], "core"), plural(placement["chips"], "chip")
    name = str(placement["target"])
    if name not in TARGETS:
        return f"It takes {cores} on {chips} of {name}"
    target = get_target(name)
    there = (
        "" if target.cores is None else f", {'which has' if placement['chips'] == 1 else 'each with'} {target.cores}"
    )
    return f"It takes {cores} on {chips} of {target.title}{there}"


def _said(placement: Recorded, cores: int, shown: int) -> Iterator[str]:
    least = placement["cores_needed_at_least"]["least"]
    yield f"{fit_said(placement)}, within every limit of the chip's file; no placement takes fewer than {least:,}."
    counts: dict[str, int] = {}
    for core in placement["per_core"]:
        counts[core["limiting"]] = counts.get(core["limiting"], 0) + 1
    first = max(counts, key=lambda name: counts[name])
    yield f"What runs out first: {WORDS[first]}, in {counts[first]} of {plural(cores, 'core')}."
    traffic = placement["traffic"]
    messages = written(float(traffic["messages_per_step"]), "count")
    yield f"Between cores go {messages} messages a step, counted by {traffic['basis']}."
    if shown < cores:
        yield f"The {shown:,} fullest of {cores:,} cores are listed."


def _fullest(core: Recorded) -> float:
    return float(core["utilisation"][core["limiting"]])


def _held(material: Material, core: Recorded) -> str:
    """Return the layers that a core holds parts of."""
    return ", ".join(dict.fromkeys(material.layer(part["population"]) for part in core["population"]))


def _layer_chart(material: Material, placement: Recorded) -> BarChart:
    marks = tuple(
        Mark(
            material.layer(row["population"]),
            float(row["fullest"]),
            WORDS[row["limited_by"]],
            note=f"{plural(row['slices'], 'core')}, limited by {WORDS[row['limited_by']]}",
        )
        for row in placement["populations"]
    )
    said = "; ".join(f"{m.label} {written(m.value, 'percent')} by {m.group}" for m in marks[:8])
    return BarChart(
        id="resources.layers",
        title="The fullest core of each layer: the resource of which least is left",
        said=said,
        form="percent",
        marks=marks,
        groups=tuple(WORDS.values()),
        limit=1.0,
    )


def _core_chart(material: Material, cores: list[Recorded]) -> ColumnChart:
    marks = tuple(
        Mark(
            f"chip {core['chip']}, core {core['core']}: {_held(material, core)}",
            _fullest(core),
            WORDS[core["limiting"]],
        )
        for core in cores
    )
    return ColumnChart(
        id="resources.cores",
        title="Every core: use of its limiting resource",
        said=f"{plural(len(marks), 'core')}, the fullest at {written(max(m.value or 0 for m in marks), 'percent')}.",
        form="percent",
        marks=marks,
        groups=tuple(WORDS.values()),
        x_label="cores, in their order on the chip",
        limit=1.0,
    )


def _layer_table(material: Material, placement: Recorded) -> Table:
    columns = columns_of(
        """
        layer     Layer
        neurons   Neurons          count
        cores     Slices           count
        largest   Largest slice
        synapses  Synapses stored
        limiting  Limited by
        fullest   Fullest core     percent
        """
    )
    rows: list[tuple[Cell, ...]] = [
        (
            material.layer(row["population"]),
            int(row["neurons"]),
            int(row["slices"]),
            "x".join(map(str, row["largest"])),
            ", ".join(row["encodings"]) or "none",
            WORDS[row["limited_by"]],
            float(row["fullest"]),
        )
        for row in placement["populations"]
    ]
    return Table("resources.by-layer", "Resources by layer", columns, tuple(rows), pick="limiting")


def _core_table(material: Material, cores: list[Recorded], limits: Mapping[str, int]) -> Table:
    columns = (
        Column("chip", "Chip", "count"),
        Column("core", "Core", "count"),
        Column("layers", "Holds"),
        Column("limiting", "Limited by"),
        Column("fullest", "Full", "percent"),
        *(Column(name, f"{WORDS[name].capitalize()} (of {limit:,})", "count") for name, limit in limits.items()),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            int(core["chip"]),
            int(core["core"]),
            _held(material, core),
            WORDS[core["limiting"]],
            _fullest(core),
            *(int(core[name]) for name in limits),
        )
        for core in cores
    ]
    return Table("resources.by-core", "Resources by core, used of available", columns, tuple(rows), pick="layers")


def _without_placement(material: Material) -> Section:
    """Return what can be said without a placement: how much of a whole chip the network takes at least."""
    target, program = material.target, material.program
    how = f"snn2hw place {material.program_file} --target {target.name if target else 'loihi1'} -o place.json"
    missing = [NotRun("Resources by core and layer", "No placement was given.", how)]
    said: list[str] = []
    rows: list[tuple[str, int, int, float]] = []
    if target is not None and target.core.neurons is not None and target.cores is not None:
        room = target.core.neurons * target.cores
        rows.append(("neurons", material.neurons, room, material.neurons / room))
        said.append(
            f"Its {material.neurons:,} neurons take {written(material.neurons / room, 'percent')} of the {room:,} that "
            f"{target.title} has."
        )
    if target is not None and program.arithmetic == "loihi":
        least = least_cores(program, target)
        said.append(
            f"At least {plural(least.least, 'core')} of {target.title}, by {least.decisive}: a bound, no placement."
        )
        if target.cores is not None:
            rows.append(("cores, at least", least.least, target.cores, least.least / target.cores))
    elif target is not None:
        missing = []
        said.append(f"{target.title} is one core with a memory of its own: there is nothing to place.")
    cells: tuple[tuple[Cell, ...], ...] = tuple(rows)
    columns = columns_of(
        """
        resource   Resource
        used       Used       count
        available  Available  count
        share      Share      percent
        """
    )
    chart = BarChart(
        id="resources.chip",
        title="Of a whole chip",
        said="; ".join(said),
        form="percent",
        marks=tuple(Mark(row[0], row[3], "used", note=f"{row[1]:,} of {row[2]:,}") for row in rows),
        limit=1.0,
    )
    return Section(
        "resources",
        "Resources",
        "Does it fit the chip?",
        said=tuple(said) or ("The record names no chip whose limits are known.",),
        missing=tuple(missing),
        charts=(chart,) if rows else (),
        tables=(Table("resources.of-chip", "Resources of a whole chip", columns, cells),) if rows else (),
    )
