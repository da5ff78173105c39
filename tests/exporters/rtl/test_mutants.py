"""Each known way to get the core wrong is planted into a copy of it, and the comparison must go red."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters.rtl_export.plan import Rules, plan_of
from exporters.rtl_export.simulate import build_simulator, play
from sim.errors import MachineError, ToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.wiring import output_shape
from tests.exporters.rtl.bench import divergence, mutated_core, need, roomy
from tests.exporters.rtl.later_machine import simulate_later
from tests.rows import a_third, listed

MUTANTS = listed(Path(__file__).with_name("mutants.toml"), "core")
SEEDS = 8


def _battery():
    """Return programs and rasters in which every mistake above shows: drawn ones, and one made for the corners."""
    rng = np.random.default_rng(5)
    yield from (_corner(kind) for kind in range(4))
    for _ in range(SEEDS):
        channels, side = int(rng.integers(1, 3)), int(rng.integers(3, 5))
        stride, dilation = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        conv = Conv(rng.integers(-90, 91, (3, channels, 2, 2)), (stride, 1), (1, 1), (dilation, 1 + dilation % 2))
        yield _two_layers(rng, (channels, side, 4), conv)


def _two_layers(rng, shape, conv):
    first = output_shape(conv, shape, ())
    size = int(np.prod(first))
    slow = {"vth": rng.integers(5, 90, first), "du": int(rng.integers(0, 4096)), "dv": int(rng.integers(0, 4096))}
    again = Dense(rng.integers(-20, 21, (size, size)))
    out = Dense(rng.integers(-50, 51, (6, size)))
    populations = (
        Population(
            "a", first, (Connection("input", conv, 0, 1), Connection("a", again, -2, 2)), **slow, reset="subtract"
        ),
        Population(
            "b", (6,), (Connection("a", out, -1, 1), Connection("input", _all(rng, shape), 0, 0)), vth=30, dv=400
        ),
    )
    raster = (rng.random((3, 5, *shape)) < 0.5).astype(np.int32)
    raster[1] = 0  # a silent sample behind a loud one: nothing may be left over
    return Program(Input(shape), populations), raster


def _all(rng, shape):
    return Dense(rng.integers(-30, 31, (6, int(np.prod(shape)))))


def _corner(kind):
    """Return what random programs rarely meet: v at the threshold, u at 2^23, v at its bounds, a whole layer firing."""
    at = {
        0: {"vth": 10, "du": 4095, "dv": 4095, "bias_mantissa": 640},
        1: {"vth": 131071, "du": [4095, 0, 0], "dv": 4095, "u0": 2**23, "v0": -(2**23) + 1},
        2: {"vth": 131071, "du": 0, "dv": 0, "bias_mantissa": -4096, "bias_exponent": 7, "v0": -(2**23) + 1},
        3: {"vth": 1, "du": 100, "dv": 100, "bias_mantissa": 500, "reset": "zero"},
    }[kind]
    weight = np.array([[131072 * (kind == 1)], [131073 * (kind == 1) - 3], [-3]])
    inputs = (Connection("input", Dense(weight), 0, 0),)
    ones = Dense(np.ones((1, 3), dtype=int))
    populations = (
        Population("p", (3,), inputs, **at),
        Population("q", (1,), (Connection("p", ones, 0, 0),), vth=1, fires=kind != 3),
    )
    return Program(Input((1,)), populations), np.ones((2, 8, 1), dtype=np.int32)


RULES = (Rules("subtract", most=7), Rules("zero", refractory=2), Rules("none", at_threshold=True, refractory=2))


def _later_differs(simulator, folder):
    for index, rule in enumerate(RULES):
        program, raster = _two_layers(np.random.default_rng(index), (2, 3, 4), Conv(np.full((3, 2, 2, 2), 60)))
        rules = dict.fromkeys(program.by_name, rule)
        expected = simulate_later(program, raster, rules)
        found = play(plan_of(program, rules), raster, simulator, folder, pause=30, timeout_s=20).arrays
        if any((found[name] != values).any() for name, values in expected.items()):
            return True
    return False


def _differs(simulator, folder):
    """Return whether any comparison is not equal; a core that stops or refuses differs too."""
    try:
        for index, (program, raster) in enumerate(_battery()):
            if (
                divergence(simulator, folder, program, raster, pause=(0, 60)[index % 2], seed=index, timeout_s=10)
                is not None
            ):
                return True
        return _later_differs(simulator, folder)
    except (MachineError, ToolError):
        return True


def _core(folder, source=None):
    need("iverilog")
    sizes = replace(roomy(2), wb=20, rows=256, neurons=512, registers=512, messages=1024, inputs=1024)
    return build_simulator(folder, sizes, tool="iverilog", **({"core": source} if source else {}))


def test_the_battery_finds_nothing_in_the_core_itself(tmp_path):
    assert not _differs(_core(tmp_path), tmp_path)


@pytest.mark.parametrize("mutant", a_third(MUTANTS))
def test_a_planted_mistake_is_found(mutant, tmp_path):
    assert _differs(_core(tmp_path, mutated_core(tmp_path, *MUTANTS[mutant])), tmp_path)
