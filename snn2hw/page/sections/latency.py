"""How long does it take? The slowest core of every layer, where a chip's times are published."""

from snn2hw.page.dossier import BarChart, Cell, Mark, NotRun, Section, Table, columns_of
from snn2hw.page.material import Material, Recorded
from snn2hw.page.wording import plural, said_of, written
from snn2hw.placement.timing import STEP_TIMES, StepTimes, is_seen

__all__ = ["latency_section", "steps_of"]


def steps_of(material: Material) -> int | None:
    """Return how many steps a sample has, where any input is known."""
    if material.observed is not None:
        return material.observed.steps
    for found in (material.energy, material.verdict):
        if found is not None:
            return int(found["steps"])
    return None


def latency_section(material: Material) -> Section:
    """Return the least time of a step, by layer."""
    placement = material.placement
    title, question = "Latency", "How long does it take?"
    if placement is None:
        name = material.target.name if material.target else "loihi1"
        how = f"snn2hw place {material.program_file} --target {name} --input {material.input_file} -o place.json"
        places = material.program.arithmetic == "loihi"
        why = "No placement was given." if places else f"No time of an operation of {material.chip} is published."
        missing = (NotRun("Time of a step", why, how),) if places else ()
        said = () if places else (why,)
        return Section("latency", title, question, said=(*said, *_real_time(material)), missing=missing)
    seconds, times = placement["latency_s_per_step"], STEP_TIMES.get(str(placement["target"]))
    if seconds is None or times is None:
        said_none = f"No time of a step: {placement['latency_reason']}."
        return Section("latency", title, question, said=(said_none, *_real_time(material)))
    marks, rows = _by_layer(material, placement, times)
    slowest = max(marks, key=lambda mark: mark.value or 0)
    seconds = float(seconds)
    seen = is_seen(str(placement["traffic"]["basis"]))
    step = "A step" if seen else "A step in which every neuron fires"
    bounds = [
        f"{step} takes at least {written(seconds, 'seconds')}, set by the slowest core, of {slowest.label}; "
        f"{written(times.barrier_ns * 1e-9, 'seconds')} of it are the barrier that ends a step.",
        f"A lower bound from published times, not a measurement: {placement['latency_reason']}.",
    ]
    if not seen:
        how = f"snn2hw place {material.program_file} --target {placement['target']} --input {material.input_file}"
        bounds.append(f"No run was counted: such a step hardly ever comes. What an input takes: {how} -o place.json.")
    steps = steps_of(material)
    if steps is not None and seen:
        bounds.insert(1, f"A sample of {plural(steps, 'step')} takes at least {written(seconds * steps, 'seconds')}.")
    chart = BarChart(
        id="latency.layers",
        title=f"The slowest core of each layer, time per {'step' if seen else 'step in which all fire'} at least",
        said=said_of(marks, "seconds"),
        form="seconds",
        marks=marks,
    )
    columns = columns_of(
        """
        layer    Layer
        seconds  Time of a step                seconds
        synops   Synops of that core and step  count
        neurons  Neurons of that core          count
        """
    )
    table = Table("latency.by-layer", "Latency by layer", columns, tuple(rows))
    return Section("latency", title, question, said=(*bounds, *_real_time(material)), charts=(chart,), tables=(table,))


def _by_layer(
    material: Material, placement: Recorded, times: StepTimes
) -> tuple[tuple[Mark, ...], list[tuple[Cell, ...]]]:
    marks, rows = [], list[tuple[Cell, ...]]()
    for row in placement["populations"]:
        name = str(row["population"])
        cores = [c for c in placement["per_core"] if any(part["population"] == name for part in c["population"])]
        spent = [(times.synop_ns * c["synops_per_step"] + times.update_ns * c["neurons"]) * 1e-9 for c in cores]
        worst = max(range(len(cores)), key=lambda i: spent[i])
        synops, neurons = float(cores[worst]["synops_per_step"]), int(cores[worst]["neurons"])
        note = f"{synops:,.0f} synops and {neurons:,} neurons in that core"
        marks.append(Mark(material.layer(name), spent[worst], "at least", note=note))
        rows.append((material.layer(name), spent[worst], synops, neurons))
    return tuple(marks), rows


def _real_time(material: Material) -> tuple[str, ...]:
    """Return what a sample lasts in the network's own time, where its dt is on record."""
    dt, steps = material.program.record.get("dt"), steps_of(material)
    if not isinstance(dt, int | float) or steps is None or isinstance(dt, bool):
        return ()
    last = f"{plural(steps, 'step')} of {written(float(dt), 'seconds')}"
    return (f"In the network's own time a sample lasts {written(dt * steps, 'seconds')} ({last}).",)
