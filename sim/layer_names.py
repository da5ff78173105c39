"""What tables and pictures call the populations of a program: the bare number of a file says nothing to a reader."""

from collections.abc import Iterable
from itertools import count

from sim.parts import INPUT, Conv, Draft, Population
from sim.summary import shape_text

__all__ = ["layer_names"]


def layer_names(draft: Draft) -> dict[str, str]:
    """Return what a reader is told instead of the name of the input and of every population: a word, and the shape.

    The word is the name itself where it says something. A name whose last part has no letter, as exporters number
    their nodes, gives way to what the layer is: ``conv1 16x8x8``, ``hidden 64``, ``output 10``. No two are alike.
    Files, options and traces keep the names of the program.
    """
    words = _words(draft)
    return {
        INPUT: f"{INPUT} {shape_text(draft.input.shape)}",
        **{p.name: f"{words[p.name]} {shape_text(p.shape)}" for p in draft.populations},
    }


def _words(draft: Draft) -> dict[str, str]:
    kinds = {p.name: _kind(draft, p) for p in draft.populations if not _says_something(p.name)}
    kept = {p.name for p in draft.populations} - kinds.keys()
    words = {name: name for name in kept}
    for kind in dict.fromkeys(kinds.values()):
        alike = [name for name, own in kinds.items() if own == kind]
        words |= dict(zip(alike, _numbered(kind, len(alike), kept), strict=False))
    for name in kept:  # what the compiler added to a layer bears its name: 3.on
        layer, _, part = name.rpartition(".")
        if layer in kinds and f"{words[layer]}.{part}" not in kept:
            words[name] = f"{words[layer]}.{part}"
    return words


def _says_something(name: str) -> bool:
    return any(map(str.isalpha, name.rpartition(".")[2]))


def _kind(draft: Draft, population: Population) -> str:
    if population is draft.output:
        return "output"
    if not population.inputs:
        return "constant"
    return "conv" if any(isinstance(c.wiring, Conv) for c in population.inputs) else "hidden"


def _numbered(kind: str, alike: int, kept: set[str]) -> Iterable[str]:
    """Return the kind alone where there is one of it, else numbered from 1; never a name that is kept."""
    if alike == 1 and kind not in kept:
        return (kind,)
    return (word for n in count(1) if (word := f"{kind}{n}") not in kept)
