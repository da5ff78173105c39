"""Whatever a matrix holds, what Lava makes of its pieces adds up to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.lava.weights import pieces


def _as_lava_reads(weight, sign):
    """Apply Dense's rule as documented: clip to the range of the sign mode, drop the lowest bit if mixed."""
    low, high = {"EXCITATORY": (0, 255), "INHIBITORY": (-255, 0), "MIXED": (-256, 255)}[sign]
    clipped = np.clip(weight.astype(int), low, high)
    return clipped // 2 * 2 if sign == "MIXED" else clipped


def _shift(total, exponent):
    return total * 2**exponent if exponent >= 0 else np.floor_divide(total, 2**-exponent)


@st.composite
def _matrices(draw):
    bits = draw(st.integers(1, 31))
    low, high = draw(st.sampled_from([(-(2**bits), 2**bits - 1), (0, 2**bits - 1), (-(2**bits), 0)]))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    values = st.integers(low, high) | st.sampled_from([low, high, 0])
    flat = draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
    return np.array(flat, dtype=np.int64).reshape(rows, columns)


@given(_matrices(), st.integers(-8, 7), st.lists(st.integers(-9, 9), min_size=5, max_size=5))
def test_pieces_survive_lava_and_add_up(weight, exponent, messages):
    parts = pieces(weight, exponent)
    for part in parts:
        np.testing.assert_array_equal(_as_lava_reads(part.weight, part.sign), part.weight)
    if exponent >= 0 or len(parts) == 1:
        s = np.array(messages[: weight.shape[1]])
        total = sum((_shift(p.weight.astype(np.int64) @ s, p.exponent) for p in parts), np.zeros(len(weight), int))
        np.testing.assert_array_equal(total, _shift(weight @ s, exponent))


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([[0, 255]], [([[0, 255]], 0, "EXCITATORY")]),
        ([[-255, 0]], [([[-255, 0]], 0, "INHIBITORY")]),
        ([[-256, 254]], [([[-256, 254]], 0, "MIXED")]),
        ([[-1, 127]], [([[-2, 254]], -1, "MIXED")]),
        ([[-256, 0]], [([[-256, 0]], 0, "MIXED")]),
        ([[256, 0]], [([[2, 0]], 7, "MIXED")]),
        ([[257, -1]], [([[1, 255]], 0, "EXCITATORY"), ([[2, -2]], 7, "MIXED")]),
    ],
)
def test_the_fewest_pieces_are_used(weight, expected):
    assert [(p.weight.tolist(), p.exponent, p.sign) for p in pieces(np.array(weight), 0)] == expected
