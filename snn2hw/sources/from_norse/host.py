"""Rules for what runs on the host: reading results off behind the last layer, and looking at numbers for a log."""

from dataclasses import replace

from snn2hw.sources.expression.values import Neuron, Value, parts
from snn2hw.sources.from_norse.peeked import Peeked
from snn2hw.sources.from_norse.tracer import HOST, Call, Rule, Tag, Tracer

__all__ = ["ON_HOST", "host_step"]

LEAVES = ("__float__", "__int__", "__index__", "numpy", "__array__", "tolist")
"""Calls that turn values into Python's, from where on nothing is seen any more."""


def host_step(rec: Tracer, call: Call) -> None:
    """A softmax, a sort or the like: the network has been read off, or is so by this."""
    tags = [tag for tag in map(rec.tag, call.args) if tag]
    decoded = bool(tags) and all(tag.decoded for tag in tags)
    ends = len(tags) == 1 and call.name in (*HOST, "max", "amax") and all(map(_is_behind_neurons, tags[0].values))
    if not decoded and not ends:
        rec.unknown(call, f"{call.name} inside the network")
        return
    how = f"{tags[0].decoded}, {call.name}" if decoded else call.name
    for tensor in call.out if isinstance(call.out, tuple) else (call.out,):
        rec.attach(tensor, replace(tags[0], decoded=how))


def _is_behind_neurons(value: Value) -> bool:
    return isinstance(value, Neuron) or any(map(_is_behind_neurons, parts(value)))


def _read(rec: Tracer, call: Call) -> None:
    if not all(tag.decoded for tag in map(rec.tag, call.args) if tag):
        what = f"{call.name.strip('_')}: the forward looks at the numbers of a signal"
        rec.problem(what, "compute the same for every input")


def _branch(rec: Tracer, call: Call) -> bool | None:
    """A branch is taken either way in turn: it may be there as long as the output is the same."""
    tag: Tag | None = rec.tag(call.args[0])
    return None if tag is not None and tag.decoded else rec.answer(bool(call.out))


def _item(rec: Tracer, call: Call) -> Peeked | None:
    """A number for a log: it may be kept and printed, and is refused where something depends on it."""
    tag: Tag | None = rec.tag(call.args[0])
    return None if tag is not None and tag.decoded else Peeked(call.out, rec.problem, rec.answer)


ON_HOST: dict[str, Rule] = {
    **dict.fromkeys(HOST, host_step),
    **dict.fromkeys(LEAVES, _read),
    "__bool__": _branch,
    "item": _item,
}
"""Rules by the torch function's name."""
