"""The outputs of a forward: one tensor, several, or some by name; which of them is the network's, and which are not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from torch import Tensor

from sim.errors import InputError
from snn2hw.sources.from_norse.tracer import Tag, Tracer

__all__ = ["Heads", "chosen", "heads_of"]


@dataclass(frozen=True)
class Heads:
    """What each output of one call holds, by its place or name; "" is the only one, and ``first`` the one to take.

    ``kind`` says in words what was returned.
    """

    tags: Mapping[str, Tag]
    first: str
    kind: str


def heads_of(rec: Tracer, out: Any) -> Heads:
    """Return what the outputs of a call hold; states of neurons and what does not depend on the input are none."""
    tags = {}
    for name, tensor in _outputs(out, ""):
        if (tag := rec.tag(tensor)) is not None:
            tags[name] = tag
    if isinstance(out, list) or (isinstance(out, tuple) and out and isinstance(out[0], list)):
        inner = out if isinstance(out, list) else out[0]
        wanted = [n for n in tags if n.startswith("0." if isinstance(out, tuple) else "")]
        first = wanted[-1] if wanted and inner else ""
    else:
        first = next(iter(tags), "")
    return Heads(tags, first, type(out).__name__)


def _outputs(out: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield every output tensor with its name: places and keys, joined by dots."""
    if isinstance(out, Tensor):
        yield name, out
        return
    children: list[tuple[str, Any]] = []
    if isinstance(out, Mapping):
        children = [(str(k), v) for k, v in out.items()]
    elif is_dataclass(out) and not isinstance(out, type):
        children = [(f.name, getattr(out, f.name)) for f in fields(out)]
    elif isinstance(out, tuple) and hasattr(out, "_fields"):
        own = type(out).__module__.startswith("norse.")
        children = [] if own else list(zip(out._fields, out, strict=True))
    elif isinstance(out, list | tuple):
        children = [(str(n), v) for n, v in enumerate(out)]
    for key, value in children:
        yield from _outputs(value, f"{name}.{key}" if name else key)


def chosen(heads: tuple[Heads, ...], output: int | str | None, origin: str) -> tuple[str, list[str]]:
    """Return the name of the output to read and those that are left out."""
    names = list(heads[-1].tags)
    if output is None:
        name = heads[-1].first
    elif str(output) in names:
        name = str(output)
    elif output in (0, "0") and names == [""]:
        name = ""
    else:
        listed = ", ".join(names) if names != [""] else "0, its only one"
        raise InputError(f"{origin}: there is no output {output!r}", f"the module returns {listed}")
    return name, [n for n in names if n != name]
