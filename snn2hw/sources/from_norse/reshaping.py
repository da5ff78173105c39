"""Rules for changes of shape that keep the order of the numbers."""

import numpy as np

from snn2hw.sources.expression.operations import Flatten, Operation, Shape
from snn2hw.sources.expression.values import InputStep, Value
from snn2hw.sources.from_norse.tracer import Call, Rule, Tag, Tracer

__all__ = ["RESHAPING", "flattening"]


def _reshape(rec: Tracer, call: Call) -> None:
    """Any change of shape that keeps the order of the numbers."""
    tag = rec.tag(call.args[0]) or next(t for t in map(rec.tag, call.kwargs.values()) if t)
    old, new = tuple(call.args[0].shape), tuple(call.out.shape)
    if tag.decoded:
        rec.attach(call.out, tag)
        return
    lead = _new_lead(tag, old, new)
    if lead is None:
        what = f"{call.name} from {old} to {new} mixes time, batch and the signal's own axes"
        rec.unknown(call, what, doubtful=True)
        return
    inputs = [v for v in tag.values if isinstance(v, InputStep) and v.encoder]
    if len(inputs) == len(tag.values):
        shaped: tuple[Value, ...] = tuple(InputStep(v.time, new[len(lead) :], v.encoder) for v in inputs)
        rec.attach(call.out, Tag(shaped, lead))
        return
    if (layer := flattening(tag.shape, new[len(lead) :])) is not None:
        rec.apply(call, tag, layer, lead)
    elif tag.shape == new[len(lead) :]:
        rec.attach(call.out, Tag(tag.values, lead, tag.decoded))
    else:
        what = f"{call.name} of a signal of shape {tag.shape} to {new[len(lead) :]}"
        rec.unknown(call, what, "flatten neighbouring axes only; give another input_shape if this is the input")


def _new_lead(tag: Tag, old: Shape, new: Shape) -> str | None:
    """Return the leading axes after a reshape; the batch is 2 or more, the steps are others."""
    steps = len(tag.values)
    size = int(np.prod(tag.shape, dtype=np.int64))
    own = [new[n:] for n in range(3)]
    full = [int(np.prod(shape, dtype=np.int64)) == size for shape in own]
    if tag.lead == "B" and len(new) > 1 and new[0] == 1 and full[2]:
        return "TB"
    if tag.lead == "B" or (tag.lead == "M" and new[:1] == old[:1]):
        return tag.lead if full[1] and new[0] == old[0] else None
    if tag.lead in ("TB", "BT"):
        if new[:2] == old[:2] and full[2]:
            return tag.lead
        if steps == 1 and tag.lead == "TB" and full[1] and new[0] == old[1]:
            return "B"
        return "M" if tag.lead == "TB" and full[1] and new[0] == old[0] * old[1] else None
    return "TB" if full[2] and new[0] == steps and new[0] * new[1] == old[0] else None


def flattening(old: Shape, new: Shape) -> Operation | None:
    """Return the Flatten of neighbouring axes that makes ``new`` of ``old``, None when nothing or more is needed."""
    for start in range(len(old)):
        for end in range(start + 1, len(old)):
            if new == (*old[:start], int(np.prod(old[start : end + 1])), *old[end + 1 :]):
                return Flatten(start, end)
    return None


def _repeat(rec: Tracer, call: Call) -> None:
    """``x.repeat(steps, 1, 1)`` and ``x.expand(steps, -1, -1)``: the same signal in every step."""
    tag, old, new = rec.tag(call.args[0]), tuple(call.args[0].shape), tuple(call.out.shape)
    inner = old[1:] if tag is not None and tag.lead == "TB" and old[0] == 1 else old
    if tag is None or tag.lead not in ("B", "TB") or len(tag.values) != 1 or new[1:] != inner:
        rec.unknown(call, f"{call.name} of a signal of shape {old} to {new}", "repeat it along a new axis of steps")
    else:
        rec.attach(call.out, Tag(tag.values * new[0], "TB", tag.decoded))


RESHAPING: dict[str, Rule] = {
    **dict.fromkeys(
        ("flatten", "reshape", "view", "unflatten", "squeeze", "unsqueeze", "ravel", "view_as", "reshape_as"), _reshape
    ),
    **dict.fromkeys(("repeat", "expand", "tile"), _repeat),
}
"""By the torch function's name."""
