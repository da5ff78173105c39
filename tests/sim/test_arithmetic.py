"""Decay, wrap, clip and shift against Python's unbounded integers, written from the register description."""

from fractions import Fraction
from math import floor, trunc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.arithmetic import clip, decay, shift, wrap

EDGES = [
    0,
    1,
    2,
    63,
    64,
    4095,
    4096,
    4097,
    2**21,
    2**22 - 1,
    2**23 - 2,
    2**23 - 1,
    2**23,
    2**23 + 1,
    2**24,
    2**27,
    2**31,
]
SIGNED_EDGES = np.array(sorted({s * e for e in EDGES for s in (-1, 1)}), dtype=np.int64)


def exact_decay(x: int, d: int) -> int:
    return trunc(Fraction(x) * Fraction(4096 - d, 4096))


def exact_wrap(x: int) -> int:
    if x > 2**23:
        return x - 2**24
    return x + 2**24 if x <= -(2**23) else x


def test_decay_equals_the_exact_fraction_for_every_register_value_and_every_edge():
    for d in range(4097):
        expected = [exact_decay(int(x), d) for x in SIGNED_EDGES]
        assert decay(SIGNED_EDGES, d).tolist() == expected


@pytest.mark.parametrize("d", [0, 1, 2, 163, 164, 415, 2047, 2048, 4094, 4095, 4096])
def test_decay_equals_the_exact_fraction_for_every_small_value(d):
    values = np.arange(-9000, 9001)
    assert decay(values, d).tolist() == [exact_decay(int(x), d) for x in values]


@pytest.mark.full
@pytest.mark.parametrize("d", [0, 1, 163, 164, 2048, 4095, 4096])
def test_decay_is_exhaustively_right_over_the_whole_register(d):
    for start in range(-(2**23), 2**23 + 1, 2**20):
        values = np.arange(start, min(start + 2**20, 2**23 + 1))
        kept = 4096 - d
        expected = np.array([v * kept // 4096 if v >= 0 else -(-v * kept // 4096) for v in values.tolist()])
        np.testing.assert_array_equal(decay(values, d), expected)


@given(st.integers(-(2**31), 2**31), st.integers(0, 4096))
def test_decay_equals_the_exact_fraction_anywhere(x, d):
    assert decay(np.array([x]), d).tolist() == [exact_decay(x, d)]


def test_decay_takes_one_fraction_per_neuron():
    assert decay(np.array([4096, 4096]), np.array([1, 4095])).tolist() == [4095, 1]


@given(st.integers(-(2**40), 2**40))
def test_wrap_and_clip_equal_their_definitions_anywhere(x):
    assert wrap(np.array([x])).tolist() == [exact_wrap(x)]
    assert clip(np.array([x])).tolist() == [min(max(x, -(2**23 - 1)), 2**23 - 1)]


def test_wrap_keeps_plus_2_to_the_23_and_maps_minus_2_to_the_23_onto_it():
    near = np.arange(-(2**23) - 300, -(2**23) + 300)
    values = np.concatenate([near, -near, SIGNED_EDGES])
    assert wrap(values).tolist() == [exact_wrap(int(x)) for x in values]
    assert wrap(np.array([2**23, -(2**23)])).tolist() == [2**23, 2**23]


def test_wrap_brings_back_one_overflow_only():
    assert wrap(np.array([3 * 2**24])).tolist() == [2 * 2**24]


@pytest.mark.parametrize("exponent", range(-8, 8))
def test_shift_floors_to_the_right_and_is_exact_to_the_left(exponent):
    values = np.concatenate([np.arange(-600, 601), SIGNED_EDGES])
    expected = [floor(Fraction(int(x)) * Fraction(2) ** exponent) for x in values]
    assert shift(values, exponent).tolist() == expected
