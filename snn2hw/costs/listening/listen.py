"""The cost of a second of always-on listening, on both sides, with a gate in front and without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import run
from sim.errors import InputError
from sim.program import Program, require_program
from sim.trace import Counts
from snn2hw.ann.graph import load
from snn2hw.ann.macs import EffectiveMacs, MacCensus, effective_macs, macs
from snn2hw.chips.target import Target, Updates, get_target
from snn2hw.costs.equal_rule import RULES, Rule
from snn2hw.costs.listening.account import ann_nj, gate_nj, snn_nj
from snn2hw.costs.listening.challenge import challenge_proxy
from snn2hw.costs.listening.frames import Frames
from snn2hw.costs.listening.gate import EnergyGate
from snn2hw.costs.listening.report import Listening, ListeningRow
from snn2hw.costs.listening.twin import Passes, onnx_passes, twin_passes
from snn2hw.costs.price_files import TABLES, get_table
from snn2hw.costs.prices import PriceTable

__all__ = ["AnnFile", "listening"]


@dataclass(frozen=True, eq=False)
class AnnFile:
    """A conventional network of one's own, and how often it is run."""

    path: Path | str
    hop_s: float
    inputs: NDArray[Any] | None = None
    """Samples on which its products with zero are counted."""


@dataclass(frozen=True, eq=False)
class _Theirs:
    path: str
    hop_s: float
    census: MacCensus
    effective: EffectiveMacs | None


def listening(
    program: Program,
    frames: Frames,
    *,
    target: Target | str = "loihi1",
    ann: AnnFile | None = None,
    gate: EnergyGate | None = None,
    active: float | None = None,
    latency_s: float | None = None,
    tables: Sequence[str | Path | PriceTable] = TABLES,
) -> Listening:
    """Price ``program`` stepping every frame, beside an ANN that runs every hop, and both behind an energy gate.

    While the gate is shut neither is run: the spiking network's state stays as it is. ``target`` says whether the
    chip updates neurons at rest. Without ``ann`` the other side is the twin by shape, once a frame; ``active`` is the
    share of its hidden activations that are not zero, where a trained twin has said it. With the ``latency_s`` of a
    denoiser's window the proxies of Intel's challenge are said too.
    """
    chip = get_target(target)
    _refuse(program, frames, ann, active)
    theirs = None if ann is None else _theirs(ann)
    chosen = [get_table(t) for t in tables]
    keeper = EnergyGate() if gate is None else gate
    opened = keeper.opened(frames.levels)
    rows, challenge = list[ListeningRow](), None
    raster = frames.messages.astype(np.int16).reshape(1, -1, *program.input.shape)
    for gated in (False, True):
        heard = raster[:, opened] if gated else raster
        counts = run(program, heard, record=(), allow_wrap=True).counts if heard.shape[1] else None
        if not gated and counts is not None and latency_s is not None:
            challenge = challenge_proxy(program, counts, frames, latency_s)
        side = _Side(program, counts, frames.messages[opened] if gated else frames.messages, frames, gated=gated)
        rows += _rows(side, theirs, chosen, chip.updates or "clocked", active)
    return Listening(
        digest=program.digest,
        target=chip.name,
        updates=chip.updates,
        source=chip.sources.get("behaviour.updates", "its file does not say: every neuron is counted in every step"),
        ann="the twin by shape" if theirs is None else theirs.path,
        active=active,
        ann_hop_s=frames.hop / frames.rate_hz if theirs is None else theirs.hop_s,
        seconds=frames.seconds,
        open_share=float(opened.mean()),
        openings=int(np.count_nonzero(np.diff(opened.astype(np.int8), prepend=0) == 1)),
        gate=keeper,
        rows=tuple(rows),
        challenge=challenge,
    )


def _refuse(program: Program, frames: Frames, ann: AnnFile | None, active: float | None) -> None:
    require_program(program)
    if ann is not None and not ann.hop_s > 0:
        raise InputError(f"hop_s {ann.hop_s}", "give the seconds from one run of the ANN to the next, above 0")
    if active is not None and (ann is not None or not 0 <= active <= 1):
        raise InputError(
            f"active {active}", "give a share from 0 to 1, of the twin by shape: without an ANN of one's own"
        )
    if int(np.prod(program.input.shape)) != frames.messages.shape[1]:
        what = f"frames of {frames.messages.shape[1]} bands for an input of {program.input.shape}"
        raise InputError(what, "make them with the front end of this program")


@dataclass(frozen=True, eq=False)
class _Side:
    program: Program
    counts: Counts | None
    """None where nothing was heard."""
    messages: NDArray[np.integer]
    frames: Frames
    gated: bool


def _theirs(ann: AnnFile) -> _Theirs:
    effective = None if ann.inputs is None else effective_macs(ann.path, ann.inputs)
    return _Theirs(str(ann.path), ann.hop_s, macs(load(ann.path)), effective)


def _passes(side: _Side, theirs: _Theirs | None, rule: Rule) -> Passes:
    if theirs is None:
        return twin_passes(side.program, side.messages, rule)
    heard_s = len(side.messages) * side.frames.hop / side.frames.rate_hz
    return onnx_passes(theirs.path, theirs.census, theirs.effective, ceil(heard_s / theirs.hop_s), rule)


def _rows(
    side: _Side, theirs: _Theirs | None, tables: list[PriceTable], updates: Updates, active: float | None
) -> Iterator[ListeningRow]:
    """Yield a row for every rule and table; with a known share of ``active`` values both ends of the ANN are one."""
    quiet = (1.0, 0.0) if active is None else (1 - active, 1 - active)
    seconds = side.frames.seconds
    for rule in RULES:
        passes = _passes(side, theirs, rule)
        for table in tables:
            ours = 0.0
            if side.counts is not None:
                ours = snn_nj(side.program, side.counts, len(side.messages), rule, updates, table)
            priced = table.view == "arithmetic" and table.value_bits is not None
            gate = gate_nj(len(side.frames.messages), side.frames.hop, table) if side.gated and priced else 0.0
            if table.view != "arithmetic":
                if rule == "skipping":  # a chip skips; it prices no ANN and no gate
                    yield ListeningRow(table.name, table.unit, rule, side.gated, snn=ours / seconds, gate=None)
                continue
            if not priced:
                continue
            ends = [ann_nj(passes, table, quiet=share) for share in quiet]
            yield ListeningRow(
                table=table.name,
                unit=table.unit,
                rule=rule,
                gated=side.gated,
                snn=(ours + gate) / seconds,
                gate=gate / seconds,
                ann_least=(ends[0] + gate) / seconds,
                ann=(ends[1] + gate) / seconds,
                complete=passes.complete,
            )
