"""A network as a candidate of a front: run, judged by labels, and priced by the one rule for both kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import DEFAULT_ENGINE, run
from sim.errors import InputError
from sim.program import Program
from sim.raster import check_raster
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.runtime import run as run_ann
from snn2hw.chunks.input_facts import is_constant
from snn2hw.codec.decode import Decoder, decide
from snn2hw.codec.share import Share
from snn2hw.costs.equal_rule import ann_side, spiking_side
from snn2hw.costs.fronts import Candidate, Fronts, fronts_of
from snn2hw.costs.price_files import TABLES, get_table
from snn2hw.costs.prices import PriceTable
from snn2hw.costs.pricing import price
from snn2hw.costs.report_sides import AnnSide

__all__ = ["AnnEntry", "SpikingEntry", "energy_fronts"]

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class SpikingEntry:
    """A program, what it is fed (B, T, *input shape), and the class of every sample."""

    name: str
    program: Program
    raster: NDArray[np.integer]
    labels: Labels | None
    decoder: Decoder | None = None


@dataclass(frozen=True, eq=False)
class AnnEntry:
    """An ONNX file, its samples (n, *shape), and the class of each."""

    name: str
    path: Path | str
    samples: NDArray[Any]
    labels: Labels | None


def energy_fronts(
    programs: Sequence[SpikingEntry],
    anns: Sequence[AnnEntry],
    *,
    tables: Sequence[str | Path | PriceTable] = TABLES,
    engine: str = DEFAULT_ENGINE,
    progress: Callable[[int], object] | None = None,
) -> Fronts:
    """Put several networks of both kinds beside each other, under every table that prices both.

    There is a verdict where all of them were asked the same: the labels of the same samples, in the same order.
    """
    priced = [t for t in map(get_table, tables) if t.view == "arithmetic" and t.value_bits is not None]
    if not priced:
        raise InputError("no table prices both kinds of network", "name one of the view 'arithmetic'")
    if not programs or not anns:
        raise InputError(f"{len(programs)} programs and {len(anns)} ANNs", "give at least one of each")
    incomplete: list[str] = []
    candidates = [_spiking(p, priced, engine, progress) for p in programs]
    for ann in anns:
        made, complete = _conventional(ann, priced)
        candidates.append(made)
        incomplete += [] if complete else [ann.name]
    asked = [*((p.name, p.labels) for p in programs), *((a.name, a.labels) for a in anns)]
    unknown = _unlike(asked)
    if unknown is None and incomplete:
        unknown = f"{', '.join(incomplete)}: holds operators that no rule counts"
    return fronts_of(candidates, {t.name: t.unit for t in priced}, unknown)


def _unlike(asked: Sequence[tuple[str, Labels | None]]) -> str | None:
    """Say what keeps us from knowing that all networks were asked the same."""
    first, wanted = asked[0]
    for name, labels in asked:
        if labels is None:
            return f"the samples of {name} have no labels"
        if wanted is not None and not np.array_equal(labels, wanted):
            return f"{name} and {first} were asked different things: their labels differ"
    return None


def _spiking(
    entry: SpikingEntry, tables: Sequence[PriceTable], engine: str, progress: Callable[[int], object] | None
) -> Candidate:
    raster = check_raster(entry.program, entry.raster)
    trace = run(entry.program, raster, engine=engine, record=(), progress=progress)
    share = None
    if entry.labels is not None:
        decoder = entry.decoder or ("count" if entry.program.output.fires else "max")
        answers = decide(trace.output.reshape(*trace.output.shape[:2], -1), decoder)
        share = Share(int((answers == entry.labels).sum()), len(entry.labels))
    work = spiking_side(entry.program, trace.counts, raster.shape[1], "skipping", held=is_constant(raster))
    return Candidate("snn", entry.name, share, {t.name: float(price(work, t).total.counted.mean()) for t in tables})


def _conventional(entry: AnnEntry, tables: Sequence[PriceTable]) -> tuple[Candidate, bool]:
    """Return the candidate, and whether every operator of it was counted."""
    census, effective = macs(load(entry.path)), effective_macs(entry.path, entry.samples)
    share = None
    if entry.labels is not None:
        answers = run_ann(entry.path, entry.samples).reshape(len(entry.samples), -1).argmax(axis=1)
        share = Share(int((answers == entry.labels).sum()), len(entry.labels))
    side = AnnSide(str(entry.path), census, effective)
    costs = {
        t.name: float(price(ann_side(side, "skipping", t.value_bits or 8), t).total.counted.mean()) for t in tables
    }
    return Candidate("ann", entry.name, share, costs), census.complete
