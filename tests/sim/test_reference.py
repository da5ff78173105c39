"""The reference engine computes what the oracle computes, and its batch is a batch of single runs."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from sim.compare import count_difference, first_divergence
from sim.engines import run
from sim.errors import InputError, MachineError, ProgramError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from sim.wiring import fan_out, output_shape
from tests.programs import Space, cases, random_program, random_raster
from tests.sim import battery
from tests.sim.oracle import synapses

SMALL = Space(wide=False, most_populations=3)


@settings(max_examples=60, deadline=None)
@given(cases(SMALL))
def test_reference_equals_the_oracle_in_spikes_u_v_and_counts(case):
    assert battery.difference(*case) is None


@pytest.mark.full
@settings(max_examples=1500, deadline=None)
@given(cases())
def test_reference_equals_the_oracle_on_many_more_programs(case):
    assert battery.difference(*case) is None


@pytest.mark.parametrize("seed", range(120))
def test_conv_fan_out_equals_a_count_over_source_tap_output_triples(seed):
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 4))
    weight = rng.integers(-2, 3, (groups * int(rng.integers(1, 4)), int(rng.integers(1, 4)), *rng.integers(1, 5, 2)))
    conv = Conv(
        weight,
        stride=tuple(rng.integers(1, 4, 2)),
        padding=tuple(rng.integers(0, 4, 2)),
        dilation=tuple(rng.integers(1, 4, 2)),
        groups=groups,
    )
    source = (weight.shape[1] * groups, *(int(n) for n in rng.integers(10, 15, 2)))
    target = output_shape(conv, source, ())
    counted = np.zeros(int(np.prod(source)), dtype=np.int64)
    for i, _, _ in synapses(conv, source, target):
        counted[i] += 1
    np.testing.assert_array_equal(fan_out(conv, source, target).reshape(-1), counted)


@pytest.mark.parametrize("seed", range(30))
def test_a_stream_of_three_samples_equals_three_single_runs(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster = random_raster(rng, program, batch=3)
    together = run(program, raster, record=RECORDABLE, allow_wrap=True)
    for b in range(3):
        alone = run(program, raster[b : b + 1], record=RECORDABLE, allow_wrap=True)
        for name in alone.spikes:
            np.testing.assert_array_equal(alone.u[name][0], together.u[name][b])
            np.testing.assert_array_equal(alone.v[name][0], together.v[name][b])
            np.testing.assert_array_equal(alone.spikes[name][0], together.spikes[name][b])
            assert alone.counts.synops[name][0] == together.counts.synops[name][b]


def test_first_divergence_names_population_neuron_step_register_and_both_values():
    rng = np.random.default_rng(3)
    program = random_program(rng, Space(most_populations=3))
    raster = random_raster(rng, program, batch=2, steps=8)
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    other = run(program, raster, record=RECORDABLE, allow_wrap=True)
    assert first_divergence(program, trace, other) is None
    assert count_difference(trace.counts, other.counts) is None
    name = program.output.name
    place = (1, 5, *(0 for _ in program.output.shape))
    other.v[name][place] += 7
    found = first_divergence(program, trace, other)
    assert found is not None
    assert (found.population, found.step, found.sample, found.register) == (name, 5, 1, "v")
    assert found.got == found.expected + 7
    other.counts.spikes[name][1] += 1
    assert (count_difference(trace.counts, other.counts) or "").startswith(
        f"population {name!r}: spikes of sample 1 are"
    )


def _behind_one_another(*order: int) -> Program:
    """Three populations in a row, which also hear one another late, listed in the order that is asked for."""
    names, rng = ("pa", "pb", "pc"), np.random.default_rng(0)
    made = []
    for i, name in enumerate(names):
        before = names[i - 1] if i else "input"
        heard = [Connection(before, Dense(rng.integers(-9, 30, (3, 3))))]
        heard += [Connection(n, Dense(rng.integers(-9, 10, (3, 3))), lag=i + 1) for n in names if n != before]
        heard = [replace(c, source="".join(list(c.source))) for c in heard]  # equal names, not the same string
        made.append(Population(name, (3,), heard, vth=20, du=3000, dv=900))
    return Program(Input((3,)), tuple(made[i] for i in order))


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_in_which_order_populations_are_listed_changes_nothing(order):
    raster = np.random.default_rng(1).integers(0, 2, (2, 12, 3))
    listed, ordered = (run(_behind_one_another(*o), raster, record=RECORDABLE) for o in (order, (0, 1, 2)))
    assert all(spikes.any() for spikes in ordered.spikes.values())
    for name in ordered.spikes:
        assert (listed.u[name] == ordered.u[name]).all()
        assert (listed.v[name] == ordered.v[name]).all()
        assert (listed.spikes[name] == ordered.spikes[name]).all()


def test_messages_that_no_lag_reaches_any_more_are_forgotten():
    """Of 400 steps of 5000 neurons, 16 MB would be kept."""
    wide = Population("wide", (5000,), (Connection("input", Dense(np.ones((5000, 1), int))),))
    narrow = Population("narrow", (1,), (Connection("wide", Dense(np.ones((1, 5000), int)), lag=2),))
    program, raster = Program(Input((1,)), (wide, narrow)), np.ones((1, 400, 1), np.uint8)
    tracemalloc.start()
    run(program, raster)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_cycle_through_three_populations_is_refused_by_two_that_follow_one_another():
    read = {"a": "c", "b": "a", "c": "b"}
    populations = [Population(n, (1,), (Connection(source, Dense([[1]])),)) for n, source in read.items()]
    with pytest.raises(ProgramError) as caught:
        Program(Input((1,)), tuple(populations))
    said = {f"population '{n}': reads '{s}' with lag 0, which closes a cycle" for n, s in read.items()}
    assert caught.value.what in said
    assert caught.value.fix == "give the connection lag=1"


def _one(weight: int, **registers) -> Program:
    return Program(
        Input((1,), 0, 255), (Population("p", (1,), (Connection("input", Dense([[weight]])),), **registers),)
    )


def test_a_step_that_leaves_the_accumulator_is_refused_with_its_place():
    program = _one(2**20, du=4095, vth=10)
    assert run(program, np.ones((1, 2, 1), int), allow_wrap=True).counts.wraps["p"].tolist() == [2]
    with pytest.raises(MachineError, match=r"population 'p': neuron \(0,\) at step 1 of sample 0: \|a\| >= 2\^21"):
        run(program, np.array([[[0], [2]]]), allow_wrap=True)


def test_a_wrap_is_an_error_unless_allowed_and_a_clip_where_it_was_certified():
    with pytest.raises(MachineError, match="population 'p': u wraps at step 0 in sample 0"):
        run(_one(2**18, du=4095, vth=10), np.ones((1, 1, 1), int))
    rising = _one(100_000, du=4095, dv=0, vth=10, fires=False)
    assert run(rising, np.ones((1, 3, 1), int)).counts.clips["p"].tolist() == [2]
    with pytest.raises(MachineError, match="population 'p': v clips at step 1"):
        run(rising, np.ones((1, 3, 1), int), clip_free=["p"])


@pytest.mark.parametrize("fires", [True, False])
def test_the_output_is_what_the_last_population_sends_or_its_v_where_it_never_does(fires):
    trace = run(_one(200, vth=50, du=3000, dv=100, fires=fires), np.ones((2, 9, 1), int), record=RECORDABLE)
    assert trace.output.any()
    assert (trace.output == (trace.spikes if fires else trace.v)["p"]).all()


def test_a_register_that_grows_by_repeated_wraps_is_refused_at_31_bits():
    with pytest.raises(MachineError, match=r"\|u\| >= 2\^31 after repeated wraps"):
        run(_one(2**20, du=0, fires=False), np.ones((1, 60, 1), int), allow_wrap=True)


@pytest.mark.parametrize(
    ("raster", "message"),
    [
        (np.zeros((1, 2, 1)), "expected integers, got float64  fix: encode or quantise the input first"),
        (np.zeros((2, 1), int), r"shape \(2, 1\), the program reads \(B, T, 1\)  fix: add the batch axis"),
        (np.zeros((1, 0, 1), int), "has no sample or no step"),
        (np.full((1, 1, 1), 256), r"messages 256..256, the program reads 0..255  fix: encode to the range"),
    ],
)
def test_a_raster_that_does_not_fit_is_refused_by_what_is_wrong_with_it(raster, message):
    with pytest.raises(InputError, match=message):
        run(_one(1), raster)


def test_spikes_that_are_true_or_false_are_ones_and_zeros():
    program = Program(
        Input((2,)), (Population("out", (2,), [Connection("input", Dense(np.eye(2, dtype=int)))], vth=1),)
    )
    spikes = np.array([[[True, False], [False, True]]])
    one, other = (run(program, raster, record=RECORDABLE) for raster in (spikes, spikes.astype(np.uint8)))
    assert first_divergence(program, one, other) is None


def test_unknown_engines_registers_and_populations_are_refused():
    raster = np.zeros((1, 1, 1), int)
    with pytest.raises(InputError, match="engine 'quick' is unknown"):
        run(_one(1), raster, engine="quick")
    with pytest.raises(InputError, match="record 'w' is unknown"):
        run(_one(1), raster, record=("w",))  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(InputError, match="clip_free names 'q'"):
        run(_one(1), raster, clip_free=["q"])
