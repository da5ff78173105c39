"""A program as a Xylo chip holds it: places, shifts and times, and what there is no place for."""

import json

import numpy as np
import pytest

from exporters.registry import export
from exporters.xylo.install import ENVIRONMENT, find_python
from exporters.xylo.specification import specify
from sim.errors import MissingToolError, UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program


def _population(name="h", heard=(), size=2, most=31, **values):
    return Population(name, (size,), heard, arithmetic="xylo", most=most, **values)


def _program(*populations, inputs=3):
    return Program(Input((inputs,), 0, 15), populations, arithmetic="xylo")


def _hears(source, size=2, into=2, value=1, **values):
    return Connection(source, Dense(np.full((size, into), value)), **values)


def _net(first=None, out=None, *, lag=0):
    return _program(
        first or _population("h", [_hears("input", into=3)]), out or _population("o", [_hears("h", lag=lag)], most=1)
    )


def test_hidden_neurons_share_one_matrix_in_the_order_of_the_program():
    first = _population("h", [_hears("input", into=3, value=5, exponent=2), _hears("h", value=-7, lag=1, port=1)])
    second = _population("g", [_hears("h", 1, value=9)], size=1, bias=0)
    found = specify(_program(first, second, _population("o", [_hears("g", 2, 1, value=4)], most=1))).arguments
    assert found["weights_in"].shape == (3, 3, 2)
    assert (found["weights_in"][:, :2, 0] << found["weight_shift_in"]).tolist() == [[20, 20]] * 3
    assert found["weights_rec"][:2, :2, 1].tolist() == [[-7, -7]] * 2
    assert found["weights_rec"][:2, 2, 0].tolist() == [9, 9]
    assert found["weights_out"].tolist() == [[0, 0], [0, 0], [4, 4]]


def test_one_shift_serves_several_exponents_where_eight_bits_hold_them():
    heard = [_hears("input", into=3, value=3, exponent=3), _hears("input", into=3, value=5, exponent=1, port=1)]
    found = specify(_net(_population("h", heard))).arguments
    assert (found["weights_in"].astype(int) << found["weight_shift_in"])[0, 0].tolist() == [24, 10]
    heard[0] = _hears("input", into=3, value=127, exponent=8)
    with pytest.raises(UnsupportedError, match="no shift brings all input weights to 8 bits"):
        specify(_net(_population("h", heard)))


@pytest.mark.parametrize(("lag", "start"), [(0, 1), (1, 0)])
def test_a_spike_takes_one_step(lag, start):
    assert specify(_net(lag=lag)).start == {"input": 0, "h": 0, "o": start}


def test_a_delay_that_the_chip_lacks_is_refused():
    second = _population("g", [_hears("input", into=3), _hears("h")])
    program = _program(_population("h", [_hears("input", into=3)]), second, _population("o", [_hears("g")], most=1))
    with pytest.raises(UnsupportedError, match=r"hears '.*' 0 steps late, which a Xylo chip without delays cannot"):
        specify(program)


def test_a_bias_runs_before_step_0_and_v0_says_what_it_made():
    out = {"name": "o", "heard": [_hears("h")], "most": 1, "bias": 40, "theta": 100}
    with pytest.raises(UnsupportedError, match=r"'o': v0 cannot be set on a Xylo chip  fix: give it 40"):
        specify(_net(out=_population(**out)))
    specify(_net(out=_population(**out, v0=40)))
    with pytest.raises(UnsupportedError, match="'o': its bias fires in step 0, before its step 0 in step 1"):
        specify(_net(out=_population(**{**out, "theta": 40}, v0=0)))
    with pytest.raises(UnsupportedError, match="'h': i0 cannot be set"):
        specify(_net(_population("h", [_hears("input", into=3)], i0=1)))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda: _program(_population(heard=[_hears("input", into=3)], most=1)), "one population"),
        (lambda: _net(_population("h", [_hears("input", into=3)], most=30)), "'h': most 30, a hidden neuron"),
        (
            lambda: _net(out=_population("o", [_hears("h")], most=2)),
            "'o': most 2, an output of a Xylo chip sends up to 1",
        ),
        (lambda: _net(out=_population("o", [_hears("h", port=1)], most=1)), "'o': an output neuron hears hidden"),
        (lambda: _net(out=_population("o", [_hears("h", 9)], 9, most=1)), "9 outputs, a Xylo chip has 8"),
        (lambda: _net(_population("h", [_hears("input", into=3)] * 2)), "'h': hears one source twice at one port"),
    ],
)
def test_what_the_chip_has_no_place_for_is_refused_by_name(program, message, tmp_path):
    with pytest.raises(UnsupportedError, match=message):
        export(program(), "xylo", tmp_path / "deep" / "x")
    assert not any(tmp_path.iterdir())


def test_a_population_that_never_fires_has_the_highest_threshold_and_says_so():
    found = specify(_net(out=_population("o", [_hears("h")], fires=False)))
    assert found.arguments["threshold_out"].tolist() == [32767] * 2
    assert [loss.where for loss in found.losses] == ["o"]


def test_a_convolution_is_written_as_its_matrix():
    taps = Connection("input", Conv(np.array([[[[1, 2]]]])))
    first = Population("h", (1, 1, 2), [taps], arithmetic="xylo", most=31)
    program = Program(Input((1, 1, 3), 0, 15), (first, _population("o", [_hears("h")], most=1)), arithmetic="xylo")
    assert specify(program).arguments["weights_in"][:, :, 0].tolist() == [[1, 0], [2, 1], [0, 2]]


def test_the_json_holds_the_same_arguments(tmp_path):
    program = _net()
    export(program, "xylo", tmp_path / "x")
    facts = json.loads((tmp_path / "x" / "specification.json").read_text())
    assert facts["digest"] == program.digest
    for name, values in specify(program).arguments.items():
        assert facts["arguments"][name] == values.tolist()


def test_without_its_environment_it_says_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setenv(ENVIRONMENT.variable, str(tmp_path / "none"))
    with pytest.raises(
        MissingToolError, match=r"xylosim: its environment .* is missing  fix: type: snn2hw install xylosim"
    ):
        find_python()
