"""Hardware time is the least one that the definition allows, and programs that have none are refused."""

import numpy as np
import pytest

from exporters.schedule import schedule
from sim.errors import ProgramError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from tests.programs import random_program

ONE = Dense([[1]])


def _program(**reads):
    """Build one-neuron populations: name=[(source, lag), ...]."""
    populations = [
        Population(name, (1,), tuple(Connection(source, ONE, lag=lag) for source, lag in inputs), vth=1)
        for name, inputs in reads.items()
    ]
    return Program(Input((1,)), tuple(populations))


def _brute_force(program, most=10):
    """Try every start below ``most`` for every population; return the least of those allowed."""
    names = list(program.by_name)
    grid = dict(zip(names, np.indices((most,) * len(names)), strict=True))
    at = {"input": 0, **grid}
    allowed = np.ones((most,) * len(names), dtype=bool)
    for p in program.populations:
        for c in p.inputs:
            allowed &= at[p.name] >= at[c.source] + 1 - c.lag
    return {name: int(grid[name][allowed].min()) for name in names} if allowed.any() else None


def test_a_chain_takes_one_step_per_connection():
    times = schedule(_program(a=[("input", 0)], b=[("a", 0)], c=[("b", 0)]))
    assert times.start == {"a": 1, "b": 2, "c": 3}
    assert times.delay == {"a": (1,), "b": (1,), "c": (1,)}
    assert (times.gap, times.period(7), times.duration(7, 3)) == (0, 7, 3 + 3 * 7)


def test_a_skip_path_waits_for_the_longer_way():
    times = schedule(_program(a=[("input", 0)], b=[("a", 0), ("input", 0)]))
    assert times.delay["b"] == (1, 2)


def test_a_lag_needs_no_extra_step_and_a_gap_between_samples():
    times = schedule(_program(a=[("input", 1), ("a", 1)], b=[("a", 3)]))
    assert times.start == {"a": 0, "b": 0}
    assert times.delay == {"a": (1, 1), "b": (3,)}
    assert (times.gap, times.period(7), times.duration(7, 2)) == (3, 10, 17)


def test_start_is_the_least_of_all_that_are_allowed():
    refused = 0
    for seed in range(150):
        program = random_program(np.random.default_rng(seed))
        expected = _brute_force(program)
        if expected is None:
            with pytest.raises(UnsupportedError):
                schedule(program)
            refused += 1
            continue
        times = schedule(program)
        assert times.start == expected
        assert all(d >= 1 for delays in times.delay.values() for d in delays)
    assert refused > 2


def test_feedback_from_deeper_with_one_step_of_lag_is_refused_by_name():
    program = _program(a=[("input", 0), ("c", 1)], b=[("a", 0)], c=[("b", 0)])
    with pytest.raises(UnsupportedError) as caught:
        schedule(program)
    assert str(caught.value) == (
        "population 'a': lies on the cycle a -> b -> c -> a, whose lags sum to fewer steps than it has connections"
        "  fix: hardware needs one step per connection: raise the lag of the feedback connection"
    )
    assert schedule(_program(a=[("input", 0), ("c", 3)], b=[("a", 0)], c=[("b", 0)])).start["c"] == 3


def test_a_cycle_without_lag_is_no_program_at_all():
    with pytest.raises(ProgramError, match="closes a cycle"):
        _program(a=[("b", 0)], b=[("a", 0)])
