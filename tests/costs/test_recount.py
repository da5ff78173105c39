"""The synops an engine reports are those that its recorded spikes and the weights say."""

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import InputError
from sim.program import INPUT, Connection, Conv, Dense, Input, Population, Program
from snn2hw.costs.recount import recount_synops
from tests.programs import run_of


@pytest.mark.parametrize("seed", range(60))
def test_synops_equal_a_recount_from_recorded_spikes(seed: int) -> None:
    program, raster, trace = run_of(seed)
    again = recount_synops(program, raster, trace.spikes)
    for population in program.populations:
        np.testing.assert_array_equal(again[population.name], trace.counts.synops_by_connection[population.name])


def _program(lag: int = 0, weight: int = 1) -> Program:
    conv = Conv(np.full((2, 1, 3, 3), weight), stride=(2, 1), padding=(1, 0))
    first = Population("a", (2, 2, 2), (Connection(INPUT, conv, lag=lag),), vth=0)
    second = Population("b", (3,), (Connection("a", Dense(np.array([[1, 0] * 4, [1] * 8, [0] * 8]))),), fires=False)
    return Program(Input((1, 4, 4)), (first, second))


def test_the_recount_of_one_message_is_its_border_exact_fan_out() -> None:
    raster = np.zeros((2, 1, 1, 4, 4), np.uint8)
    raster[0, 0, 0, 0, 0] = raster[1, 0, 0, 1, 1] = 1  # a corner; and a place under two rows of taps, two columns
    again = recount_synops(_program(), raster, {"a": np.zeros((2, 1, 2, 2, 2), np.uint8)})
    np.testing.assert_array_equal(again["a"], [[2 * 1, 2 * 4]])
    np.testing.assert_array_equal(again["b"], [[0, 0]])


def test_the_recount_sees_weights_that_are_zero_and_messages_that_arrive_too_late() -> None:
    raster = np.ones((1, 3, 1, 4, 4), np.uint8)
    spikes = {"a": np.ones((1, 3, 2, 2, 2), np.uint8)}
    assert recount_synops(_program(weight=0), raster, spikes)["a"].item() == 0
    full = recount_synops(_program(), raster, spikes)["a"].item()
    assert recount_synops(_program(lag=1), raster, spikes)["a"].item() * 3 == full * 2
    assert recount_synops(_program(), raster, spikes)["b"].item() == 3 * (4 + 8)


def test_the_recount_refuses_when_a_source_was_not_recorded() -> None:
    program = _program()
    with pytest.raises(InputError, match="the spikes of 'a', read by 'b', were not recorded"):
        recount_synops(program, np.zeros((1, 1, 1, 4, 4), np.uint8), {})


def test_a_mutant_with_another_stride_counts_differently() -> None:
    program = _program()
    first = program.populations[0]
    wrong = replace(first.inputs[0], wiring=replace(first.inputs[0].wiring, padding=(0, 0)))
    wide = Population("a", (2, 1, 2), (wrong,), vth=0)
    raster = np.ones((1, 2, 1, 4, 4), np.uint8)
    mutant = Program(program.input, (wide,))
    spikes = {"a": np.zeros((1, 2, 2, 2, 2), np.uint8)}
    assert (recount_synops(mutant, raster, {})["a"] != recount_synops(program, raster, spikes)["a"]).all()
