"""What docs/derivations.md says, in numbers: each claim against exact fractions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from sim.arithmetic.loihi import decay

DECAYS = (1, 2, 41, 410, 2048, 4095)
VALUES = np.unique(np.concatenate([np.arange(300), (1 << np.arange(24)) - 1, np.arange(8_000_000, 8_000_050)]))


def _after(value, share):
    return int(decay(np.array([value], dtype=np.int64), np.array([share], dtype=np.int64))[0])


@pytest.mark.parametrize("share", DECAYS)
def test_a_decay_lies_within_one_unit_below_the_exact_product_and_is_symmetric(share):
    for value in VALUES.tolist():
        exact = Fraction(value * (4096 - share), 4096)
        assert exact - 1 < _after(value, share) <= exact
        assert _after(-value, share) == -_after(value, share)


@pytest.mark.parametrize("share", DECAYS)
def test_a_step_loses_the_share_rounded_up(share):
    for value in VALUES.tolist():
        assert value - _after(value, share) == math.ceil(Fraction(value * share, 4096))


def test_a_constant_input_is_balanced_at_every_value_from_the_exact_one_down_to_one_unit_of_input_below():
    share, given = 41, 64
    stays = [x for x in range(7000) if _after(x, share) + given == x]
    low, high = Fraction(4096 * (given - 1), share), Fraction(4096 * given, share)
    assert stays == [x for x in range(7000) if low < x <= high]
    state = 0
    for _ in range(5000):
        state = _after(state, share) + given
    assert state == stays[0]


@pytest.mark.parametrize("share", [2, 41, 410])
def test_a_small_state_loses_one_unit_a_step_until_it_is_0(share):
    state = 4096 // share
    for left in range(state - 1, -1, -1):
        state = _after(state, share)
        assert state == left


def test_a_decay_keeps_the_order_of_values():
    states = np.arange(-5000, 5001)
    for share in DECAYS:
        assert (np.diff(decay(states, np.full_like(states, share))) >= 0).all()


def test_the_nearest_register_misses_a_time_constant_by_at_most_its_steps_in_8192ths():
    for steps in (2, 10, 40, 333, 1000):
        wanted = Fraction(1, steps)
        nearest = Fraction(round(4096 * wanted), 4096)
        assert abs(nearest - wanted) / wanted <= Fraction(steps, 8192)


def test_euler_and_the_exponential_are_a_tenth_apart_after_twenty_steps_of_a_tenth():
    assert round(0.9**20, 3) == 0.122
    assert round(math.exp(-0.1) ** 20, 3) == 0.135


@pytest.mark.parametrize("share", [1, 41, 4096])
def test_the_bound_of_a_current_never_passes_the_geometric_series(share):
    bound, added = 0, 64 * 1000
    for _ in range(3000):
        bound = bound * (4096 - share) // 4096 + added
        assert bound <= Fraction(added * 4096, share)


def _saturated(value, terms, low=-32768, high=32767):
    for term in terms:
        value = min(max(value + term, low), high)
    return value


def test_the_order_of_saturating_additions_matters_unless_no_part_of_them_leaves_the_range():
    assert _saturated(30000, (10000, -10000)) == 22767
    assert _saturated(30000, (-10000, 10000)) == 30000
    rng = np.random.default_rng(0)
    plain = 0
    for _ in range(200):
        start, terms = int(rng.integers(-30000, 30000)), rng.integers(-9000, 9000, size=4).tolist()
        above, below = sum(t for t in terms if t > 0), sum(t for t in terms if t < 0)
        if start + above <= 32767 and start + below >= -32768:
            plain += 1
            assert {_saturated(start, order) for order in itertools.permutations(terms)} == {start + sum(terms)}
    assert 0 < plain < 200
