"""The conventional network of the comparison: what it is, how well it answers, and how wide it is priced."""

from collections.abc import Iterator

from snn2hw.codec.share import Share
from snn2hw.page.dossier import Cell, Table, columns_of
from snn2hw.page.material import Material, Recorded
from snn2hw.page.wording import listed, plural, written

__all__ = ["ann_said", "ann_tables"]

KINDS = {"Conv": "conv", "Gemm": "dense", "MatMul": "dense"}
"""How layers are called whose operators are called otherwise."""


def ann_said(material: Material) -> Iterator[str]:
    """Yield what a reader has to know of the ANN, as far as it is on record."""
    report = material.energy
    if report is None or not report["ann"]:
        return
    ann, share = report["ann"], material.accuracy.get("ann")
    outline = ann.get("outline")
    yield _of_layers(ann, outline)
    origin = str(ann.get("origin") or "")
    if origin:
        yield f"Where it comes from: {origin}."
    elif outline and outline["producer"]:
        yield f"Its file was written by {outline['producer']}; on what it was trained is not on record."
    else:
        yield "Where it comes from, and on what it was trained, is not on record."
    if share is None:
        yield "How often it is right is not known: it was given no labelled samples."
    else:
        yield _of_answers(share, outline)
    if said := _of_width(report, outline):
        yield said


def _kind(operator: str) -> str:
    return KINDS.get(operator, operator)


def _shape(sides: list[int]) -> str:
    return "x".join(map(str, sides))


def _of_layers(ann: Recorded, outline: Recorded | None) -> str:
    nodes = list(ann["nodes"])
    if outline is None:
        kinds = listed([_kind(str(node["operator"])) for node in nodes])
        weights = sum(int(node["weights"]) for node in nodes)
        return f"The ANN is {ann['file']}: {kinds}; {weights:,} weights."
    layers = listed([f"{_kind(str(row['operator']))} {_shape(row['makes'])}".strip() for row in outline["layers"]])
    between = f" with {listed(list(outline['between']))} between" if outline["between"] else ""
    stored = f" in {listed(list(outline['stored_as']))}" if outline["stored_as"] else ""
    return (
        f"The ANN is {ann['file']}: from {_shape(outline['reads'])} values a sample, "
        f"{layers or 'no layer that multiplies'}{between}; {int(outline['parameters']):,} parameters{stored}."
    )


def _of_answers(share: Share, outline: Recorded | None) -> str:
    right = f"It is right on {share.right:,} of {share.count:,} samples ({written(share.accuracy, 'percent')})"
    outputs = outline["makes"][-1] if outline and outline["makes"] else 0
    if outputs < 2:
        return f"{right}."
    guessing = f"{written(1 / outputs, 'percent')} of guessing among {outputs}"
    if share.interval[0] > 1 / outputs:
        return f"{right}, more than the {guessing}: it is trained for this."
    return f"{right}, which does not tell it from the {guessing}: it may be untrained, and then costs compare nothing."


def _of_width(report: Recorded, outline: Recorded | None) -> str:
    """Say as what its values are priced, and that its accuracy is that of the file."""
    widths: dict[int, list[str]] = {}
    for cost in report["ann"]["cost"]:
        if cost.get("value_bits"):
            widths.setdefault(int(cost["value_bits"]), []).append(str(cost["table"]))
    if not widths:
        return ""
    priced = "; ".join(f"of {bits} bit under {listed(names)}" for bits, names in sorted(widths.items()))
    stored = [str(kind) for kind in outline["stored_as"]] if outline else []
    floats = any(kind.startswith("float") for kind in stored)
    judged = (
        " Its accuracy is that of the floats in the file: what 8 bits cost it was not judged here." if floats else ""
    )
    return f"It is priced as if its values were {priced}.{judged if min(widths) < 32 else ''}"


def ann_tables(report: Recorded) -> Iterator[Table]:
    """Yield the layers of the ANN, where their shapes are on record."""
    ann = report["ann"]
    outline = ann.get("outline") if ann else None
    if not outline:
        return
    columns = columns_of(
        """
        layer    Layer
        makes    Makes
        weights  Weights, as stored
        count    Weights  count
        macs     Products an inference  count
        """
    )
    macs = {str(node["name"]): (int(node["weights"]), int(node["macs"])) for node in ann["nodes"]}
    rows: list[tuple[Cell, ...]] = [
        (
            _kind(str(row["operator"])),
            _shape(row["makes"]),
            _shape(row["weights"]),
            *macs.get(str(row["name"]), (None, None)),
        )
        for row in outline["layers"]
    ]
    note = f"{plural(int(outline['parameters']), 'parameter')} with biases; SHA-256 {str(ann['sha256'])[:12]}."
    yield Table("energy.ann", "The conventional network (ANN), layer by layer", columns, tuple(rows), note)
