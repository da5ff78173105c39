"""A convolution gives what the matrix of the same map gives, also where its taps are added up in blocks."""

import numpy as np
import pytest

from snn2hw.network import apply
from snn2hw.network.maps import ConvMap, as_matrix


def _folded(stride, padding, sides, groups=1, spoilt=False):
    """Return a 3 x 3 kernel behind an average pool of 2 x 2, as one kernel of 6 x 6."""
    weight = np.random.default_rng(0).normal(size=(4, 2 // groups, 3, 3)).repeat(2, axis=2).repeat(2, axis=3) / 4
    if spoilt:
        weight[0, 0, 0, 0] += 1.0
    made = tuple((side + 2 * pad - 6) // step + 1 for side, pad, step in zip(sides, padding, stride, strict=True))
    return ConvMap(weight, stride, padding, (1, 1), groups=groups, source=(2, *sides), shape=(4, *made))


CASES = {
    "no padding": (_folded((2, 2), (0, 0), (12, 16)), (2, 2)),
    "padding of one pool": (_folded((2, 2), (2, 2), (12, 8)), (2, 2)),
    "a stride of two pools": (_folded((4, 2), (2, 0), (12, 8)), (2, 2)),
    "in groups": (_folded((2, 2), (2, 2), (12, 8), groups=2), (2, 2)),
    "windows between pools": (_folded((1, 2), (2, 2), (12, 8)), (1, 2)),
    "padding of half a pool": (_folded((2, 2), (1, 2), (12, 8)), (1, 2)),
    "an odd side": (_folded((2, 2), (2, 2), (13, 8)), (1, 2)),
    "one tap apart": (_folded((2, 2), (2, 2), (12, 8), spoilt=True), (1, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_blocks_of_equal_taps_are_added_up_where_windows_move_by_whole_ones(name):
    conv, blocks = CASES[name]
    assert apply._blocks(conv) == blocks
    x = np.random.default_rng(1).normal(size=(3, *conv.source))
    np.testing.assert_allclose(apply.applied(conv, x), apply.applied(as_matrix(conv), x), rtol=1e-12, atol=1e-12)
