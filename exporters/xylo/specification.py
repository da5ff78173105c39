"""A program as a Xylo chip holds it: the arguments of Rockpool's ``config_from_specification``, as arrays.

The last population is the output layer where it has the form of one; all others are hidden neurons, in the order of the
program, and share one recurrent matrix. Each of the three matrices has one shift.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Loss
from exporters.xylo.timing import check_states, starts
from sim.arithmetic.description import Int
from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.program import INPUT, Population, Program
from sim.wiring import as_matrix

__all__ = ["INPUTS", "NEURONS", "OUTPUTS", "Specification", "specify"]

INPUTS, NEURONS, OUTPUTS = 16, 1000, 8
"""What the chip has."""

HIDDEN_SPIKES, OUTPUT_SPIKES = 31, 1
"""The most that a neuron sends in one step."""

HIGHEST = 32767
"""The threshold of a neuron that is not to fire: v reaches it only where it saturates."""


@dataclass(frozen=True, eq=False)
class Specification:
    """The arguments, where each population stands among the neurons, and when it starts."""

    arguments: Mapping[str, NDArray[np.integer]]
    places: Mapping[str, tuple[bool, int]]
    """Whether it is the output layer, and its first neuron there."""
    start: Mapping[str, int]
    losses: tuple[Loss, ...]

    @property
    def steps_more(self) -> int:
        """Return how many steps a run takes beyond those of the sample."""
        return max(self.start.values())


def specify(program: Program) -> Specification:
    """Return the specification of a program, or say what the chip has no place for."""
    require_arithmetic(program.arithmetic, ("xylo",), "a Xylo chip")
    start = starts(program)
    check_states(program, start)
    _check_form(program)
    hidden, out = program.populations[:-1], program.output
    ends = np.cumsum([0, *(p.size for p in hidden)]).tolist()
    first = dict(zip((p.name for p in hidden), ends, strict=False))
    places = {name: (False, place) for name, place in first.items()} | {out.name: (True, 0)}
    weights = _Matrices(program, first, ends[-1])
    registers = {name: np.concatenate([p.registers[name].reshape(-1) for p in hidden]) for name in out.registers}
    own = {name: values.reshape(-1) for name, values in out.registers.items()}
    theta = np.concatenate([_theta(p) for p in hidden])
    arguments: dict[str, Any] = {
        **weights.arguments(),
        "dash_mem": registers["dash_mem"],
        "dash_mem_out": own["dash_mem"],
        "dash_syn": registers["dash_syn"],
        "dash_syn_2": registers["dash_syn2"],
        "dash_syn_out": own["dash_syn"],
        "threshold": theta,
        "threshold_out": _theta(out),
        "bias_hidden": registers["bias"],
        "bias_out": own["bias"],
    }
    losses = [
        Loss("never fires: its threshold is 32767, where a saturated v would", p.name)
        for p in program.populations
        if not p.fires
    ]
    return Specification({k: np.asarray(v) for k, v in arguments.items()}, places, start, tuple(losses))


def _theta(p: Population) -> Int:
    return np.asarray(p.theta.reshape(-1) if p.fires else np.full(p.size, HIGHEST), dtype=np.int64)


def _check_form(program: Program) -> None:
    """Refuse what is not of the chip's form: hidden neurons, then an output layer that reads them alone."""
    out, hidden = program.output, program.populations[:-1]
    size, inputs = sum(p.size for p in hidden), int(np.prod(program.input.shape))
    for have, most, what in (
        (inputs, INPUTS, "inputs"),
        (size, NEURONS, "hidden neurons"),
        (out.size, OUTPUTS, "outputs"),
    ):
        if have > most:
            raise UnsupportedError(f"program: {have} {what}, a Xylo chip has {most}", "make the network smaller")
    if not hidden:
        raise UnsupportedError(
            "program: one population, a Xylo chip needs hidden neurons before its outputs", "add a layer"
        )
    for p in program.populations:
        where, most = f"population {p.name!r}", OUTPUT_SPIKES if p is out else HIDDEN_SPIKES
        if p.fires and p.properties["most"] != most:
            kind = "an output" if p is out else "a hidden neuron"
            raise UnsupportedError(
                f"{where}: most {p.properties['most']}, {kind} of a Xylo chip sends up to {most}",
                f"give it most={most}",
            )
        heard = [(c.source, c.port) for c in p.inputs]
        if len(set(heard)) < len(heard):
            raise UnsupportedError(f"{where}: hears one source twice at one port", "add the weights up")
        if any(source == out.name for source, _ in heard):
            raise UnsupportedError(
                f"{where}: hears the output layer, which only leads out of a Xylo chip", "add a layer behind it"
            )
    if any(c.source == INPUT or c.port for c in out.inputs):
        raise UnsupportedError(
            f"population {out.name!r}: an output neuron hears hidden neurons at one current alone", "add a hidden layer"
        )


class _Matrices:
    """The three matrices, each (source, target, port), and their shifts."""

    def __init__(self, program: Program, first: Mapping[str, int], hidden: int) -> None:
        out = program.output
        self.held = {
            "in": np.zeros((int(np.prod(program.input.shape)), hidden, 2), dtype=np.int64),
            "rec": np.zeros((hidden, hidden, 2), dtype=np.int64),
            "out": np.zeros((hidden, out.size, 1), dtype=np.int64),
        }
        for p in program.populations:
            for c in p.inputs:
                kind = "out" if p is out else "in" if c.source == INPUT else "rec"
                matrix = as_matrix(c.wiring, program.shape_of(c.source), p.shape) << c.exponent
                row, column = first.get(c.source, 0), first.get(p.name, 0)
                self.held[kind][row : row + matrix.shape[0], column : column + p.size, c.port] = matrix

    def arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, weights in self.held.items():
            shift = _shift(weights, kind)
            found[f"weights_{kind}"] = (weights >> shift).astype(np.int8)
            found[f"weight_shift_{kind}"] = np.int64(shift)
        found["weights_out"] = found["weights_out"][:, :, 0]
        return found


def _shift(weights: Int, kind: str) -> int:
    """Return the one shift with which 8 bits hold a matrix."""
    for shift in range(9):
        kept = weights >> shift
        if kept.min(initial=0) >= -128 and kept.max(initial=0) <= 127 and ((kept << shift) == weights).all():
            return shift
    names = {"in": "input", "rec": "recurrent", "out": "output"}
    what = f"program: no shift brings all {names[kind]} weights to 8 bits"
    raise UnsupportedError(what, "give the connections of one matrix weights of one exponent")
