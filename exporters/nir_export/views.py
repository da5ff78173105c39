"""Which shape a population has in a NIR graph, so that NIR's own type check passes.

NIR 1.0.8 has Flatten but nothing that gives a vector its three axes back, reads the number of input channels of a
convolution off its weight (so groups must be expanded) and takes a kernel's height for its width (so kernels must be
square). Hence four views of a shape (C, H, W):

    grid  (C, H, W)    it is read and written by convolutions with a square form
    line  (C, L)       H = 1 there and in everything it exchanges convolutions with: Conv1d
    flat  (C * H * W,) a Dense writes it, or a convolution that has no square form: all its readers are Linear

The exact shape stands in the metadata in any case. Where the unrolled and expanded weights would be absurdly large, the
graph is written as it is, untyped: ``nir.read(path, type_check=False)``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from exporters.nir_export.kernel import square
from sim.program import INPUT, Connection, Conv, Dense, Population, Program

__all__ = ["EXTRA_LIMIT", "Views", "choose_views"]

EXTRA_LIMIT = 1 << 26
"""How many weights beside the exact ones a typed graph may cost."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Views:
    """The shape of every message source in the graph; ``typed`` says whether NIR's type check passes."""

    shapes: Mapping[str, Shape]
    typed: bool


def choose_views(program: Program) -> Views:
    """Choose the views of the input and of every population."""
    natural = {INPUT: program.input.shape} | {p.name: p.shape for p in program.populations}
    lines, flats = _lines(program), _flats(program)
    shapes = {
        name: (math.prod(shape),) if name in flats else (shape[0], shape[2]) if name in lines else shape
        for name, shape in natural.items()
    }
    extra = sum(_extra(program, shapes, p, c) for p in program.populations for c in p.inputs)
    return Views(shapes, typed=True) if extra <= EXTRA_LIMIT else Views(natural, typed=False)


def _lines(program: Program) -> set[str]:
    """Return the sources of height 1 that exchange convolutions only with others of height 1, but for 1 x 1 nets."""
    member = {INPUT: {INPUT}} | {p.name: {p.name} for p in program.populations}
    for p in program.populations:
        for c in p.inputs:
            if isinstance(c.wiring, Conv) and member[p.name] is not member[c.source]:
                member[p.name] |= member[c.source]
                for name in member[c.source]:
                    member[name] = member[p.name]
    found: set[str] = set()
    for group in member.values():
        shapes = [program.shape_of(name) for name in group]
        if all(len(s) == 3 and s[1] == 1 for s in shapes) and any(s[2] > 1 for s in shapes):
            found |= group
    return found


def _flats(program: Program) -> set[str]:
    """Return the populations with axes that no NIR node can give them: grown until nothing changes."""
    flats: set[str] = set()
    waiting = [p for p in program.populations if len(p.shape) == 3]
    left = -1
    while len(waiting) != left:
        left = len(waiting)
        for p in waiting:  # feed-forward chains settle in one pass
            if any(_flattens(program, flats, p, c) for c in p.inputs):
                flats.add(p.name)
        waiting = [p for p in waiting if p.name not in flats]
    return flats


def _flattens(program: Program, flats: set[str], p: Population, c: Connection) -> bool:
    source = program.shape_of(c.source)
    match c.wiring:
        case Dense():
            return True
        case Conv() as conv:
            both_lines = source[1] == p.shape[1] == 1
            return c.source in flats or (not both_lines and square(conv, source, p.shape) is None)


def _extra(program: Program, shapes: Mapping[str, Shape], p: Population, c: Connection) -> int:
    """Return how many weights this connection's node holds if they are not just the exact ones."""
    match c.wiring:
        case Dense():
            return 0
        case Conv() as conv:
            source, view = program.shape_of(c.source), shapes[c.source]
            if len(view) == 1 or (kernel := square(conv, source, p.shape)) is None:
                return 0 if len(view) == 2 else math.prod(source) * p.size
            if len(view) == 2:
                return p.shape[0] * source[0] * conv.weight.shape[3] if conv.groups > 1 else 0
            whole = p.shape[0] * source[0] * kernel.taps**2
            return whole if whole != conv.weight.size else 0
