"""Arithmetic `xylo` against plain integers that are added one by one, and its certificates against runs."""

import numpy as np
import pytest

from exporters.program_file import read_program, write_program
from sim.arithmetic.xylo import dash
from sim.compare import recorded_of
from sim.engines import run
from sim.errors import ProgramError, UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import recordable
from snn2hw.compiler.certify import prove
from snn2hw.compiler.checker import check_certificate
from tests.exporters.xylo.networks import random_xylo
from tests.sim.oracle import synapses
from tests.sim.xylo_battery import difference, loses


@pytest.mark.parametrize("seed", range(30))
def test_the_reference_adds_as_by_hand(seed):
    assert difference(*random_xylo(seed)) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_convolution_saturates_as_the_matrix_that_it_is(seed):
    """Weights are so great that sums are clipped on the way, where it matters in which order messages arrive."""
    rng = np.random.default_rng(seed)
    conv = Conv(rng.integers(-128, 128, (2, 3, 2, 2)), stride=(1, 2), padding=(1, 0))
    source, target = (3, 3, 4), (2, 4, 2)
    matrix = np.zeros((16, 36), int)
    for i, o, weight in synapses(conv, source, target):
        matrix[o, i] = weight
    raster = rng.integers(0, 16, (2, 6, *source)) * (rng.random((2, 6, *source)) < 0.7)
    traces = []
    for wiring in (conv, Dense(matrix)):
        heard = (Connection("input", wiring, 7, port=0), Connection("input", wiring, 8, lag=1, port=1))
        p = Population("p", target, heard, arithmetic="xylo", theta=900, dash_mem=4, most=31)
        traces.append(run(program := Program(Input(source, 0, 15), (p,), "xylo"), raster, record=recordable(program)))
    one, other = (recorded_of(trace) for trace in traces)
    assert all((one[what]["p"] == other[what]["p"]).all() for what in recordable(program))
    assert (traces[0].counts.clips["p"] == traces[1].counts.clips["p"]).all()
    assert traces[0].counts.clips["p"].all()


@pytest.mark.parametrize("seed", range(3))
def test_what_never_fires_is_bounded_by_what_arrives_alone(seed):
    """No spike takes anything from it: the checker, which derives that in its own way, gives the same ends."""
    rng = np.random.default_rng(seed)
    heard = (Connection("input", Dense(rng.integers(-128, 128, (3, 4))), int(rng.integers(0, 9))),)
    p = Population("p", (3,), heard, arithmetic="xylo", fires=False, bias=int(rng.integers(-99, 99)), dash_mem=3)
    program = Program(Input((4,), 0, 15), (p,), "xylo")
    certificate = prove(program, 9)
    assert check_certificate(program, certificate.to_json()) == []
    trace = run(program, rng.integers(0, 16, (5, 9, 4)), record=recordable(program))
    low, high = certificate.bounds["p"].states["v"]
    assert low <= trace.v["p"].min() <= trace.v["p"].max() <= high


def test_a_dash_is_at_least_one_of_what_is_above_zero():
    x = np.arange(-40, 41)
    for n in range(16):
        assert dash(x, n).tolist() == [loses(int(i), n) for i in x]


def _single(weight=1, *, lo=0, hi=15, **values):
    heard = (Connection("input", Dense([[weight]]), values.pop("exponent", 0), port=values.pop("port", 0)),)
    return Program(Input((1,), lo, hi), (Population("p", (1,), heard, arithmetic="xylo", **values),), "xylo")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"theta": 0}, "population 'p': theta 0..0 is outside the register's 1..32767"),
        ({"exponent": 9}, "with exponent 9  fix: use an integer exponent in 0..8"),
        ({"port": 2}, "with port 2  fix: use an integer port in 0..1"),
        ({"weight": 128}, "reads 'input' with weights 128..128  fix: use integers in -128..127"),
        ({"most": 32}, "population 'p': most 32  fix: use an integer in 1..31"),
        ({"reset": "zero"}, "population 'p': reset 'zero'  fix: use 'subtract'"),
        ({"lo": -1}, "input: messages -1..15"),
        ({"hi": 16}, "input: messages 0..16"),
        ({"dash_mem": 16}, "population 'p': dash_mem 16..16 is outside the register's 0..15"),
    ],
)
def test_what_it_does_not_hold_is_refused(values, message):
    with pytest.raises(ProgramError) as caught:
        _single(**values)
    assert message in str(caught.value)


def test_a_loihi_connection_has_one_port():
    with pytest.raises(ProgramError, match=r"with port 1  fix: use an integer port in 0\.\.0"):
        Program(Input((1,)), (Population("p", (1,), (Connection("input", Dense([[1]]), port=1),)),))


@pytest.mark.parametrize("seed", range(6))
def test_a_program_comes_back_from_its_file(tmp_path, seed):
    program, _ = random_xylo(seed)
    write_program(program, tmp_path / "p.nir")
    back = read_program(tmp_path / "p.nir")
    assert back.digest == program.digest
    assert [c.port for p in back.populations for c in p.inputs] == [
        c.port for p in program.populations for c in p.inputs
    ]


def test_the_port_enters_the_digest():
    assert _single(port=0).digest != _single(port=1).digest


@pytest.mark.parametrize("seed", range(40))
def test_a_certificate_holds_every_run(seed):
    program, raster = random_xylo(seed, harsh=seed % 4 == 0)
    certificate = prove(program, raster.shape[1])
    trace = run(program, raster, record=recordable(program), clip_free=certificate.clip_free)
    recorded = recorded_of(trace)
    for p in program.populations:
        for state in ("i", "i2", "v"):
            low, high = certificate.bounds[p.name].states[state]
            values = recorded[state][p.name]
            assert max(low, -32768) <= values.min() <= values.max() <= min(high, 32767)
    assert check_certificate(program, certificate.to_json()) == []


def test_a_certificate_says_cannot_saturate_or_by_how_much():
    quiet = prove(_single(2, theta=10), 50)
    assert quiet.clip_free == ("p",)
    loud = prove(_single(127, exponent=8, dash_syn=4, theta=10), 50)
    assert loud.bounds["p"].beyond["i"] > 15 * 127 * 256 - 32767
    assert "can: i by" in str(loud)


def test_the_checker_sees_a_bound_that_is_too_good():
    program, raster = random_xylo(2)
    stated = prove(program, raster.shape[1]).to_json()
    for name in stated["bounds"]:
        for state in ("a", "i", "i2", "v"):
            low, high = stated["bounds"][name][state]
            stated["bounds"][name][state] = [low, high - 1]
            assert any(f"population {name!r}: {state}" in fault for fault in check_certificate(program, stated))
            stated["bounds"][name][state] = [low, high]


def test_the_torch_engine_refuses_it():
    with pytest.raises(UnsupportedError, match="engine 'torch' computes loihi only"):
        run(_single(), np.zeros((1, 1, 1), dtype=int), engine="torch")
