"""Where two traces of one program part: the first differing value, in the order in which the machine computes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int
from sim.errors import InputError
from sim.order import step_order
from sim.program import Program
from sim.trace import Counts

__all__ = [
    "Divergence",
    "Recorded",
    "compared_values",
    "count_difference",
    "first_divergence",
    "flat_counts",
    "flat_difference",
    "recorded_of",
]

COUNTED = ("events", "synops_by_connection", "spikes", "updates", "active", "wraps", "clips", "messages")
"""The fields of Counts that are compared; the others follow from them."""

Values = Mapping[str, NDArray[np.integer]]


class Recorded(Protocol):
    """Anything that recorded a run: an engine's Trace, or what came back from another executor.

    States of other names than u and v stand in a mapping ``others`` by their names, where there are any.
    """

    @property
    def digest(self) -> str:
        """Return the digest of the program that ran."""

    @property
    def spikes(self) -> Mapping[str, NDArray[np.uint8]]:
        """Return the spikes by population, (B, T, *shape)."""

    @property
    def u(self) -> Mapping[str, NDArray[np.int32]]:
        """Return u after the update."""

    @property
    def v(self) -> Mapping[str, NDArray[np.int32]]:
        """Return v after the reset."""


def recorded_of(run: Recorded) -> dict[str, Values]:
    """Return all that was recorded: the spikes, and states by their names."""
    others: Mapping[str, Values] = getattr(run, "others", {})
    return {"spikes": run.spikes, "u": run.u, "v": run.v, **others}


@dataclass(frozen=True)
class Divergence:
    """The first value that differs."""

    population: str
    neuron: tuple[int, ...]
    step: int
    sample: int
    register: str
    expected: int
    got: int

    def __str__(self) -> str:
        """Say it in one line."""
        place = f"population {self.population!r}, neuron {self.neuron}, step {self.step}, sample {self.sample}"
        return f"{place}: {self.register} is {self.got}, expected {self.expected}"


def first_divergence(program: Program, expected: Recorded, got: Recorded) -> Divergence | None:
    """Return the earliest difference: first by step, then in the order of computation; None where all values agree.

    Both must have recorded the same registers of the same populations: a register that one side lacks is an error.
    """
    if expected.digest != got.digest:
        raise InputError(
            f"traces of different programs: {expected.digest[:12]} and {got.digest[:12]}", "run one program"
        )
    found: Divergence | None = None
    sides = recorded_of(expected), recorded_of(got)
    for population in step_order(program.populations):
        for register in _order(program):
            left, right = (side.get(register, {}).get(population.name) for side in sides)
            if left is None and right is None:
                continue
            if left is None or right is None or left.shape != right.shape:
                what = f"population {population.name!r}: {register} was not recorded alike on both sides"
                raise InputError(what, "record the same registers for the same input")
            found = _earlier(found, _first(population.name, register, left, right))
    return found


def _first(name: str, register: str, left: NDArray[np.integer], right: NDArray[np.integer]) -> Divergence | None:
    differs = left != right
    if not differs.any():
        return None
    steps = differs.any(axis=tuple(i for i in range(differs.ndim) if i != 1))
    step = int(steps.argmax())
    sample, *neuron = (int(i[0]) for i in np.nonzero(differs[:, step]))
    place = (sample, step, *neuron)
    return Divergence(
        population=name,
        neuron=tuple(neuron),
        step=step,
        sample=sample,
        register=register,
        expected=int(left[place]),
        got=int(right[place]),
    )


def _earlier(first: Divergence | None, second: Divergence | None) -> Divergence | None:
    if first is None or second is None:
        return first or second
    return first if first.step <= second.step else second


def compared_values(program: Program, trace: Recorded) -> int:
    """Return how many recorded values of the program's populations an equality over this trace covers."""
    recorded = recorded_of(trace)
    found = (recorded.get(register, {}).get(p.name) for p in program.populations for register in _order(program))
    return sum(values.size for values in found if values is not None)


def _order(program: Program) -> tuple[str, ...]:
    """Return what may be recorded, in the order in which a step computes it."""
    return (*(state.name for state in program.described.states), "spikes")


def flat_counts(counts: Counts) -> dict[str, Int]:
    """Return what was counted as ``FIELD.POPULATION`` arrays; memory accesses follow from these."""
    return {f"{field}.{name}": values for field in COUNTED for name, values in getattr(counts, field).items()}


def count_difference(expected: Counts, got: Counts) -> str | None:
    """Return where two Counts differ first; None if they are equal."""
    return flat_difference(flat_counts(expected), flat_counts(got))


def flat_difference(expected: Mapping[str, Int], got: Mapping[str, Int], first_sample: int = 0) -> str | None:
    """Return where two `flat_counts` differ first, samples numbered from ``first_sample``; None if they are equal."""
    for key in [*expected, *(key for key in got if key not in expected)]:
        field, _, population = key.partition(".")
        where = f"population {population!r}: {field}"
        if key not in expected or key not in got or expected[key].shape != got[key].shape:
            return f"{where} were not counted alike on both sides"
        differs = np.argwhere(expected[key] != got[key])
        if differs.size:
            sample = int(differs[0][-1])
            pair = f"{got[key][..., sample].tolist()}, expected {expected[key][..., sample].tolist()}"
            return f"{where} of sample {sample + first_sample} are {pair}"
    return None
