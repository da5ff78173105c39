"""Each known way to get the core wrong is planted into a copy of it, and the comparison must go red."""

from dataclasses import replace

import numpy as np
import pytest

from exporters.rtl_export.plan import Rules, plan_of
from exporters.rtl_export.simulate import build_simulator, play
from sim.errors import MachineError, ToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.wiring import output_shape
from tests.exporters.rtl.bench import divergence, mutated_core, need, roomy
from tests.exporters.rtl.later_machine import simulate_later

MUTANTS = {
    "threshold reached fires": ("snn_neuron.v", "at_threshold ? v >= theta : v > theta", "v >= theta"),
    "decay floors": ("snn_neuron.v", "negative ? -kept : kept", "negative ? -kept - (|product[11:0]) : kept"),
    "du without plus one": ("snn_update.v", "keep_u = {1'b0, r2[11:0]}", "keep_u = {1'b0, r2[11:0]} + 1"),
    "a lag reads the wrong queue": ("snn_core.v", "external ? input_base : slot_base", "external ? input_base : 0"),
    "input lag off by one": (
        "snn_core.v",
        "input_slot >= back ? input_slot - back",
        "input_slot > back ? input_slot - back",
    ),
    "border is one output further": ("snn_walk.v", "qx < $signed({1'b0, wide})", "qx <= $signed({1'b0, wide})"),
    "a stride's remainder is ignored": ("snn_walk.v", "ry == 0 && qy >= 0", "qy >= 0"),
    "dilation is ignored in rows": ("snn_walk.v", "ry - gap_r_y;\n", "ry;\n"),
    "reset is always to zero": ("snn_update.v", "subtract ? taken : 24'sd0", "24'sd0"),
    "reset is by subtraction": ("snn_update.v", "subtract ? taken : 24'sd0", "taken"),
    "u does not wrap": ("snn_neuron.v", "over ? sum - WHOLE : under ? sum + WHOLE : sum", "sum"),
    "wrap maps 2^23": ("snn_neuron.v", "over  = sum > HALF", "over  = sum >= HALF"),
    "v does not clip": ("snn_neuron.v", "high ? 24'sh7fffff : low ? 24'sh800001 : sum[23:0]", "sum[23:0]"),
    "clip is two's complement": ("snn_neuron.v", "low ? 24'sh800001", "low ? 24'sh800000"),
    "a neuron is lost where the output stands": (
        "snn_update.v",
        "assign advance = !(v5 && (more || blocked));",
        "assign advance = !(v5 && more);",
    ),
    "sums are not held where the output stands": ("snn_update.v", "fresh1 ? sums : held1", "sums"),
    "the input goes on where it is not ready": (
        "snn_input.v",
        "take    = s_valid && s_ready",
        "take    = s_valid && (s_ready || s_kind == MESSAGE)",
    ),
    "the barrier lets a third step in": ("snn_input.v", "room    = filled < 2", "room    = filled < 3"),
    "a queue is one message short": ("snn_queues.v", "full = pushed == cap", "full = pushed == cap - 1"),
    "messages outlive their sample": ("snn_queues.v", "if (clear) counts[clear_slot] <= 0;\n        else if", "if"),
    "sums outlive their step": ("snn_update.v", "clear_row = v1 && clear1 && advance", "clear_row = 1'b0"),
    "the shift to the right rounds": (
        "snn_accumulate.v",
        "held_b[i*AB +: AB] + shifted",
        "held_b[i*AB +: AB] + shifted + o[0]",
    ),
    "resting neurons fire": ("snn_update.v", "fires && !resting && !init", "fires && !init"),
    "spikes are not counted to the most": ("snn_update.v", "spike && spikes != most", "spike && spikes != 1"),
}
"""File, what stands there, what takes its place."""

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


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_mistake_is_found(mutant, tmp_path):
    assert _differs(_core(tmp_path, mutated_core(tmp_path, *MUTANTS[mutant])), tmp_path)
