"""Rules for the axis of steps: taking steps out of it, putting them together, and reading the result off at the end."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from snn2hw.sources.expression.operations import Convolution, Linear, Operation, Shape
from snn2hw.sources.expression.values import Applied, Constant, Total, Value, latest, shifted, total
from snn2hw.sources.from_norse.host import host_step
from snn2hw.sources.from_norse.tracer import Call, Rule, Tag, Tracer, numbers
from snn2hw.sources.from_norse.views import place_in_base

__all__ = ["TIME"]

FRESH = ("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full")
"""Calls that only look at a tensor's shape and type."""

PARTS = "let the layer read all of it; choose parts with a linear layer"


def _index(rec: Tracer, call: Call) -> None:
    tag, keys = rec.tag(call.args[0]), call.args[1]
    if tag is None:
        rec.unknown(call, "indexes by the network's signals")
        return
    axis = tag.lead.find("T")
    keys = list(keys) if isinstance(keys, tuple) else [keys]
    if Ellipsis in [k for k in keys if not isinstance(k, Tensor)]:
        keys = keys[: keys.index(Ellipsis)]
    chosen = keys.pop(axis) if 0 <= axis < len(keys) else slice(None)
    if tag.decoded:
        rec.attach(call.out, replace(tag, decoded=f"{tag.decoded}, a part of it"))
    elif any(not isinstance(k, slice) or k != slice(None) for k in keys):
        rec.unknown(call, "takes a part of a signal", PARTS, doubtful=True)
    elif isinstance(chosen, slice):
        rec.attach(call.out, _sliced(tag, chosen))
    elif isinstance(chosen, int):
        rec.attach(call.out, Tag((tag.values[chosen],), tag.lead.replace("T", "")))
    else:
        rec.unknown(call, f"takes steps by {type(chosen).__name__}", "index one step by its number")


def _sliced(tag: Tag, chosen: slice) -> Tag:
    """Return the values of some steps, with what is left out of them: a mean over these is none over all."""
    values = tag.values[chosen]
    if not tag.in_time() or chosen == slice(None):
        return replace(tag, values=values)
    bounds = ":".join("" if b is None else str(b) for b in (chosen.start, chosen.stop))
    part = f"{tag.part}[{bounds}]" if chosen.step in (None, 1) else f"{tag.part}[{bounds}:{chosen.step}]"
    return replace(tag, values=values, part=part, whole=tag.whole or tag.values)


def _store(rec: Tracer, call: Call) -> None:
    """``buffer[t] = signal``: the buffer becomes a stack of values."""
    buffer, keys, given = call.args
    whole = all(k is Ellipsis or k == slice(None) for k in (keys if isinstance(keys, tuple) else (keys,)))
    if whole and (place := place_in_base(buffer)) is not None:
        buffer, keys = place
    tag, new = rec.tag(buffer), rec.tag(given)
    keys = keys if isinstance(keys, tuple) else (keys,)
    axis = next((n for n, k in enumerate(keys) if isinstance(k, int)), None)
    rest = [k for k in keys if k is not Ellipsis and k != slice(None)]
    if new is None or new.lead != "B" or axis not in (0, 1) or len(rest) != 1 or buffer.ndim != len(new.shape) + 2:
        rec.unknown(
            _changed(call, buffer), "writes into a part of a tensor", "collect the steps in a list, torch.stack it"
        )
        return
    if tag is None or tag.lead not in ("TB", "BT"):
        others = [buffer[n, 0] if axis == 0 else buffer[0, n] for n in range(buffer.shape[axis])]
        tag = Tag(tuple(Constant(numbers(each)) for each in others), "TB" if axis == 0 else "BT")
    values = list(tag.values)
    values[keys[axis]] = new.values[0]
    rec.attach(buffer, Tag(tuple(values), tag.lead, _in_every_step(new.decoded)))


def _copy(rec: Tracer, call: Call) -> None:
    """``buffer[t].copy_(signal)``, or a copy over the whole of a tensor."""
    written = call.out
    if place_in_base(written) is not None:
        _store(rec, Call(call.name, (written, slice(None), call.args[1]), {}, written))
    elif (tag := rec.tag(call.args[1])) is not None and written.shape == call.args[1].shape:
        rec.attach(written, tag)
    else:
        rec.unknown(call, "copies a signal into a part of a tensor", "collect the steps in a list, torch.stack it")


