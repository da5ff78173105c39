"""The forms of a convolution that NIR can check are the same map."""

import numpy as np
import pytest

from exporters.nir_export.kernel import expand, line_kernel, square, unroll
from sim.errors import ProgramError
from sim.program import Conv
from sim.wiring import apply, output_shape


def _random_conv(rng):
    """Return a convolution that fits its source, and both shapes."""
    while True:
        groups = int(rng.integers(1, 3))
        ins, outs = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
        source = (ins, int(rng.integers(1, 7)), int(rng.integers(1, 7)))
        conv = Conv(
            rng.integers(-9, 9, (outs, ins // groups, *rng.integers(1, 5, 2))),
            stride=rng.integers(1, 4, 2),
            padding=rng.integers(0, 4, 2),
            dilation=rng.integers(1, 4, 2),
            groups=groups,
        )
        try:
            return conv, source, output_shape(conv, source, ())
        except ProgramError:
            continue  # the kernel does not fit


CASES = [_random_conv(np.random.default_rng(seed)) for seed in range(400)]


def _sent(source):
    return np.random.default_rng(1).integers(-5, 6, (2, *source))


def test_a_square_form_is_the_same_map():
    widened = 0
    for conv, source, made in CASES:
        form = square(conv, source, made)
        if form is None:
            assert conv.stride == (1, 1)
            continue
        y, x = form.axes
        geometry = {key: (getattr(y, key), getattr(x, key)) for key in ("stride", "padding", "dilation")}
        same = Conv(expand(conv, form), **geometry)
        assert output_shape(same, source, ()) == made
        np.testing.assert_array_equal(
            apply(same, _sent(source), source, made), apply(conv, _sent(source), source, made)
        )
        widened += same.weight.shape[2:] != conv.weight.shape[2:]
    assert widened > 100


def test_an_unrolled_matrix_is_the_same_map():
    for conv, source, made in CASES:
        matrix = unroll(conv, source, made).astype(np.int64)
        expected = apply(conv, _sent(source), source, made)
        np.testing.assert_array_equal((_sent(source).reshape(2, -1) @ matrix.T).reshape(expected.shape), expected)


def test_one_row_of_the_kernel_is_the_same_map_where_everything_has_height_1():
    flat = [(conv, source, made) for conv, source, made in CASES if source[1] == made[1] == 1]
    assert len(flat) > 10
    for conv, source, made in flat:
        row = Conv(
            line_kernel(conv)[:, :, None],
            stride=(1, conv.stride[1]),
            padding=(0, conv.padding[1]),
            dilation=(1, conv.dilation[1]),
        )
        np.testing.assert_array_equal(apply(row, _sent(source), source, made), apply(conv, _sent(source), source, made))


@pytest.mark.parametrize("side", [2, 3, 5])
def test_a_square_kernel_stays_as_it_is(side):
    conv = Conv(np.ones((2, 2, side, side), dtype=np.int8), padding=(1, 1), dilation=(2, 2))
    form = square(conv, (2, 12, 12), output_shape(conv, (2, 12, 12), ()))
    assert form is not None
    assert expand(conv, form) is conv.weight
