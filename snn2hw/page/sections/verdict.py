"""Is it the same network? Target by target, in plain words."""

from collections.abc import Iterator

from snn2hw.page.dossier import Cell, NotRun, Section, Table, columns_of
from snn2hw.page.material import Material, Recorded
from snn2hw.page.proven import clips_said
from snn2hw.page.wording import listed, plural, written

__all__ = ["agreement", "agreement_said", "executors_by", "verdict_section"]

EXECUTORS = {
    "reference": "reference, the definition in NumPy",
    "fast": "fast, our compiled engine",
    "torch": "torch, our engine for GPUs",
    "lava": "lava, the fixed-point models of lava-nc",
    "lava-classes": "lava-classes, the exported classes in lava-nc",
    "netx": "netx, the network file of lava-dl",
    "onnx": "onnx, the exported model in ONNX Runtime",
    "c": "c, the exported program as a C compiler builds it",
    "nir": "nir, the exported graph read back",
    "golden": "golden, the exported vectors replayed",
    "xylosim": "xylosim, the simulator of SynSense",
    "rtl": "rtl, the exported core in a logic simulator",
    "mcu": "mcu, the exported firmware on a Cortex-M4 in QEMU",
    "mcu-m0": "mcu-m0, the exported firmware as for a Cortex-M0+, in QEMU",
    "mcu-m33": "mcu-m33, the exported firmware on a Cortex-M33 in QEMU",
    "mcu-rv32": "mcu-rv32, the exported firmware on RV32IM in QEMU",
}
"""Executor to what it is; others are called by their names."""

SILENT = {
    "refused": "its format cannot say this program",
    "unavailable": "it is not installed here",
    "failed": "it could not run",
}
"""Why an executor says neither equal nor different."""


def verdict_section(material: Material) -> Section:
    """Return who agrees with the definition, and how far the program is from the float network."""
    columns = columns_of(
        """
        target   Target
        verdict  Verdict
        values   Values compared  count
        said     In plain words
        """
    )
    table = Table("verdict.targets", "Verdict by target", columns, tuple(_rows(material)))
    return Section(
        "verdict",
        "Verdict",
        "Is it the same network?",
        said=tuple(_said(material)),
        missing=tuple(_missing(material)),
        tables=(table,),
    )


def executors_by(verdict: Recorded, *statuses: str) -> list[str]:
    """Return the executors of a verdict that have one of these statuses."""
    return [str(row["executor"]) for row in verdict["rows"] if row["status"] in statuses]


def _said(material: Material) -> Iterator[str]:
    verdict = material.verdict
    if verdict is None:
        yield "Nobody has compared this program with its definition yet, so equality cannot be said."
    else:
        over = f"{plural(verdict['samples'], 'sample')} of {plural(verdict['steps'], 'step')}"
        equal, differs = executors_by(verdict, "equal"), executors_by(verdict, "differs")
        if equal:
            values = max(int(row["values"]) for row in verdict["rows"] if row["status"] == "equal")
            yield (
                f"The integer program does the same on {listed(equal)} as its definition says: every spike and every "
                f"state is equal, {values:,} values each, over {over}."
            )
        if differs:
            yield f"NOT equal: {listed(differs)} part from the definition; the table says where first."
        silent = executors_by(verdict, *SILENT)
        if silent:
            yield f"Nothing can be said of {listed(silent)}."
        yield "The definition is the reference in NumPy; equal means equal as integers, without a tolerance."
    certificate = material.attachments.get("certificate")
    if certificate:
        low, high = certificate["messages"]
        held = material.program.described.accumulator.limit is None
        proven = (
            "how far every state may go, and where it is held at its end"
            if held
            else "no sum leaves the accumulator and no current wraps"
        )
        yield (
            f"A certificate covers every input of messages {low} to {high}, not only these samples, for up to "
            f"{plural(certificate['steps'], 'step')}: {proven}. {clips_said(material)}".rstrip()
        )
    if said := agreement_said(material):
        yield said


