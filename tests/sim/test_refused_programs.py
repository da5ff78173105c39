"""Programs and traces that no machine could have, and what is said of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim.compare import Divergence, compared_values, first_divergence, flat_difference
from sim.engines import run
from sim.errors import InputError, ProgramError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.weight_rule import weight_grid
from sim.wiring import _product


def _copy(size=3, vth=4, **more):
    return Population("copy", (size,), (Connection("input", Dense(np.eye(size, dtype=int) * 9)),), vth=vth, **more)


def _run(program, steps=4, **options):
    raster = np.ones((2, steps, *program.input.shape), np.uint8)
    return run(program, raster, record=("spikes", "u", "v"), **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: _copy(vth=2**40), "is no register value"),
        (lambda: _copy(bias_mantissa=[1, 2]), "broadcasts to the population's shape"),
        (lambda: Program(Input((1 << 31,)), (_copy(),)), "has 2\\^31 elements or more"),
        (lambda: Program(Input((0,)), (_copy(),)), "every side at least 1"),
        (lambda: weight_grid(8, "loudest", np.ones((1, 1), np.int8)), "weight rule 'loudest' is unknown"),
        (lambda: Dense(np.ones((2, 0), int)), "none of length 0"),
        (
            lambda: Program(Input((3,)), (_copy(),), record={"weights": {"bits": 8, "rule": "loudest"}}),
            "'loudest' is unknown to arithmetic 'loihi'",
        ),
        (lambda: Program(Input((3,)), (_copy(),), record={"weights": {"bits": 8}}), "is not understood"),
        (lambda: Program(Input((3,)), (_copy(),), record={"weights": 8}), "is not understood"),
        (
            lambda: Program(Input((3,)), (_copy(),), record={"weights": {"bits": 99, "rule": "loihi"}}),
            "is not understood",
        ),
    ],
)
def test_a_program_that_no_machine_can_hold_is_refused_with_its_cure(make, message):
    with pytest.raises(ProgramError, match=message):
        make()


def test_a_population_has_the_registers_of_its_arithmetic_and_no_others():
    with pytest.raises(AttributeError, match="a population of arithmetic 'loihi' has no 'tau'"):
        _ = _copy().tau


@pytest.mark.parametrize(
    ("bits", "rule", "weights", "grid"),
    [
        (8, "loihi", [1], (0, 255, 1)),
        (8, "loihi", [-1], (-255, 0, 1)),
        (8, "loihi", [-1, 1], (-256, 254, 2)),
        (4, "loihi", [1], (0, 240, 16)),
        (4, "signed", [1], (-8, 7, 1)),
    ],
)
def test_a_weight_grid_is_that_of_its_rule_and_signs(bits, rule, weights, grid):
    assert weight_grid(bits, rule, np.array([weights], np.int8)) == grid


def test_a_product_too_large_for_floats_is_computed_in_integers():
    left, right = np.array([[2**31 - 1, 1]]), np.array([[2**31 - 1], [1]])
    assert _product(left, right).tolist() == [[(2**31 - 1) ** 2 + 1]]


def test_progress_is_told_once_a_step_for_all_samples():
    told = []
    _run(Program(Input((3,)), (_copy(),)), engine="reference", progress=told.append)
    assert told == [2, 2, 2, 2]


def test_traces_of_two_programs_or_of_other_registers_are_not_compared():
    program, other = Program(Input((3,)), (_copy(),)), Program(Input((3,)), (_copy(du=7),))
    trace = _run(program)
    assert first_divergence(program, trace, trace) is None
    assert compared_values(program, trace) == 3 * 2 * 4 * 3
    with pytest.raises(InputError, match="traces of different programs"):
        first_divergence(program, trace, _run(other))
    lacking = SimpleNamespace(digest=trace.digest, spikes=trace.spikes, u={}, v=trace.v)
    with pytest.raises(InputError, match="u was not recorded alike on both sides"):
        first_divergence(program, trace, lacking)


def test_the_first_difference_is_the_earliest_step_of_all_registers():
    program = Program(Input((3,)), (_copy(),))
    trace = _run(program)
    u, v = (np.array(part["copy"]) for part in (trace.u, trace.v))
    u[1, 3, 2] += 5
    v[0, 2, 1] -= 1
    changed = SimpleNamespace(digest=trace.digest, spikes=trace.spikes, u={"copy": u}, v={"copy": v})
    found = first_divergence(program, trace, changed)
    assert (found.population, found.neuron, found.step, found.sample, found.register) == ("copy", (1,), 2, 0, "v")
    assert found.got == found.expected - 1
    where = "population 'copy', neuron (1,), step 2, sample 0: v is"
    assert str(found) == f"{where} {found.got}, expected {found.expected}"
    assert isinstance(found, Divergence)


def test_counts_that_differ_are_named_with_their_sample():
    one, two = {"spikes.p": np.array([1, 2])}, {"spikes.p": np.array([1, 3])}
    assert flat_difference(one, one) is None
    assert "population 'p': spikes" in flat_difference(one, two)
    assert "sample 8" in flat_difference(one, two, first_sample=7)
    assert flat_difference(one, {}) == "population 'p': spikes were not counted alike on both sides"


def test_a_program_without_a_grid_of_its_own_says_how_many_bits_its_weights_need():
    from sim.weight_rule import weight_bits

    for weights, bits in (([[7]], 4), ([[-8]], 4), ([[127, -128]], 8), ([[0]], 1)):
        population = Population("p", (1,), (Connection("input", Dense(weights)),))
        assert weight_bits(Program(Input((len(weights[0]),)), (population,)), population, 0) == bits


def test_a_convolution_says_what_it_is_in_a_header():
    conv = Conv(np.ones((1, 1, 2, 2), int), stride=(2, 1))
    program = Program(Input((1, 4, 4)), (Population("p", (1, 2, 3), (Connection("input", conv),)),))
    trace = _run(program)
    assert "1x2x3" in repr(program)
    assert "p" in repr(trace)
    assert "<table>" in program._repr_html_()
