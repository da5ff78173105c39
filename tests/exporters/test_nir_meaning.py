"""What NIR's own reader makes of a program file means what the Program means, but for the rounding."""

import nir
import numpy as np
import pytest

from exporters.nir_export.views import choose_views
from exporters.program_file import write_program
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.wiring import apply
from tests.exporters.nir_interpreter import input_current, step
from tests.programs import random_program


def _float_step(program, population, messages, u, v):
    """Return (u, v) in mantissas after one step of the machine without rounding."""
    a = np.zeros(population.shape)
    for c in population.inputs:
        sent = messages[c.source][c.lag][None].astype(np.int64)
        a += 2.0**c.exponent * apply(c.wiring, sent, program.shape_of(c.source), population.shape)[0]
    u = (1 - (population.du + 1) / 4096) * u + a
    v = (1 - population.dv / 4096) * v + u + (population.bias_mantissa << population.bias_exponent) / 64
    return u, v


def _messages(program, rng):
    deepest = 1 + max((c.lag for p in program.populations for c in p.inputs), default=0)
    found = {p.name: rng.integers(0, 2, (deepest, *p.shape)) for p in program.populations}
    low, high = program.input.lo, program.input.hi
    return found | {"input": rng.integers(low, high + 1, (deepest, *program.input.shape))}


def _assert_same_step(path, program, seed):
    write_program(program, path)
    graph = nir.read(path)  # type check and all
    rng = np.random.default_rng(seed)
    messages = _messages(program, rng)
    for p in program.populations:
        node = graph.nodes[p.name]
        shape = tuple(node.output_type["output"])
        u, v = rng.normal(0, 50, (2, *p.shape))
        arrived = input_current(graph, p.name, messages)
        got = step(node, arrived, u.reshape(shape), v.reshape(shape))
        expected = _float_step(program, p, messages, u if hasattr(node, "tau_syn") else 0, v)
        for register, (ours, theirs) in enumerate(zip(expected, got, strict=True)):
            np.testing.assert_allclose(
                theirs.reshape(p.shape), ours, rtol=1e-9, atol=1e-9, err_msg=f"{p.name} {register}"
            )
        if p.fires:
            np.testing.assert_array_equal(node.v_threshold.reshape(p.shape), p.vth)
            assert not node.v_reset.any()


@pytest.mark.parametrize("seed", range(15))
def test_one_step_of_the_graph_is_one_step_of_the_program(tmp_path, seed):
    _assert_same_step(tmp_path / "p.nir", random_program(np.random.default_rng(seed)), seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_one_step_of_many_more_graphs_is_one_step_of_the_program(tmp_path, seed):
    _assert_same_step(tmp_path / "p.nir", random_program(np.random.default_rng(seed)), seed)


def _conv_net(source, conv, made, *more):
    first = Population("a", made, (Connection("input", conv),), vth=3, dv=100)
    return Program(Input(source), (first, *more))


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("source", "conv", "made", "kind", "view"),
    [
        ((2, 6, 6), Conv(RNG.integers(-9, 9, (3, 2, 3, 3)), padding=(1, 1)), (3, 6, 6), "Conv2d", (3, 6, 6)),
        ((4, 6, 6), Conv(RNG.integers(-9, 9, (4, 1, 3, 3)), groups=4), (4, 4, 4), "Conv2d", (4, 4, 4)),
        ((2, 6, 6), Conv(RNG.integers(-9, 9, (3, 2, 1, 3))), (3, 6, 4), "Conv2d", (3, 6, 4)),
        ((2, 6, 6), Conv(RNG.integers(-9, 9, (3, 2, 2, 3))), (3, 5, 4), "Linear", (60,)),
        ((2, 6, 6), Conv(RNG.integers(-9, 9, (3, 2, 2, 3)), stride=(2, 2)), (3, 3, 2), "Conv2d", (3, 3, 2)),
        ((2, 1, 9), Conv(RNG.integers(-9, 9, (3, 2, 1, 4)), padding=(0, 2)), (3, 1, 10), "Conv1d", (3, 10)),
        ((2, 1, 9), Conv(RNG.integers(-9, 9, (3, 2, 3, 4)), padding=(1, 0)), (3, 1, 6), "Conv1d", (3, 6)),
        (
            (2, 1, 9),
            Conv(RNG.integers(-9, 9, (3, 2, 1, 4)), stride=(3, 1), padding=(1, 0)),
            (3, 1, 6),
            "Conv1d",
            (3, 6),
        ),
    ],
)
def test_a_convolution_takes_the_form_that_nir_can_check(tmp_path, source, conv, made, kind, view):
    program = _conv_net(source, conv, made)
    _assert_same_step(tmp_path / "p.nir", program, 1)
    graph = nir.read(tmp_path / "p.nir")
    assert type(graph.nodes["input_to_a"]).__name__ == kind
    assert tuple(graph.nodes["a"].output_type["output"]) == view


def test_a_dense_into_a_grid_that_a_convolution_reads_is_read_through_whole_matrices(tmp_path):
    grid = Population("grid", (2, 4, 4), (Connection("input", Dense(RNG.integers(-9, 9, (32, 5)))),))
    after = Population("after", (1, 2, 2), (Connection("grid", Conv(RNG.integers(-9, 9, (1, 2, 3, 3)))),))
    program = Program(Input((5,)), (grid, after))
    _assert_same_step(tmp_path / "p.nir", program, 1)
    assert type(nir.read(tmp_path / "p.nir").nodes["grid_to_after"]).__name__ == "Linear"


def test_a_population_that_reads_nothing_and_an_input_that_nobody_reads_are_legal(tmp_path):
    alone = Population("alone", (3,), (), bias_mantissa=5, vth=2)
    again = Population("again", (2,), (Connection("again", Dense([[1, 2], [3, 4]]), lag=1),), bias_mantissa=9)
    _assert_same_step(tmp_path / "p.nir", Program(Input((4,)), (alone, again)), 1)


def test_a_graph_too_large_to_be_typed_is_written_as_it_is_and_says_so(tmp_path):
    weight = RNG.integers(-9, 9, (4096, 1, 3, 3))
    conv = Conv(weight, padding=(1, 1), groups=4096)
    program = _conv_net((4096, 3, 3), conv, (4096, 3, 3))
    assert not choose_views(program).typed
    write_program(program, tmp_path / "p.nir")
    graph = nir.read(tmp_path / "p.nir", type_check=False)
    assert not graph.metadata["type_check"]
    np.testing.assert_array_equal(graph.nodes["input_to_a"].weight, weight)
