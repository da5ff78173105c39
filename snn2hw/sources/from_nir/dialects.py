"""What each framework means by the NIR that it writes.

A NIR file says neither dt nor scheme nor reset nor the order of events, and frameworks differ in all of them. A
`Dialect` supplies what the file cannot say, and rewrites what the framework writes but does not use (its r, its w_in,
its unit of time), so that the graph then means, under `Semantics`, what the framework computes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.cures import one_of
from sim.errors import InputError
from sim.plugins import Group, load_added, named
from snn2hw.sources.from_nir import dialect_rules as rules
from snn2hw.sources.semantics import NORSE, Reset, Scheme, Semantics

if TYPE_CHECKING:
    import nir

__all__ = ["DIALECTS", "Dialect", "dialect_names", "dialect_of"]


@dataclass(frozen=True)
class Dialect:
    """One framework's reading of NIR.

    ``adapt(graph, dt, scheme, reset)`` rewrites a graph in place and returns notes; ``written_dt(graph)`` is the dt
    that the file betrays, None where it does not. ``dt`` is a step that is fixed in the framework's exporter.
    """

    name: str
    summary: str
    scheme: Scheme
    reset: Reset
    semantics: Semantics
    dt: float | None = None
    adapt: Callable[["nir.NIRGraph", float, Scheme, Reset], list[str]] = rules.nothing
    written_dt: Callable[["nir.NIRGraph"], float | None] = rules.unknown


_SNNTORCH = Semantics(name="snntorch", reset_at="after_decay")
_SINABS = Semantics(name="sinabs", fires_at=">=", spikes_per_step="many")

_SINABS_ROW = Dialect(
    name="sinabs",
    summary=(
        "tau in steps, exp(-1 / tau), >=, floor(v / v_threshold) spikes a step, subtracted; LIF with norm_input=True"
    ),
    scheme="exponential",
    reset="subtract",
    semantics=_SINABS,
    dt=1.0,
    adapt=rules.sinabs,
)

_ROWS = (
    Dialect(
        name="nir",
        summary="the equations themselves: Euler, strict >, v = v_reset",
        scheme="euler",
        reset="value",
        semantics=Semantics(),
    ),
    Dialect(
        name="norse",
        summary=(
            "Euler, strict >, v = v_reset; w_in = 1, r = 1 of an IF and dt * tau as Norse writes them are corrected"
        ),
        scheme="euler",
        reset="value",
        semantics=NORSE,
        adapt=rules.norse,
    ),
    Dialect(
        name="snntorch",
        summary=(
            "dt = 1e-4, Euler, strict >; the reset comes one step later, after decay and input (a reset to"
            " zero of a neuron with synapse or recurrent weights loses that step's input)"
        ),
        scheme="euler",
        reset="subtract",
        semantics=_SNNTORCH,
        dt=1e-4,
        adapt=rules.snntorch,
    ),
    Dialect(
        name="snntorch-reset-now",
        summary="snnTorch with reset_delay=False: as above, but reset in the step of the spike",
        scheme="euler",
        reset="subtract",
        semantics=Semantics(name="snntorch-reset-now", residue="tested_twice"),
        dt=1e-4,
        adapt=rules.snntorch_now,
    ),
    Dialect(
        name="spikingjelly",
        summary="Euler, >=, v = v_reset, v starts at v_reset",
        scheme="euler",
        reset="value",
        semantics=Semantics(name="spikingjelly", fires_at=">="),
        adapt=rules.spikingjelly,
        written_dt=rules.spikingjelly_dt,
    ),
    _SINABS_ROW,
    Dialect(
        name="sinabs-unnormalised",
        summary="as sinabs, LIF with norm_input=False",
        scheme="exponential",
        reset="subtract",
        semantics=Semantics(name="sinabs-unnormalised", fires_at=">=", spikes_per_step="many"),
        dt=1.0,
        adapt=rules.sinabs_unnormalised,
    ),
    replace(
        _SINABS_ROW,
        name="sinabs-single-spike",
        summary="as sinabs, with spike_fn=SingleSpike: one spike a step, however far v is above its threshold",
        semantics=replace(_SINABS, name="sinabs-single-spike", spikes_per_step="one"),
    ),
    Dialect(
        name="rockpool",
        summary=(
            "exp(-dt / tau), i = (i + x) decayed, r and w_in unused, >=, floor(v / v_threshold) spikes a"
            " step, subtracted"
        ),
        scheme="exponential",
        reset="subtract",
        semantics=Semantics(name="rockpool", fires_at=">=", spikes_per_step="many"),
        adapt=rules.rockpool,
        written_dt=rules.rockpool_dt,
    ),
    Dialect(
        name="spyx",
        summary=(
            "Euler, r and w_in not used, strict >, spikes read before the step's input, subtracted in the next step"
        ),
        scheme="euler",
        reset="subtract",
        semantics=Semantics(name="spyx", spike_read="before_input", reset_at="after_decay"),
        adapt=rules.spyx,
        written_dt=rules.spyx_dt,
    ),
    Dialect(
        name="lava-dl",
        summary="Euler, strict > (SLAYER's >= on a threshold raised by a hundredth of its grid), v = 0",
        scheme="euler",
        reset="value",
        semantics=Semantics(name="lava-dl"),
        adapt=rules.lava_dl,
    ),
)

DIALECTS: Mapping[str, Dialect] = {row.name: row for row in _ROWS}
"""Ours by name."""

GROUP: Group = "snn2hw.dialects"


def dialect_of(name: str) -> Dialect:
    """Return a dialect by its name, or say which there are."""
    if name in DIALECTS:
        return DIALECTS[name]
    if name not in dialect_names():
        raise InputError(f"there is no dialect {name!r}", f"use {one_of(name, dialect_names())}")
    found: Dialect = load_added(GROUP, name)
    return found


def dialect_names() -> tuple[str, ...]:
    """Return every dialect: ours, and those that installed packages add."""
    return named(GROUP, DIALECTS)
