"""Random programs and rasters: one description of the space, drawn by whoever makes the choices.

    program = random_program(numpy.random.default_rng(7))      raster = random_raster(rng, program)

Here NumPy chooses, fast and by seed; the tests have Hypothesis choose, which shrinks what fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT
from sim.errors import ProgramError
from sim.program import INPUT, Connection, Conv, Dense, Input, Population, Program, Reset
from sim.wiring import output_shape

__all__ = [
    "EVERYTHING",
    "SMALL",
    "ByNumpy",
    "Chooser",
    "Space",
    "draw_program",
    "draw_raster",
    "random_program",
    "random_raster",
]

T = TypeVar("T")
Array = NDArray[Any]
Shape = tuple[int, ...]
Linked = list[tuple[str, Conv | Dense, int]]


class Chooser(Protocol):
    """Where random choices come from."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer in low..high."""

    def pick(self, options: Sequence[T]) -> T:
        """Return one of several."""


@dataclass
class ByNumpy:
    """Choices by a random generator."""

    rng: np.random.Generator

    def integer(self, low: int, high: int) -> int:
        """Return an integer in low..high."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of several."""
        return options[self.integer(0, len(options) - 1)]


@dataclass(frozen=True)
class Space:
    """Which programs may be drawn: switch off what an executor cannot say."""

    conv: bool = True
    graded: bool = True
    lags: bool = True
    recurrence: bool = True
    feedback: bool = True  # from a deeper population back to an earlier one
    skips: bool = True
    subtract: bool = True
    unreset: bool = True
    many: bool = True  # spikes in one message
    at_threshold: bool = True
    refractory: bool = True
    per_neuron: bool = True
    initial: bool = True
    readouts: bool = True
    pooling: bool = True
    exponents: bool = True
    wide: bool = True  # sides and group counts above 127
    most_populations: int = 4
    weight_limit: int = 32767
    few: bool = False  # neurons and steps: programs by the hundred thousand

    def without(self, *properties: str) -> "Space":
        """Return the space without programs that have any of these."""
        return replace(self, **dict.fromkeys(properties, False))


EVERYTHING = Space()
SMALL = Space(wide=False, most_populations=2, few=True)
"""Every property, on few neurons."""


