"""A program, a chip and a placer make a Placement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from sim.arithmetic.registry import require_arithmetic
from sim.cures import one_of
from sim.errors import InputError, UnsupportedError
from sim.layer_names import layer_names
from sim.program import Population, Program, require_program
from snn2hw.chips.target import Target, get_target
from snn2hw.placement.bound import least_cores
from snn2hw.placement.cutting import Reach, cut, limits_of, reach_of, sent
from snn2hw.placement.mesh import Mesh, hop_weighted, mesh_of
from snn2hw.placement.packing import Cores, core_needs, first_fit, next_fit
from snn2hw.placement.placement import Latency, PlacedCore, Placement
from snn2hw.placement.positions import Positions, anneal, greedy_positions, in_order
from snn2hw.placement.slices import Slice, slice_of, whole
from snn2hw.placement.timing import STEP_TIMES
from snn2hw.placement.traffic import Activity, Flow, by_bound, by_run, flow_between, synops_of

__all__ = ["PLACERS", "place"]


@dataclass(frozen=True, eq=False)
class _Task:
    program: Program
    target: Target
    slices: list[Slice]
    activity: Activity


@dataclass(frozen=True, eq=False)
class _Laid:
    """Cores with their places, and the traffic that follows."""

    cores: Cores
    flow: Flow
    mesh: Mesh
    position: Positions
    hops: int


def place(
    program: Program, target: Target | str, *, raster: ArrayLike | None = None, placer: str = "annealed", seed: int = 0
) -> Placement:
    """Put every neuron of ``program`` into a core of ``target``.

    ``raster`` is run for the messages that neurons send; without it every neuron is taken to send in every step.
    """
    require_program(program)
    chip = get_target(target)
    if chip.blocks is not None:
        what = f"target {chip.name}: has blocks, no cores of which neurons could choose one"
        raise UnsupportedError(what, "use snn2hw.placement.blocks.place_blocks, or `snn2hw place`")
    require_arithmetic(program.arithmetic, ("loihi",), "place")
    if placer not in PLACERS:
        raise InputError(f"placer {placer!r} is unknown", f"use {one_of(placer, PLACERS)}")
    if not limits_of(chip):
        fix = "name a chip whose file has a table [core], such as loihi1"
        raise UnsupportedError(f"target {chip.name}: states no limit of a core, so there is nothing to place by", fix)
    activity = by_bound(program) if raster is None else by_run(program, raster)
    task = _Task(program, chip, cut(program, chip), activity)
    laid = PLACERS[placer](task, seed)
    return _placement(task, laid, placer)


def _lay(task: _Task, cores: Cores) -> _Laid:
    mesh = mesh_of(len(cores), task.target.cores)
    flow = flow_between(task.program, cores, task.activity)
    position = in_order(len(cores))
    return _Laid(cores, flow, mesh, position, hops=hop_weighted(flow, position, mesh))


def _at(laid: _Laid, position: Positions) -> _Laid:
    return _Laid(laid.cores, laid.flow, laid.mesh, position, hops=hop_weighted(laid.flow, position, laid.mesh))


def _better(laid: list[_Laid]) -> _Laid:
    """Return the one of fewest hops among those that need no more cores than the first."""
    return min((x for x in laid if len(x.cores) <= len(laid[0].cores)), key=lambda x: x.hops)


def _in_order(task: _Task, seed: int) -> _Laid:
    return _lay(task, next_fit(task.program, task.slices, task.target))


def _greedy(task: _Task, seed: int) -> _Laid:
    ordered = _in_order(task, seed)
    fitted = _lay(task, first_fit(task.program, task.slices, task.target, task.activity))
    moved = [_at(x, greedy_positions(x.flow, len(x.cores), x.mesh)) for x in (ordered, fitted)]
    return _better([ordered, fitted, *moved])


def _annealed(task: _Task, seed: int) -> _Laid:
    start = _greedy(task, seed)
    return _at(start, anneal(start.flow, start.position, start.mesh, seed=seed))


PLACERS: Mapping[str, Callable[[_Task, int], _Laid]] = {
    "in_order": _in_order,
    "greedy": _greedy,
    "annealed": _annealed,
}
"""By name: in the program's order; by traffic, never worse than in order; that, annealed."""


def _placement(task: _Task, laid: _Laid, placer: str) -> Placement:
    reach, limits = reach_of(task.program, laid.cores), limits_of(task.target)
    cores = []
    for index, slices in enumerate(laid.cores):
        needs = core_needs(slices, reach)
        cores.append(
            PlacedCore(
                place=int(laid.position[index]),
                slices=slices,
                needs=needs,
                use={name: needs[name] / limit for name, limit in limits.items()},
                synops=synops_of(slices, task.activity) / task.activity.steps,
            )
        )
    return Placement(
        digest=task.program.digest,
        target=task.target.name,
        placer=placer,
        mesh=laid.mesh,
        cores=tuple(cores),
        least=least_cores(task.program, task.target),
        flow=laid.flow,
        hops=laid.hops,
        steps=task.activity.steps,
        basis=task.activity.basis,
        latency=_latency(task.target, cores),
        limits=limits,
        layers=layer_names(task.program),
        exceeds={p.name: _exceeds(task, p, reach, limits) for p in task.program.populations},
    )


def _exceeds(task: _Task, population: Population, reach: Reach, limits: Mapping[str, int]) -> dict[str, float]:
    """Return what the whole of a population takes more of than one core has; its axons out are those it takes now."""
    whole_of = slice_of(task.program, population, whole(population), task.target.core.neurons)
    needs = {**whole_of.needs, "axons_out": sent(reach, whole_of)}
    return {name: needs[name] / limit for name, limit in limits.items() if needs[name] > limit}


def _latency(target: Target, cores: list[PlacedCore]) -> Latency:
    """Return the time of the slowest core at its mean activity, and the barrier: the mean step takes no less."""
    times = STEP_TIMES.get(target.name)
    if times is None:
        return Latency(None, f"no time of an operation of {target.name} is published")
    slowest = max(times.synop_ns * core.synops + times.update_ns * core.needs["neurons"] for core in cores)
    return Latency((slowest + times.barrier_ns) * 1e-9, f"the slowest core and the barrier; {times.source}")
