"""Run Xylo programs on the compiled kernel: the same Trace, counts and refusals as the reference."""

import weakref
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim import reference
from sim.errors import InputError
from sim.fast.groups import in_groups
from sim.fast.layout.arena import parted
from sim.fast.vector.calls import address
from sim.fast.vector.isa import AVX512, PORTABLE, Avx512, Portable, best
from sim.fast.xylo.kernel import ChipMemory, ChipOutcome, run_samples
from sim.fast.xylo.layout import ChipLayout, lay_out
from sim.fast.xylo.sums import adding
from sim.program import Population, Program
from sim.request import Request
from sim.trace import TALLIES, Tally, Trace, counts_from

__all__ = ["XyloKernels", "simulate"]

XyloKernels = Literal["auto", "avx512", "portable", "general"]

FORMS: dict[str, Portable | Avx512] = {"avx512": AVX512, "portable": PORTABLE}
STATES = ("i", "i2", "v")

_loops: "weakref.WeakKeyDictionary[ChipLayout, NDArray[np.int64]]" = weakref.WeakKeyDictionary()


def simulate(
    program: Program,
    raster: NDArray[np.integer],
    request: Request,
    *,
    kernels: XyloKernels = "auto",
    threads: int | None = None,
) -> Trace:
    """Run a batch (B, T, *input shape); a source of more than 65,535 neurons is left to the reference."""
    isa = _form(kernels)
    layout = lay_out(program, isa)
    if layout is None:
        return reference.simulate(program, raster, request)
    batch, steps = raster.shape[:2]
    flat = np.ascontiguousarray(raster.reshape(batch, steps, -1), dtype=np.uint8)
    kept = {*request.record, "spikes" if program.output.fires else "v"}
    outcome = _outcome(layout, kept, batch, steps)
    loops = _loops_of(layout)
    slots = 1 << min(layout.reach, steps).bit_length()  # a power of two, so that a mask finds the slot

    def run_group(first: int, to: int) -> None:
        part = ChipOutcome(**{name: values[first:to] for name, values in outcome._asdict().items()})
        memory = _memory(layout, steps, slots)
        run_samples(isa, flat[first:to], layout.tables, layout.arenas, loops, memory, part, slots)

    progress = request.progress
    in_groups(batch, run_group, threads, None if progress is None else lambda done: progress(done * steps))
    tallies = _tallies(layout.order, outcome)
    if any(tallies[name].clips.any() for name in request.clip_free):
        return reference.simulate(program, raster, request)  # it says where, and refuses
    return _trace(program, layout.order, request, outcome, tallies)


def _form(kernels: XyloKernels) -> Portable | Avx512:
    if kernels == "general":
        raise InputError("fast: arithmetic 'xylo' has vector kernels only", "leave the choice of kernels to the engine")
    isa = FORMS.get(kernels) or best()
    if isa == AVX512 and best() != AVX512:
        raise InputError("fast: this CPU has no AVX-512", 'use kernels="portable", or leave the choice to it')
    return isa


def _loops_of(layout: ChipLayout) -> NDArray[np.int64]:
    """Return where the loop of each piece begins, compiled if it is not there."""
    if layout not in _loops:
        found = [address(adding(lanes)) for lanes in layout.tables.pieces["lanes"].tolist()]
        _loops[layout] = np.array(found, dtype=np.int64)
    return _loops[layout]


def _outcome(layout: ChipLayout, kept: set[str], batch: int, steps: int) -> ChipOutcome:
    """Return room for what is recorded and counted."""
    neurons = sum(p.size for p in layout.order)
    count = {name: steps if name in kept else 0 for name in ("spikes", *STATES)}
    states = {name: np.zeros((batch, count[name], neurons), dtype=np.int32) for name in STATES}
    return ChipOutcome(
        spikes=np.zeros((batch, count["spikes"], neurons), dtype=np.uint8),
        **states,
        of_populations=np.zeros((batch, len(layout.order), len(TALLIES)), dtype=np.int64),
        of_connections=np.zeros((batch, len(layout.tables.connections), 2), dtype=np.int64),
    )


def _memory(layout: ChipLayout, steps: int, slots: int) -> ChipMemory:
    """Return the memory of one thread."""
    lanes, inputs = layout.lanes, layout.inputs
    sizes: dict[str, tuple[int, type[np.generic]]] = {
        "states": (len(STATES) * lanes, np.int16),
        "clipped": (lanes, np.int16),
        "events": (slots * (lanes + inputs + 64), np.uint16),
        "found": (steps * (1 + len(layout.order)), np.int32),
        "sent": (steps * lanes, np.uint8),
        "heard": (max(lanes, inputs), np.int32),
    }
    return ChipMemory(**dict(zip(sizes, parted(tuple(sizes.values())), strict=True)))


def _tallies(order: tuple[Population, ...], outcome: ChipOutcome) -> dict[str, Tally]:
    of_connections = outcome.of_connections.transpose(2, 1, 0).copy()
    of_populations = outcome.of_populations.transpose(1, 2, 0).copy()
    tallies, first = {}, 0
    for place, p in enumerate(order):
        events, synops = of_connections[:, first : first + len(p.inputs)]
        tallies[p.name] = Tally(events, synops, *of_populations[place])
        first += len(p.inputs)
    return tallies


def _trace(
    program: Program,
    order: tuple[Population, ...],
    request: Request,
    outcome: ChipOutcome,
    tallies: dict[str, Tally],
) -> Trace:
    ends = np.cumsum([0, *(p.size for p in order)]).tolist()
    first = dict(zip((p.name for p in order), ends, strict=False))
    steps = max(outcome.spikes.shape[1], outcome.v.shape[1])

    def part(what: str, p: Population) -> Any:
        values = getattr(outcome, what)[:, :, first[p.name] : first[p.name] + p.size]
        return values.reshape(*values.shape[:2], *p.shape)

    taken = {
        what: {p.name: part(what, p) for p in program.populations} if what in request.record else {}
        for what in ("spikes", *STATES)
    }
    return Trace(
        digest=program.digest,
        spikes=taken["spikes"],
        u={},
        v=taken["v"],
        counts=counts_from(program, steps, tallies),
        output=part("spikes" if program.output.fires else "v", program.output),
        others={what: taken[what] for what in ("i", "i2") if taken[what]},
    )
