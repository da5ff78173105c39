"""Every spike, u and v of the core is the reference's, at every number of lanes, whatever pauses the stream makes."""

import numpy as np
import pytest

from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.plan import Rules, plan_of
from exporters.rtl_export.simulate import build_simulator, play
from exporters.rtl_export.sizes import holds
from sim.errors import InputError, MachineError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from tests.exporters.rtl.bench import case, divergence, fitting, need, roomy, shared_core
from tests.exporters.rtl.later_machine import simulate_later
from tests.programs import random_program, random_raster

PAUSES = (0, 30, 70)


def _assert_equal(lanes, tool, seed, weights=1 << 16):
    program, raster = case(seed)
    simulator, folder = shared_core(lanes, tool, weights=weights)
    assert divergence(simulator, folder, program, raster, pause=PAUSES[seed % 3], seed=seed + 1) is None


@pytest.mark.parametrize("seed", fitting(range(60), 4, 24))
def test_four_lanes_equal_the_reference(seed):
    _assert_equal(4, "verilator", seed)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("seed", fitting(range(100, 140), 16, 6))
def test_one_and_sixteen_lanes_equal_the_reference(lanes, seed):
    _assert_equal(lanes, "iverilog", seed)


@pytest.mark.full
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_five_hundred_random_programs_equal_the_reference(lanes):
    weights = 1 << 22 if lanes == 1 else 1 << 21
    seeds = fitting(range(1000, 2000), lanes, 500, weights)
    assert len(seeds) == 500
    for seed in seeds:
        _assert_equal(lanes, "verilator", seed, weights)


@pytest.mark.parametrize("seed", [3, 8, 14, 27])
def test_a_core_of_the_sizes_that_a_program_needs_runs_it(seed, tmp_path):
    need("iverilog")
    program, raster = case(seed)
    plan = plan_of(program)
    sizes = sizes_of(plan, images_of(plan, 2), 2)
    assert divergence(build_simulator(tmp_path, sizes, tool="iverilog"), tmp_path, program, raster, pause=20) is None


def _rules(rng, program):
    return {
        p.name: Rules(
            reset=str(rng.choice(["zero", "subtract", "none"])),
            at_threshold=bool(rng.integers(2)),
            refractory=int(rng.choice([0, 0, 1, 2, 5])),
            most=1 if p.vth.min() == 0 else int(rng.choice([1, 1, 2, 7, 31])),
        )
        for p in program.populations
    }


def _assert_later_equal(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster, rules = random_raster(rng, program), _rules(rng, program)
    expected = simulate_later(program, raster, rules)
    plan = plan_of(program, rules)
    if not holds(roomy(4), sizes_of(plan, images_of(plan, 4), 4)):
        return
    simulator, folder = shared_core(4, "verilator", weights=1 << 16)
    if expected is None:
        with pytest.raises(MachineError, match="leaves the accumulator"):
            play(plan, raster, simulator, folder, timeout_s=60)
        return
    arrays = play(plan, raster, simulator, folder, pause=PAUSES[seed % 3], seed=seed + 1, timeout_s=60).arrays
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name], values, err_msg=name)


@pytest.mark.parametrize("seed", range(200, 230))
def test_neurons_with_other_rules_of_firing_equal_their_model(seed):
    _assert_later_equal(seed)


@pytest.mark.full
def test_five_hundred_programs_with_other_rules_of_firing_equal_their_model():
    for seed in range(3000, 3500):
        _assert_later_equal(seed)


def test_the_core_refuses_a_sum_that_leaves_the_accumulator():
    wiring = Dense(np.full((2, 9), 32000))
    program = Program(Input((9,), 0, 255), (Population("p", (2,), (Connection("input", wiring),), vth=9),))
    simulator, folder = shared_core(4, "verilator", weights=1 << 16)
    quiet, loud = np.zeros((1, 3, 9), dtype=np.int32), np.zeros((1, 3, 9), dtype=np.int32)
    quiet[0, 1, 0], loud[0, 1, 0] = 65, 66  # 65 * 32000 < 2^21 <= 66 * 32000
    assert divergence(simulator, folder, program, quiet) is None
    with pytest.raises(MachineError, match=r"population 'p': step 1 of all that were played: \|a\| >= 2\^21"):
        play(plan_of(program), loud, simulator, folder, timeout_s=60)


def test_a_built_core_refuses_a_program_that_it_does_not_hold():
    program = Program(Input((300,)), (Population("p", (1,), (Connection("input", Dense(np.ones((1, 300), int))),)),))
    simulator, folder = shared_core(4, "verilator", weights=1 << 16)
    with pytest.raises(InputError, match="built for a smaller program"):
        play(plan_of(program), np.zeros((1, 1, 300), dtype=np.int32), simulator, folder)


def test_a_common_factor_of_two_moves_into_the_exponent():
    conv = Conv(np.full((2, 1, 3, 3), -256))
    program = Program(Input((1, 4, 4)), (Population("p", (2, 2, 2), (Connection("input", conv, -1),), vth=3),))
    (layer,) = plan_of(program).layers
    assert (layer.shift, int(layer.synapses[0].weight.min())) == (7, -1)