def _array(choose: Chooser, low: int, high: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(choose.integer(0, 2**32 - 1)).integers(low, high + 1, shape)


def _weights(choose: Chooser, shape: tuple[int, ...], space: Space) -> Array:
    limit = min(choose.pick([1, 7, 30, 127, 255, 4000, 32767]), space.weight_limit)
    sign = choose.pick(["mixed", "mixed", "positive", "negative"])
    low, high = {"mixed": (-limit, limit), "positive": (0, limit), "negative": (-limit, 0)}[sign]
    weights = _array(choose, low, high, shape)
    if choose.integer(0, 2) == 0:
        weights = weights * (_array(choose, 0, 3, shape) == 0)  # sparse: zero weights are no synapses
    if choose.integer(0, 3) == 0:
        weights.reshape(-1)[choose.integer(0, weights.size - 1)] = choose.pick([low, high])
    return weights


def _register(choose: Chooser, space: Space, shape: tuple[int, ...], low: int, high: int, edges: list[int]) -> Any:
    kind = choose.pick(["edge", "scalar", "scalar", "per neuron"] if space.per_neuron else ["edge", "scalar"])
    if kind == "edge":
        return choose.pick(edges)
    return choose.integer(low, high) if kind == "scalar" else _array(choose, low, high, shape)


def _input(choose: Chooser, space: Space) -> Input:
    if space.wide and choose.integer(0, 11) == 0:
        shape: tuple[int, ...] = choose.pick([(1, 1, 140), (2, 131, 2), (130, 1, 3)])
    else:
        flat = not space.conv or choose.integer(0, 3) == 0
        channels, heights, widths = ((1, 2), [1, 2, 3, 4], (2, 4)) if space.few else ((1, 4), [1, 3, 5, 6, 8], (3, 8))
        shape = (
            (choose.integer(1, 9),)
            if flat
            else (choose.integer(*channels), choose.pick(heights), choose.integer(*widths))
        )
    low, high = choose.pick([(0, 1)] * 4 + [(-1, 1), (-8, 7), (0, 255)]) if space.graded else (0, 1)
    return Input(shape, low, high)


def _conv(choose: Chooser, source: tuple[int, ...], outs: int, space: Space) -> Conv:
    channels = source[0]
    groups = choose.pick([g for g in range(1, channels + 1) if channels % g == 0])
    kernel = tuple(choose.integer(1, min(3, side)) for side in source[1:])
    return Conv(
        _weights(choose, (groups * max(1, outs // groups), channels // groups, *kernel), space),
        stride=(choose.integer(1, 3), choose.integer(1, 2)),
        padding=(choose.integer(0, 2), choose.integer(0, 2)),
        dilation=(choose.integer(1, 2), choose.integer(1, 2)),
        groups=groups,
    )


def _first_wiring(choose: Chooser, source: tuple[int, ...], space: Space) -> tuple[Conv | Dense, tuple[int, ...]]:
    if len(source) == 3 and space.conv and choose.integer(0, 3) > 0:
        for _ in range(5):
            conv = _conv(choose, source, choose.integer(1, 3 if space.few else 6), space)
            try:
                return conv, output_shape(conv, source, ())
            except ProgramError:
                continue  # the kernel did not fit: draw another
    target = (choose.integer(1, 10),) if choose.integer(0, 2) else (choose.integer(1, 3), 2, choose.integer(1, 3))
    return Dense(_weights(choose, (int(np.prod(target)), int(np.prod(source))), space)), target


def _wiring_to(choose: Chooser, source: tuple[int, ...], target: tuple[int, ...], space: Space) -> Conv | Dense:
    """Draw a wiring between two given shapes: a convolution that keeps the sides where there is one, else a Dense."""
    if space.conv and len(source) == 3 and source[1:] == target[1:] and choose.integer(0, 1):
        return Conv(_weights(choose, (target[0], source[0], 3, 3), space), padding=(1, 1))
    return Dense(_weights(choose, (int(np.prod(target)), int(np.prod(source))), space))


def _exponent(choose: Chooser, space: Space, conv: Conv | Dense, message: int, share: int) -> int | None:
    """Draw an exponent with which the worst sum of this connection stays within its share of the accumulator."""
    worst = message * int(np.abs(conv.weight.astype(np.int64)).reshape(len(conv.weight), -1).sum(axis=1).max())
    exponent = choose.pick([0, 0, 0, 1, 3, 7, -1, -4, -8]) if space.exponents else 0
    while worst and (worst << exponent if exponent > 0 else worst >> -exponent) >= (A_LIMIT - 1) // share:
        exponent -= 1
        if exponent < (-8 if space.exponents else 0):
            return None
    return exponent


def _pooling(choose: Chooser, source: tuple[int, ...], name: str, reads: str) -> Population | None:
    if source[1] < 2 or source[2] < 2:
        return None
    ones = np.ones((source[0], 1, 2, 2), dtype=np.int8)
    wiring = Conv(ones, stride=(2, 2), groups=source[0])
    shape = output_shape(wiring, source, ())
    return Population(name, shape, (Connection(reads, wiring),), vth=0, du=4095, dv=4095)


def _population(
    choose: Chooser, space: Space, name: str, shape: Any, inputs: Any, *, most: int, last: bool
) -> Population:
    loud = choose.pick([3, 60, 3000])
    least = int(most > 1)
    resets: list[Reset] = ["zero", "zero"]
    if space.subtract:
        resets.append("subtract")
    if space.unreset and choose.integer(0, 2) == 0:
        resets.append("none")
    return Population(
        name,
        shape,
        inputs,
        vth=_register(choose, space, shape, least, loud, [least, 1, 131071]),
        du=_register(choose, space, shape, 0, 4095, [0, 1, 4094, 4095, 4095, 4095]),
        dv=_register(choose, space, shape, 0, 4095, [0, 1, 410, 4095]),
        bias_mantissa=_register(choose, space, shape, -200, 200, [0, 0, 0, -4096, 4095]),
        bias_exponent=_register(choose, space, shape, 0, 3, [0, 0, 7]),
        u0=_register(choose, space, shape, -5000, 5000, [0, 0, 2**23, -(2**23) + 1]) if space.initial else 0,
        v0=_register(choose, space, shape, -5000, 5000, [0, 0, 2**23 - 1, -(2**23) + 1]) if space.initial else 0,
        reset=choose.pick(resets),
        most=most,
        at_threshold=bool(space.at_threshold and choose.integer(0, 3) == 0),
        refractory=choose.pick([0, 0, 0, 1, 2, 62]) if space.refractory else 0,
        fires=not (last and space.readouts and choose.integer(0, 2) == 0),
    )


def draw_program(choose: Chooser, space: Space = EVERYTHING) -> Program:
    """Draw one legal program whose accumulators cannot overflow."""
    described = _input(choose, space)
    shapes: dict[str, tuple[int, ...]] = {INPUT: described.shape}
    most = {INPUT: max(-described.lo, described.hi)}
    names = [f"p{i}" for i in range(choose.integer(1, space.most_populations))]
    populations: list[Population] = []
    for position, name in enumerate(names):
        previous = names[position - 1] if position else INPUT
        pool = None
        if space.pooling and position and len(shapes[previous]) == 3 and choose.integer(0, 3) == 0:
            pool = _pooling(choose, shapes[previous], name, previous)
        built = pool or _draw_layer(choose, space, shapes, most, name, previous, last=name == names[-1])
        shapes[name], most[name] = built.shape, built.properties["most"]
        populations.append(built)
    if space.feedback and space.lags and len(populations) > 1 and choose.integer(0, 3) == 0:
        _add_feedback(choose, space, populations)
    return Program(described, tuple(populations), record={"origin": "drawn at random"})


def _add_feedback(choose: Chooser, space: Space, populations: list[Population]) -> None:
    """Let an earlier population read a later one, with enough lag for a hardware schedule or with one step only."""
    early = choose.integer(0, len(populations) - 2)
    late = choose.integer(early + 1, len(populations) - 1)
    target, source = populations[early], populations[late]
    if target.vth.max() == 0 and target.dv.min() == 4095:
        return  # an OR neuron reads its pool only
    way = _wiring_to(choose, source.shape, target.shape, space)
    exponent = _exponent(choose, space, way, int(source.properties["most"]), 3)
    if exponent is not None:
        lag = choose.pick([1, late - early + 1, late - early + 2])
        populations[early] = replace(target, inputs=(*target.inputs, Connection(source.name, way, exponent, lag)))


def _draw_layer(
    choose: Chooser, space: Space, shapes: Any, most: dict[str, Any], name: str, previous: str, last: bool
) -> Population:
    wiring, shape = _first_wiring(choose, shapes[previous], space)
    planned: list[tuple[str, Conv | Dense, int]] = [(previous, wiring, choose.pick([0, 0, 1, 3]) if space.lags else 0)]
    if space.skips and choose.integer(0, 2) == 0:
        source = choose.pick(list(shapes))
        lag = choose.integer(0, 2) if space.lags else 0
        planned.append((source, _wiring_to(choose, shapes[source], shape, space), lag))
    if space.recurrence and choose.integer(0, 2) == 0:
        planned.append((name, _wiring_to(choose, shape, shape, space), choose.integer(1, 3) if space.lags else 1))
    most[name] = choose.pick([1, 1, 1, 2, 3, 31, 255]) if space.many else 1
    inputs = []
    for source, way, lag in planned:
        exponent = _exponent(choose, space, way, most[source], len(planned) + 1)
        if exponent is not None:
            inputs.append(Connection(source, way, exponent, lag))
    return _population(choose, space, name, shape, inputs, most=most[name], last=last)


def draw_raster(choose: Chooser, program: Program, batch: int | None = None, steps: int | None = None) -> Array:
    """Draw a raster: silent, sparse, dense, or everything at the limit of the message range."""
    size = (batch or choose.integer(1, 3), steps or choose.integer(1, 12), *program.input.shape)
    low, high = program.input.lo, program.input.hi
    percent = choose.pick([0, 10, 30, 60, 100])
    values = _array(choose, low, high, size) if choose.integer(0, 2) else np.full(size, choose.pick([low, high]))
    keep = _array(choose, 0, 99, size) < percent
    return (values * keep).astype(np.int32)


def random_program(rng: np.random.Generator, space: Space = EVERYTHING) -> Program:
    """Return one random program."""
    return draw_program(ByNumpy(rng), space)


def random_raster(
    rng: np.random.Generator, program: Program, batch: int | None = None, steps: int | None = None
) -> Array:
    """Return one random raster for it."""
    return draw_raster(ByNumpy(rng), program, batch, steps)
