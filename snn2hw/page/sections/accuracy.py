"""How often is it right? The float network, the integer program and the ANN, each with its interval."""

from collections.abc import Iterator

from snn2hw.codec.share import Share
from snn2hw.page.dossier import BandChart, Mark, NotRun, Section
from snn2hw.page.material import Material
from snn2hw.page.wording import written

__all__ = ["NETWORKS", "accuracy_section", "share_said"]

NETWORKS = {"float": "float network", "integer": "integer program", "ann": "conventional network (ANN)"}
"""Whose accuracy may be known, in the order in which they are shown."""


def accuracy_section(material: Material) -> Section:
    """Return the shares of right answers."""
    known = {name: material.accuracy[name] for name in NETWORKS if name in material.accuracy}
    marks = tuple(
        Mark(NETWORKS[name], s.accuracy, "", *s.interval, note=f"{s.right:,} of {s.count:,} samples")
        for name, s in known.items()
    )
    chart = BandChart(
        id="accuracy.intervals",
        title="Share of right answers, with Wilson's interval at 95 %",
        said="; ".join(f"{NETWORKS[name]} {share_said(s)}" for name, s in known.items()),
        form="percent",
        marks=marks,
    )
    return Section(
        "accuracy",
        "Accuracy",
        "How often is it right?",
        said=tuple(_said(known, material)),
        missing=tuple(_missing(known, material)),
        charts=(chart,) if marks else (),
    )


def share_said(share: Share) -> str:
    """Return a share with its interval in words."""
    low, high = share.interval
    return f"{written(share.accuracy, 'percent')} ({written(low, 'percent')} to {written(high, 'percent')})"


def _said(known: dict[str, Share], material: Material) -> Iterator[str]:
    if not known:
        yield "Nothing is known of its answers: no labelled input was given."
        return
    where = f", {material.judged_on}" if material.judged_on else ""
    if "integer" in known:
        share = known["integer"]
        yield f"The integer program is right on {share.right:,} of {share.count:,} samples: {share_said(share)}{where}."
    if "integer" in known and "float" in known:
        yield _beside(known["integer"], known["float"], "the float network")
    if "integer" in known and "ann" in known:
        yield _beside(known["integer"], known["ann"], "the conventional network")


def _beside(ours: Share, theirs: Share, whose: str) -> str:
    """Say whether so many samples tell two networks apart."""
    (low, high), (their_low, their_high) = ours.interval, theirs.interval
    if high < their_low:
        return f"That is worse than {whose}, {share_said(theirs)}, by more than chance explains."
    if low > their_high:
        return f"That is better than {whose}, {share_said(theirs)}, by more than chance explains."
    return f"Beside {whose}, {share_said(theirs)}, the intervals overlap: so many samples do not tell them apart."


def _missing(known: dict[str, Share], material: Material) -> Iterator[NotRun]:
    if "integer" not in known:
        how = f"snn2hw report {material.program_file} X.npz -o report.html"
        yield NotRun("Accuracy of the integer program", "No input with labels was given.", how)
    if "float" not in known:
        how = f"snn2hw report {material.program_file} {material.input_file} --float MODEL -o report.html"
        yield NotRun("Accuracy of the float network", "The float network was not given.", how)
    if "ann" not in known:
        fed = f"{material.program_file} --input {material.input_file}"
        how = f"snn2hw energy {fed} --ann CNN.onnx --ann-input F.npz -o energy.json"
        yield NotRun("Accuracy of an ANN", "No conventional network was judged on the same samples.", how)
