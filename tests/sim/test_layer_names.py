"""A reader is told a layer by what it is and its shape; a name that says something is kept, a bare number is not."""

import numpy as np
import pytest

from sim.layer_names import layer_names
from sim.program import Connection, Conv, Dense, Input, Population, Program


def _conv(name, source, channels, into):
    return Population(name, (into, 4, 4), (Connection(source, Conv(np.ones((into, channels, 1, 1), int))),), vth=9)


def _dense(name, source, reads, into, **more):
    return Population(name, (into,), (Connection(source, Dense(np.ones((into, reads), int))),), vth=9, **more)


def _named(*names):
    """Return what two convolutions, a hidden layer and an output of these names are called."""
    first, second, hidden, out = names
    layers = (
        _conv(first, "input", 1, 2),
        _conv(second, first, 2, 3),
        _dense(hidden, second, 48, 5),
        _dense(out, hidden, 5, 2, fires=False),
    )
    called = layer_names(Program(Input((1, 4, 4)), layers))
    assert list(called) == ["input", *names]
    assert len(set(called.values())) == len(called)
    assert called.pop("input") == "input 1x4x4"
    return list(called.values())


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (("1", "3", "6", "8"), ["conv1 2x4x4", "conv2 3x4x4", "hidden 5", "output 2"]),
        (("a", "b.1x", "lif0", "fc.lif"), ["a 2x4x4", "b.1x 3x4x4", "lif0 5", "fc.lif 2"]),
        (("net.0", "net.2", "0_1", "7-8"), ["conv1 2x4x4", "conv2 3x4x4", "hidden 5", "output 2"]),
        (("1", "edges", "6", "8"), ["conv 2x4x4", "edges 3x4x4", "hidden 5", "output 2"]),
        (("1", "conv", "hidden", "8"), ["conv1 2x4x4", "conv 3x4x4", "hidden 5", "output 2"]),
        (("1", "3", "conv1", "8"), ["conv2 2x4x4", "conv3 3x4x4", "conv1 5", "output 2"]),
        (("hidden", "conv", "6", "8"), ["hidden 2x4x4", "conv 3x4x4", "hidden1 5", "output 2"]),
    ],
)
def test_a_number_gives_way_to_what_the_layer_is(names, called):
    assert _named(*names) == called


def test_what_was_added_to_a_layer_bears_its_new_name():
    def beside(helper):
        added = Population(helper, (1,), (), vth=0, bias_mantissa=1)
        return layer_names(Program(Input((5,)), (added, _dense("3", "input", 5, 4), _dense("9", "3", 4, 2))))

    assert beside("3.on")["3.on"] == "hidden.on 1"
    assert beside("x.on")["x.on"] == "x.on 1"
    assert beside("7") == {"input": "input 5", "7": "constant 1", "3": "hidden 4", "9": "output 2"}


def test_a_name_that_is_taken_is_not_given_to_what_was_added():
    def chain(first, second, third):
        added = [Population(n, (1,), (), vth=0, bias_mantissa=1) for n in (first, second)]
        return layer_names(Program(Input((5,)), (*added, _dense(third, "input", 5, 4), _dense("9", third, 4, 2))))

    called = chain("3.on", "hidden.on", "3")
    assert called["3.on"] == "3.on 1"
    assert called["hidden.on"] == "hidden.on 1"
