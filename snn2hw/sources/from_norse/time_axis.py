"""Rules for the axis of steps: taking steps out of it, putting them together, and reading the result off at the end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from snn2hw.sources.expression.values import Constant, Total, Value, latest, shifted, total
from snn2hw.sources.from_norse.tracer import HOST, Call, Rule, Tag, Tracer, numbers

__all__ = ["TIME"]

READERS = (
    "__bool__",
    "item",
    "tolist",
    "__float__",
    "__int__",
    "__index__",
    "numpy",
    "__array__",
    "nonzero",
    "any",
    "all",
)
"""Calls that turn values into Python's: a network that branches on them is not a graph."""

FRESH = ("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full")
"""Calls that only look at a tensor's shape and type."""


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
    if any(not isinstance(k, slice) or k != slice(None) for k in keys):
        rec.unknown(call, "takes a part of a signal", "let the layer read all of it; choose parts with a linear layer")
    elif isinstance(chosen, slice):
        rec.attach(call.out, Tag(tag.values[chosen], tag.lead, tag.decoded))
    elif isinstance(chosen, int):
        last = chosen in (-1, len(tag.values) - 1) and tag.in_time()
        decoded = "last step" if last and not tag.decoded else tag.decoded
        rec.attach(call.out, Tag((tag.values[chosen],), tag.lead.replace("T", ""), decoded))
    else:
        rec.unknown(call, f"takes steps by {type(chosen).__name__}", "index one step by its number")


def _store(rec: Tracer, call: Call) -> None:
    """``buffer[t] = signal``: the buffer becomes a stack of values."""
    buffer, keys, given = call.args
    tag, new = rec.tag(buffer), rec.tag(given)
    keys = keys if isinstance(keys, tuple) else (keys,)
    axis = next((n for n, k in enumerate(keys) if isinstance(k, int)), None)
    rest = [k for k in keys if k is not Ellipsis and k != slice(None)]
    if new is None or new.lead != "B" or axis not in (0, 1) or len(rest) != 1 or buffer.ndim != len(new.shape) + 2:
        rec.unknown(
            _changed(call, buffer), "writes into a part of a tensor", "collect the steps in a list, torch.stack it"
        )
        return
    if tag is None:
        others = [buffer[n, 0] if axis == 0 else buffer[0, n] for n in range(buffer.shape[axis])]
        tag = Tag(tuple(Constant(numbers(each)) for each in others), "TB" if axis == 0 else "BT")
    values = list(tag.values)
    values[keys[axis]] = new.values[0]
    rec.attach(buffer, Tag(tuple(values), tag.lead))


def _changed(call: Call, out: Tensor) -> Call:
    """Return the call with another result, for calls that change an argument."""
    return Call(call.name, call.args, call.kwargs, out)


def _unbind(rec: Tracer, call: Call) -> None:
    tag, axis = rec.tag(call.args[0]), call.bind(input=None, dim=0)["dim"]
    if tag is None or tag.lead.find("T") != axis:
        rec.unknown(call, "takes a signal apart", "let the layer read all of it; choose parts with a linear layer")
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
    rec.attach(call.out, Tag(values, "TB" if axis == 0 else "BT", like.decoded))


def _concatenate(rec: Tracer, call: Call) -> None:
    tensors, axis = _operands(rec, call)
    tags = [rec.tag(t) for t in tensors]
    stacks = [t for t in tags if t is not None and t.lead.find("T") == axis]
    if len(stacks) != len(tags):
        rec.unknown(call, "concatenates signals", "give each signal its own layer and add their outputs")
        return
    values = tuple(v for t in stacks for v in t.values)
    rec.attach(call.out, Tag(values, stacks[0].lead))


def _reduce(rec: Tracer, call: Call) -> None:
    """A sum, mean or maximum over the steps ends the network; a sum over a stack of signals is an addition."""
    given = call.bind(input=None, dim=None, keepdim=False)
    tag, axis = rec.tag(given["input"]), call.kwargs.get("axis", given["dim"])
    axis = axis[0] if isinstance(axis, Sequence) and len(axis) == 1 else axis
    outs = [t for t in (call.out if isinstance(call.out, tuple) else (call.out,)) if isinstance(t, Tensor)]
    if tag is not None and tag.decoded:
        _decode(rec, call)
    elif tag is None or not isinstance(axis, int) or tag.lead.find("T") != axis or given["keepdim"]:
        rec.unknown(call, f"{call.name} over a signal's own axes", "use a linear layer or a pool")
    elif tag.in_time():
        decoded = f"{call.name.removeprefix('a')} over time"
        for tensor in outs:
            rec.attach(tensor, Tag(tag.values, "B", decoded))
    elif call.name == "sum":
        rec.attach(call.out, Tag((total(list(tag.values), tag.shape),), "B"))
    else:
        rec.unknown(call, f"{call.name} of several signals", "add them")


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


def _decode(rec: Tracer, call: Call) -> None:
    """After the reduction over time everything runs on the host; before it, nothing of the kind may."""
    tags = [tag for tag in map(rec.tag, call.args) if tag]
    if tags and all(tag.decoded for tag in tags):
        for tensor in call.out if isinstance(call.out, tuple) else (call.out,):
            rec.attach(tensor, replace(tags[0], decoded=f"{tags[0].decoded}, {call.name}"))
    else:
        rec.unknown(call, f"{call.name} inside the network")


def _read(rec: Tracer, call: Call) -> None:
    if not all(tag.decoded for tag in map(rec.tag, call.args) if tag):
        rec.problem(
            f"{call.name.strip('_')}: the forward looks at the numbers of a signal", "compute the same for every input"
        )


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
    "unbind": _unbind,
    "stack": _stack,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenate),
    **dict.fromkeys(("transpose", "swapaxes", "permute"), _transpose),
    **dict.fromkeys(("sum", "mean", "max", "amax"), _reduce),
    **dict.fromkeys(HOST, _decode),
    **dict.fromkeys(READERS, _read),
    **dict.fromkeys(FRESH, _fresh),
}
"""Rules by the torch function's name."""