def _changed(call: Call, out: Tensor) -> Call:
    """Return the call with another result, for calls that change an argument."""
    return Call(call.name, call.args, call.kwargs, out)


def _unbind(rec: Tracer, call: Call) -> None:
    tag, axis = rec.tag(call.args[0]), call.bind(input=None, dim=0)["dim"]
    if tag is None or tag.lead.find("T") != axis:
        rec.unknown(call, "takes a signal apart", PARTS, doubtful=True)
        return
    for value, tensor in zip(tag.values, call.out, strict=True):
        rec.attach(tensor, Tag((value,), tag.lead.replace("T", ""), tag.decoded))


def _operands(rec: Tracer, call: Call) -> tuple[list[Any], int]:
    given = call.bind(tensors=None, dim=0)
    return list(given["tensors"]), int(given["dim"])


def _stack(rec: Tracer, call: Call) -> None:
    tensors, axis = _operands(rec, call)
    tags = [rec.tag(t) for t in tensors]
    like = next(t for t in tags if t is not None)
    axis += (len(like.shape) + 2) * (axis < 0)
    if axis > 1 or any(t is not None and (t.lead != "B" or t.shape != like.shape) for t in tags):
        rec.unknown(call, "stacks signals along an axis of their own", "use several layers whose outputs are added")
        return
    values = tuple(rec.value(t, like, 0) for t in tensors)
    rec.attach(call.out, Tag(values, "TB" if axis == 0 else "BT", _in_every_step(like.decoded)))


def _in_every_step(decoded: str) -> str:
    """Return how steps were read off one by one, before they were put together."""
    return decoded if not decoded or decoded.endswith("in every step") else f"{decoded} in every step"


def _concatenate(rec: Tracer, call: Call) -> None:
    """Steps after steps, or channels of several signals side by side: each through a map to its own place."""
    tensors, axis = _operands(rec, call)
    tags = [rec.tag(t) for t in tensors]
    like = next(t for t in tags if t is not None)
    axis += call.out.ndim * (axis < 0)
    if all(t is not None and t.lead.find("T") == axis for t in tags):
        rec.attach(call.out, Tag(tuple(v for t in tags if t for v in t.values), like.lead))
        return
    lead, rank = len(like.lead), len(like.shape)
    if axis != lead or rank > 3 or any(t is not None and t.lead != like.lead for t in tags):
        rec.unknown(call, "concatenates signals along another axis than their channels", "use dim=1")
        return
    shape, path = tuple(call.out.shape[lead:]), rec.path or call.name
    places = np.cumsum([0, *(t.shape[axis] for t in tensors)])
    layers = [_placed(int(a), int(b), shape) for a, b in pairwise(places)]
    values = []
    for n in range(len(like.values)):
        alone = [rec.value(t, _sized(like, t, lead), n) for t in tensors]
        put = zip(layers, alone, strict=True)
        values.append(total([Applied(layer, v, shape, path, rec.where()) for layer, v in put], shape))
    rec.attach(call.out, Tag(tuple(values), like.lead, like.decoded))


def _sized(like: Tag, tensor: Tensor, lead: int) -> Tag:
    """Return a tag as ``like`` for values of the tensor's own shape, which constants take."""
    return Tag(tuple(Constant(np.zeros(tuple(tensor.shape[lead:]))) for _ in like.values), like.lead)


def _placed(start: int, end: int, shape: Shape) -> Operation:
    """Return the map that puts channels at ``start`` to ``end`` of a signal of ``shape`` and leaves the others zero."""
    weight = np.zeros((shape[0], end - start))
    weight[np.arange(start, end), np.arange(end - start)] = 1.0
    if len(shape) == 1:
        return Linear(weight, None)
    ones, zeros = (1,) * (len(shape) - 1), (0,) * (len(shape) - 1)
    kernel = weight.reshape(*weight.shape, *ones)
    return Convolution(weight=kernel, bias=None, stride=ones, padding=zeros, dilation=ones, groups=1)


