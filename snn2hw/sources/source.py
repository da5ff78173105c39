"""What a network means before it is integers: a NIR graph, and everything that NIR leaves open.

NIR is a set of differential equations. It names no time step, no integration scheme, no reset rule and no order of
events inside a step, so the same file gives different spikes in different frameworks. A ``Source`` says them all. Its
meaning is `snn2hw.network.float_reference`; the rows of ``Semantics`` of the frameworks stand in
`snn2hw.sources.from_nir.dialects`.

The graph of a Source is flat and typed (`snn2hw.sources.graph.assemble` makes it so): one Input, one Output, the
sixteen NIR primitives, shapes without a batch axis on every node, neuron parameters of full shape. In it

| wanted | is said by |
|---|---|
| addition (residual, skip) | several edges into one node: their messages are summed |
| recurrence | an edge back: a cycle without a Delay of a step or more reads its neuron's messages of the step before |
| delay of k steps | ``nir.Delay`` of ``k * dt`` seconds |
| max pooling of 0/1 spikes | ``SumPool2d``, then ``Threshold(0.5)`` |
| v before step 0, per neuron | node metadata ``v0``; without it v_leak, for IF v_reset, for I 0 |
| another reset than the Source's for one neuron | node metadata ``reset`` (a `Reset`), ``reset_at`` (a `ResetAt`) |
| no synaptic filter | ``LIF`` or ``LI`` instead of ``CubaLIF`` or ``CubaLI`` |
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast, get_args

from sim.errors import InputError
from sim.summary import Shown, Summary, shape_text
from snn2hw.sources.graph import require_typed, shape_out
from snn2hw.sources.semantics import NORSE, Reset, ResetAt, Scheme, Semantics

if TYPE_CHECKING:
    import nir

__all__ = ["Source", "require_source", "reset_at_of", "reset_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Source(Shown):
    """A float network with its complete meaning.

    Args:
        graph: flat and typed; see the table above.
        dt: seconds per step; there is no default.
        scheme: Euler or exponential.
        reset: to ``v_reset`` ("value") or by subtraction of the threshold, or none; a node's metadata may differ.
        origin: where it comes from, for messages and records: "norse: SCNN", "nir: net.nir (snntorch)".
        semantics: the order of events inside a step.
        notes: what was repaired or assumed while reading, in words for the user.
    """

    graph: "nir.NIRGraph"
    dt: float
    scheme: Scheme
    reset: Reset
    origin: str
    semantics: Semantics = field(default=NORSE)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", float(self.dt))
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise InputError(f"{self.origin}: dt is {self.dt}", "give the step in seconds, for example dt=1e-3")
        if self.scheme not in ("euler", "exponential"):
            raise InputError(f"{self.origin}: scheme {self.scheme!r}", 'use "euler" or "exponential"')
        if self.reset not in get_args(Reset):
            raise InputError(f"{self.origin}: reset {self.reset!r}", 'use "value" (to v_reset), "subtract" or "none"')
        require_typed(self.graph, self.origin)

    @property
    def nodes(self) -> "Mapping[str, nir.NIRNode]":
        """Return the nodes by name."""
        nodes: Mapping[str, nir.NIRNode] = self.graph.nodes
        return nodes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return the shape of one step of one sample at the input."""
        (node,) = self.graph.inputs.values()
        return shape_out(node)

    def _summary(self) -> Summary:
        read_by: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.graph.edges:
            read_by[target].append(source)
        return Summary(
            title=f"Source {self.origin}",
            facts=[
                f"dt {self.dt:g} s, {self.scheme}, reset {self.reset}, as {self.semantics.name}, "
                f"input {shape_text(self.input_shape)}",
                *(f"note: {note}" for note in self.notes[:4]),
                *([f"and {len(self.notes) - 4} more notes"] if len(self.notes) > 4 else []),
            ],
            header=("node", "kind", "shape", "reads"),
            rows=[
                (name, type(node).__name__, shape_text(shape_out(node)), ", ".join(read_by[name]))
                for name, node in self.nodes.items()
            ],
        )


def reset_of(node: "nir.NIRNode", source: Source) -> Reset:
    """Return the reset rule of one neuron: its metadata's, else the Source's."""
    return cast("Reset", node.metadata.get("reset", source.reset))


def reset_at_of(node: "nir.NIRNode", source: Source) -> ResetAt:
    """Return when spikes of one neuron reset it: its metadata's word, else the Source's."""
    return cast("ResetAt", node.metadata.get("reset_at", source.semantics.reset_at))


def require_source(given: object) -> None:
    """Refuse anything but a Source where one is wanted: a Norse module is one step away, so say which."""
    if not isinstance(given, Source):
        fix = "give a Source: from_norse(module, input_shape), from_nir(file, dt=...) or convert(...).source"
        raise InputError(f"a {type(given).__name__} is no Source", fix)
