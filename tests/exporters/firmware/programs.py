"""Programs for the firmware's short loops: quiet enough that sums and states are proven, in every width and wiring."""

import numpy as np

from exporters.firmware.plan import firmware_plan
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.wiring import output_shape

DECAYS = (0, 256, 512, 819, 2048, 4095)


def calm_program(rng):
    """Draw two convolutions and a dense readout that take the loops LEAN and LANES, weights of 2 to 16 bits."""
    low = int(rng.choice([0, -3]))
    source = Input((int(rng.integers(1, 4)), 7, 6), low, int(rng.choice([1, 5])))
    first = _conv(rng, "first", source.shape, [("input", 0)])
    second = _conv(rng, "second", first.shape, [("first", 0), ("first", int(rng.integers(0, 3)))])
    last = Dense(_weights(rng, (int(rng.integers(3, 7)), second.size)))
    out = Population("out", (last.weight.shape[0],), (Connection("second", last, 1),), fires=False, dv=1024)
    return Program(source, (first, second, out))


def tied_program(reset="zero"):
    """Return neurons that end a step exactly at their threshold, one below and one above it."""
    one = Connection("input", Dense(np.eye(6, dtype=int) * 9))
    first = Population("tied", (6,), (one,), vth=9, bias_mantissa=[1, 1, 0, -1, 2, 0], reset=reset)
    second = Population("out", (2,), (Connection("tied", Dense(np.arange(12).reshape(2, 6) - 5)),), fires=False, dv=512)
    return Program(Input((6,)), (first, second))


def sinking_program():
    """Return neurons whose v falls to its lower end under a negative input and rises again, one of them not so far."""
    one = Connection("input", Dense(np.array([[-127, 3], [-100, 127], [-9, 127]])))
    first = Population("sinks", (3,), (one,), vth=131071, dv=0)
    last = Connection("sinks", Dense(np.array([[1, 2, 3]])))
    return Program(Input((2,), 0, 255), (first, Population("out", (1,), (last,), fires=False, dv=512)))


def sinking_raster():
    """Return 12 steps that push v of `sinking_program` down, and 12 that lift it."""
    return np.repeat(np.array([[[255, 0], [0, 255]]]), 12, axis=1)


def crowded_program(rng, *, most=1):
    """Draw layers whose windows hold more messages than the runtime lists at once; ``most`` is the input's greatest."""
    source = Input((70, 2, 3), 0, most)
    conv = Conv(_weights(rng, (10, 70, 2, 2)), padding=(0, 1))
    first = Population("first", (10, 1, 4), (Connection("input", conv),), vth=5, dv=4095)
    second = Population("second", (75,), (Connection("first", Dense(_weights(rng, (75, 40)))),), vth=1, dv=2048)
    out = Population("out", (9,), (Connection("second", Dense(_weights(rng, (9, 75)))),), fires=False, dv=1024)
    return Program(source, (first, second, out))


def wide_program(rng):
    """Draw neurons whose sums could take 64 bits, and weights of 32."""
    heavy = rng.integers(-(1 << 28), 1 << 28, (3, 4))  # one message stays in the accumulator after the shift by 8
    first = Population("heavy", (3,), (Connection("input", Dense(heavy), -8),), vth=9000, du=100, dv=300)
    second = Population("light", (5,), (Connection("heavy", Dense(rng.integers(-99, 99, (5, 3)))),), vth=50)
    return Program(Input((4,), -9, 9), (first, second))


def sparse_raster(rng, program, *, samples=2, steps=9, share=0.2, held=False):
    """Draw messages for a share of the input; ``held`` repeats each step's once."""
    shape = (samples, steps, *program.input.shape)
    raster = rng.integers(program.input.lo, program.input.hi + 1, shape) * (rng.random(shape) < share)
    return np.repeat(raster, 2, axis=1) if held else raster


def loops_of(program):
    """Return the loops that a program takes: of neurons, and of sums with the width of their weights."""
    units = firmware_plan(program).units
    return {u.kernel for u in units}, {(r.kernel, r.bits) for u in units for r in u.sums.reads}


def _weights(rng, shape):
    least, most = ((-2, 2), (-8, 8), (-99, 100), (-3000, 3000))[rng.choice(4, p=(0.3, 0.3, 0.3, 0.1))]
    return rng.integers(least, most, shape)


def _conv(rng, name, shape, reads):
    groups = int(rng.choice([g for g in (1, 2, 3) if shape[0] % g == 0]))
    per_group, stride, padding = int(rng.integers(1, 6)), int(rng.integers(1, 3)), int(rng.integers(0, 2))
    wirings = [
        Conv(
            _weights(rng, (groups * per_group, shape[0] // groups, 3, 2)),
            (stride, 1),
            (padding, 1),
            (1, int(rng.integers(1, 3)) if len(reads) == 1 else 1),
            groups,
        )
        for _ in reads
    ]
    connections = tuple(
        Connection(source, wiring, int(rng.integers(-2, 3)), lag)
        for (source, lag), wiring in zip(reads, wirings, strict=True)
    )
    target = output_shape(wirings[0], shape, (0,))
    return Population(
        name,
        target,
        connections,
        vth=rng.integers(1, 60, (target[0], 1, 1)),
        du=int(rng.choice([4095, 4095, 1023])),
        dv=int(rng.choice(DECAYS)),
        bias_mantissa=rng.integers(-9, 9, (target[0], 1, 1)),
        reset=str(rng.choice(["zero", "zero", "subtract", "none"])),
        at_threshold=bool(rng.integers(0, 2)),
    )