def _reduce(rec: Tracer, call: Call) -> None:
    """A sum, mean or maximum over the steps ends the network; a sum over a stack of signals is an addition."""
    given = call.bind(input=None, dim=None, keepdim=False)
    tag, axis = rec.tag(given["input"]), call.kwargs.get("axis", given["dim"])
    axis = axis[0] if isinstance(axis, Sequence) and len(axis) == 1 else axis
    outs = [t for t in (call.out if isinstance(call.out, tuple) else (call.out,)) if isinstance(t, Tensor)]
    if tag is not None and (tag.decoded or (call.name in ("max", "amax") and tag.lead == "B")):
        host_step(rec, call)
    elif tag is None or not isinstance(axis, int) or tag.lead.find("T") != axis or given["keepdim"]:
        rec.unknown(call, f"{call.name} over a signal's own axes", "use a linear layer or a pool")
    elif tag.part or tag.in_time():
        over = f"steps {tag.part}" if tag.part else "time"
        for tensor in outs:
            rec.attach(tensor, Tag(tag.whole or tag.values, "B", f"{call.name.removeprefix('a')} over {over}"))
    elif (span := _consecutive(rec, tag)) is not None:
        every = tuple(shifted(tag.values[-1], t - span[1]) for t in range(span[1] + 1))
        over = f"the last {span[1] - span[0] + 1} steps"
        for tensor in outs:
            rec.attach(tensor, Tag(every, "B", f"{call.name.removeprefix('a')} over {over}"))
    elif call.name == "sum":
        rec.attach(call.out, Tag((total(list(tag.values), tag.shape),), "B"))
    else:
        rec.unknown(call, f"{call.name} of several signals", "add them")


def _consecutive(rec: Tracer, tag: Tag) -> tuple[int, int] | None:
    """Return (first, last) step of one signal in consecutive steps up to the newest one, None for anything else."""
    times = [latest(v) for v in tag.values]
    first, last = times[0], times[-1]
    newest = max((len(t.inputs) for t in rec.threads), default=0) - 1
    if first is None or last is None or last != newest or times != list(range(first, last + 1)) or len(times) < 2:
        return None
    same = all(
        shifted(v, last - t).key == tag.values[-1].key for v, t in zip(tag.values, range(first, last + 1), strict=True)
    )
    return (first, last) if same else None


def _transpose(rec: Tracer, call: Call) -> None:
    tag = rec.tag(call.args[0])
    count = call.args[0].ndim
    axes = list(range(count))
    if call.name == "permute":
        order = call.args[1] if len(call.args) == 2 and isinstance(call.args[1], Sequence) else call.args[1:]
        axes = [int(a) % count for a in order]
    else:
        given = call.bind(input=None, dim0=None, dim1=None)
        a, b = int(given["dim0"]) % count, int(given["dim1"]) % count
        axes[a], axes[b] = b, a
    lead = 0 if tag is None else len(tag.lead)
    if tag is None or axes[lead:] != list(range(lead, count)):
        rec.unknown(call, f"{call.name} of a signal's own axes", "keep the axes in the order (C, H, W)")
        return
    rec.attach(call.out, replace(tag, lead="".join(tag.lead[a] for a in axes[:lead])))


def _fresh(rec: Tracer, call: Call) -> None:
    """Tensors made in the likeness of another hold nothing of it."""


def unrolled_sum(value: Value, steps: int) -> tuple[Value, ...] | None:
    """Return the value of every step if ``value`` adds one and the same up over all steps, None otherwise."""
    if not isinstance(value, Total) or len(value.of) != steps:
        return None
    terms = sorted(value.of, key=lambda v: -1 if (t := latest(v)) is None else t)
    same = all(latest(v) == t and shifted(v, -t).key == terms[0].key for t, v in enumerate(terms))
    return tuple(terms) if same else None


def _select(rec: Tracer, call: Call) -> None:
    given = call.bind(input=None, dim=None, index=None)
    keys = (*(slice(None),) * given["dim"], given["index"])
    _index(rec, Call(call.name, (call.args[0], keys), {}, call.out))


TIME: dict[str, Rule] = {
    "__getitem__": _index,
    "select": _select,
    "__setitem__": _store,
    "copy": _copy,
    "unbind": _unbind,
    "stack": _stack,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenate),
    **dict.fromkeys(("transpose", "swapaxes", "permute"), _transpose),
    **dict.fromkeys(("sum", "mean", "max", "amax"), _reduce),
    **dict.fromkeys(FRESH, _fresh),
}
"""Rules by the torch function's name."""