def agreement_said(material: Material) -> str | None:
    """Return how often the spikes are those of the float network, as measured when the program was compiled."""
    mean, measured = agreement(material), material.attachments.get("quantization")
    if mean is None or not measured:
        return None
    rows = _agreeing(material)
    worst = min(rows, key=lambda row: float(row["agreement"]))
    return (
        "Beside the float network it is an approximation: over "
        f"{plural(measured['samples'], 'sample')} of calibration data "
        f"{written(mean, 'percent')} of all spike decisions are the same, fewest in {material.layer(worst['name'])} "
        f"({written(worst['agreement'], 'percent')})."
    )


def _agreeing(material: Material) -> list[Recorded]:
    measured = material.attachments.get("quantization") or {"rows": ()}
    return [row for row in measured["rows"] if row["agreement"] is not None]


def agreement(material: Material) -> float | None:
    """Return the share of neuron-steps in which program and float network decide alike."""
    rows = _agreeing(material)
    neurons = sum(row["neurons"] for row in rows)
    return float(sum(row["agreement"] * row["neurons"] for row in rows) / neurons) if neurons else None


def _rows(material: Material) -> Iterator[tuple[Cell, ...]]:
    yield (material.chip, *_of_registers(material))
    for row in [] if material.verdict is None else material.verdict["rows"]:
        name, status = str(row["executor"]), str(row["status"])
        values = int(row["values"]) if status in ("equal", "differs", "baseline") else None
        yield EXECUTORS.get(name, name), *_of_executor(material, row, status, values)


def _of_registers(material: Material) -> tuple[Cell, Cell, Cell]:
    """Return what is known of the program beside the float network on the chip's registers."""
    share = agreement(material)
    record = material.program.record
    stated = record.get("weights")
    bits = stated.get("bits") if isinstance(stated, dict) else None
    if share is None and "compiler" not in record:
        return "cannot be said", None, "How the program was made of a float network is not on record."
    notes = record.get("notes")
    ways = [f"weights of {bits} bit"] if bits else []
    ways += [material.in_words(str(note)) for note in notes] if isinstance(notes, list) else []
    how = f"Integers in place of floats{': ' if ways else ''}{'; '.join(ways)}."
    unknown = "How close that is to the float network was not measured when it was compiled."
    close = f"{written(share, 'percent')} of all spike decisions are the float network's." if share else unknown
    return "approximated", None, f"{how} {close}"


def _of_executor(material: Material, row: Recorded, status: str, values: int | None) -> tuple[Cell, Cell, Cell]:
    losses = [material.in_words(str(loss)) for loss in row.get("losses") or ()]
    lost = f" Its format leaves out: {'; '.join(losses)}." if losses else ""
    match status:
        case "baseline":
            return "the definition", values, f"What all others are held against.{lost}"
        case "equal":
            return "equal", values, f"Every value is equal.{lost}"
        case "differs":
            return "differs", values, f"{_place(material, row)}{lost}"
        case _:
            why = SILENT.get(status, status)
            message = f": {material.in_words(str(row['message']))}" if row.get("message") else ""
            return "cannot be said", None, f"Since {why}{message}.{lost}"


def _place(material: Material, row: Recorded) -> str:
    """Return where an executor differs first."""
    first = row.get("divergence")
    if not first:
        return str(row.get("counts") or "The counts differ.")
    where = f"{material.layer(first['population'])}, neuron {tuple(first['neuron'])}, step {first['step']}"
    return (
        f"First in {where}, sample {first['sample']}: {first['register']} is {first['got']:,}, "
        f"the definition's is {first['expected']:,}."
    )


def _missing(material: Material) -> Iterator[NotRun]:
    if material.verdict is None:
        how = f"snn2hw verify {material.program_file} --input {material.input_file} -o verdict.json"
        yield NotRun("The verdict of the executors", "No file of a verdict was given.", how)
    if not material.attachments.get("certificate"):
        how = f"snn2hw certify {material.program_file} --steps 1024"
        yield NotRun("A certificate in the program file", "The program file carries none.", how)
    if not material.attachments.get("quantization"):
        how = "snn2hw compile MODEL --data calibration.npz -o P.nir"
        yield NotRun("Agreement with the float network", "It is measured when a network is compiled with data.", how)
