"""How far every state gets: what the certificate proves for every input, and what was seen in the samples drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arithmetic.description import Arithmetic
from snn2hw.page.material import Material
from snn2hw.page.wording import listed, plural

__all__ = ["Reach", "clips_said", "reaches"]


@dataclass(frozen=True)
class Reach:
    """How much of its register a state of a layer reaches at most."""

    layer: str
    state: str
    share: float
    """Of the magnitude that the register ends at; of a bound that leaves out the end, perhaps more than 1."""
    proven: bool
    """For every input that the certificate covers; else seen in the samples drawn."""
    loses: bool
    """Whether a value beyond the end would be wrong: a sum out of the accumulator, a state that wraps."""

    @property
    def may_clip(self) -> bool:
        """Whether no bound below the end was found for a state that is held there."""
        return self.proven and not self.loses and self.share > 1


def reaches(material: Material) -> Iterator[Reach]:
    """Yield what is proven and what was seen of every state, layer by layer."""
    arithmetic = material.program.described
    proven: Mapping[str, Any] = (material.attachments.get("certificate") or {}).get("bounds", {})
    for p in material.program.populations:
        layer = material.layer(p.name)
        for state, limit in _limits(arithmetic):
            loses = state == "a" or any(s.name == state and s.overflow == "wraps" for s in arithmetic.states)
            if p.name in proven and state in proven[p.name]:
                share = max(map(abs, proven[p.name][state])) / limit
                yield Reach(layer, state, share, proven=True, loses=loses)
            found = [seen.registers[state][p.name] for seen in material.seen if state in seen.registers]
            if found:
                reached = max(int(np.abs(values.astype(np.int64)).max()) for values in found)
                yield Reach(layer, state, reached / limit, proven=False, loses=loses)


def _limits(arithmetic: Arithmetic) -> Iterator[tuple[str, int]]:
    """Yield everything that a register or the accumulator bounds, with the magnitude that it ends at."""
    if arithmetic.accumulator.limit is not None:
        yield "a", arithmetic.accumulator.limit
    for state in arithmetic.states:
        yield state.name, max(map(abs, arithmetic.limits_of(state)))


def clips_said(material: Material) -> str:
    """Say whether a state may be held at the end of its register, which is no overflow, and how often one was."""
    clipping = [s.name for s in material.program.described.states if s.overflow == "clips"]
    if not clipping:
        return ""
    where: dict[str, list[str]] = {}
    for reach in reaches(material):
        if reach.may_clip:
            where.setdefault(reach.state, []).append(reach.layer)
    if not where:
        verb = "is" if len(clipping) == 1 else "are"
        return f"Nothing clips either: {listed(clipping)} {verb} proven to stay within the register."
    observed = material.observed
    times = "" if observed is None else _times(sum(observed.clips.values()), observed.samples)
    states = "; ".join(f"{state} of {listed(layers)}" for state, layers in where.items())
    return (
        f"What may happen is a clip: no bound below the end of the register was found for {states}. There a state is "
        f"held at the end, by the chip as by every executor.{times}"
    )


def _times(clips: int, samples: int) -> str:
    over = plural(samples, "sample")
    return f" In the {over} run here it did {plural(clips, 'time')}." if clips else f" In the {over} run here none did."
