"""lava-nc itself, on its CPU backend: every spike, u and v of every population and step."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given, settings

from exporters.lava import run as run_lava
from sim.compare import first_divergence
from sim.engines import run
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.exporters.lava.agree import assert_lava_agrees, has_schedule, runnable_cases
from tests.programs import cases
from tests.recordings import dense_layer, recordings, tinynet

GRAPHS, EXAMPLES = 6, 60
"""Random programs that run here; `test_many.py` has the full numbers."""


def _spikes(rng, *shape, density=0.3):
    return (rng.random(shape) < density).astype(np.int32)


def test_random_programs_agree_as_process_graphs():
    for program, raster in islice(runnable_cases(1), GRAPHS):
        assert_lava_agrees(program, raster)


@given(cases())
@settings(max_examples=EXAMPLES)
def test_random_programs_agree_on_lavas_classes(case):
    program, raster = case
    assume(has_schedule(program))
    assert_lava_agrees(program, raster, executor="classes")


def _recurrent(rng):
    """Two populations with bias, recurrence, a skip path and lags, neurons of different kinds."""
    first = Population(
        "first",
        (6,),
        (
            Connection("input", Dense(rng.integers(-40, 60, (6, 5)))),
            Connection("first", Dense(-9 * np.eye(6, dtype=int)), lag=1),
        ),
        vth=50,
        dv=300,
        du=1000,
        bias_mantissa=40,
        bias_exponent=4,
    )
    second = Population(
        "second",
        (4,),
        (
            Connection("first", Dense(rng.integers(-30, 90, (4, 6)))),
            Connection("input", Dense(rng.integers(-9, 9, (4, 5))), lag=2),
            Connection("second", Dense(rng.integers(-9, 9, (4, 4))), lag=3),
        ),
        vth=[40, 60, 80, 100],
        dv=[0, 10, 100, 1000],
        du=4095,
    )
    return Program(Input((5,)), (first, second))


def test_a_stream_of_three_samples_equals_three_single_runs():
    rng = np.random.default_rng(5)
    program = _recurrent(rng)
    raster = _spikes(rng, 3, 15, 5)
    streamed = run_lava(program, raster)
    assert streamed.spikes["second"].any()
    for b in range(3):
        single = run_lava(program, raster[b : b + 1])
        for register in RECORDABLE:
            for name, values in getattr(single, register).items():
                np.testing.assert_array_equal(getattr(streamed, register)[name][b], values[0])
    assert first_divergence(program, run(program, raster, record=RECORDABLE), streamed) is None


def test_a_quiet_program_is_lavas_plain_lif_and_agrees_with_lags():
    rng = np.random.default_rng(6)
    loop = Connection("p", Dense(rng.integers(-20, 40, (4, 4))), lag=2)
    p = Population("p", (4,), (Connection("input", Dense(rng.integers(-20, 60, (4, 5)))), loop), vth=40, dv=200, du=900)
    assert_lava_agrees(Program(Input((5,)), (p,)), _spikes(rng, 1, 25, 5))


def test_populations_that_nothing_connects_run_all_the_same():
    read = Population("read", (2,), (Connection("input", Dense([[5], [9]])),), vth=3)
    alone = Population("alone", (3,), (), vth=[3, 4, 5], bias_mantissa=100, dv=100)
    program, raster = Program(Input((1,)), (read, alone)), np.ones((2, 9, 1), dtype=int)
    assert run(program, raster).spikes["alone"].any()
    assert_lava_agrees(program, raster)


def test_lavas_own_recording_of_one_neuron_comes_out():
    columns = np.loadtxt(recordings("cases", "lif_single", "lif_lava_cpu_fixed.csv"), delimiter=",").astype(np.int64)
    lif = Population("lif", (1,), (Connection("input", Dense([[10]])),), vth=25, dv=163)
    got = run_lava(Program(Input((1,)), (lif,)), columns[None, :-1, :1])
    np.testing.assert_array_equal(got.spikes["lif"][0, :, 0], columns[1:, 2])  # the recording trails by one step
    np.testing.assert_array_equal(got.v["lif"][0, :, 0], columns[1:, 1])


@pytest.mark.parametrize("case", [dense_layer, tinynet])
def test_trained_nets_that_others_recorded_spike_as_recorded(case):
    program, raster, recorded = case()
    assert_lava_agrees(program, raster)
    got = run_lava(program, raster, executor="classes")
    for name, spikes in recorded.items():
        np.testing.assert_array_equal(got.spikes[name][0, : len(spikes)], spikes)


@pytest.mark.parametrize(
    ("shape", "conv"),
    [
        ((1, 2, 131), Conv(np.arange(-6, 6).reshape(2, 1, 2, 3), stride=(1, 2), padding=(1, 129))),
        ((130, 2, 2), Conv(np.arange(260).reshape(260, 1, 1, 1) - 100, groups=130)),
        ((2, 140, 1), Conv(np.arange(4).reshape(1, 2, 2, 1), dilation=(130, 1))),
    ],
)
def test_sides_paddings_dilations_and_groups_above_127_are_right(shape, conv):
    from sim.wiring import output_shape

    p = Population("p", output_shape(conv, shape, ()), (Connection("input", conv),), vth=2, dv=30)
    program = Program(Input(shape, -9, 9), (p,))
    rng = np.random.default_rng(7)
    raster = rng.integers(-9, 10, (1, 3, *shape))
    assert run(program, raster).spikes["p"].any()
    assert_lava_agrees(program, raster)


@pytest.mark.parametrize("exponent", [0, 3, -5])
def test_weights_of_16_bits_and_graded_messages_agree(exponent):
    rng = np.random.default_rng(8)
    weight = rng.integers(-32768, 32768, (3, 4))
    p = Population("p", (3,), (Connection("input", Dense(weight), exponent, lag=1),), vth=99, dv=5, du=70)
    raster = rng.integers(-2, 3, (2, 9, 4))
    assert_lava_agrees(Program(Input((4,), -2, 2), (p,)), raster)


def test_wraps_and_clips_are_lavas():
    inputs = (Connection("input", Dense([[16383], [-16383]]), 7),)
    p = Population("p", (2,), inputs, vth=131071, du=0, dv=0, bias_mantissa=-4096, bias_exponent=7)
    program, raster = Program(Input((1,)), (p,)), np.ones((1, 16, 1), dtype=int)
    counts = run(program, raster, allow_wrap=True).counts
    assert counts.wraps["p"].sum() > 0
    assert counts.clips["p"].sum() > 0
    assert_lava_agrees(program, raster)
