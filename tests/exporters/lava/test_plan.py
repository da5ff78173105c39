"""Lava's own processes wherever they are exact, ours where it has none, and every one of ours is named."""

import ast
import sys

import numpy as np
import pytest

from exporters.lava.install import STANDALONE
from exporters.lava.plan import plan
from sim.errors import UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program

DENSE = Dense(np.array([[2, -4, 6], [8, 0, -2]]))
CONV = Conv(np.full((2, 1, 3, 3), 3), padding=(1, 1))


def _flat(wiring=DENSE, exponent=0, lag=0, **registers):
    return Program(Input((3,)), (Population("p", (2,), (Connection("input", wiring, exponent, lag),), **registers),))


def _image(wiring=CONV, exponent=0, lag=0, **registers):
    inputs = (Connection("input", wiring, exponent, lag),)
    return Program(Input((1, 4, 5)), (Population("p", (2, 4, 5), inputs, **registers),))


def _processes(program):
    return [c["process"] for p in plan(program).description["populations"] for c in p["inputs"]]


@pytest.mark.parametrize(
    "program",
    [
        _flat(vth=5, dv=100, du=7, bias_mantissa=3),
        _flat(vth=[1, 2], dv=[0, 4095], du=[3, 4]),
        _flat(Dense(np.array([[4095, -32768, 1], [0, 3, 7]]))),
        _flat(exponent=-3),
        _flat(lag=5),
        _image(),
    ],
)
def test_what_lava_can_say_loses_nothing(program):
    assert plan(program).losses == ()
    assert not {"WideConv"} & set(_processes(program))


@pytest.mark.parametrize(
    ("program", "loss"),
    [
        (_flat(reset="subtract"), "Lava's LIF cannot reset by subtraction; own process LIFStart, CPU only"),
        (_flat(v0=3), "Lava's LIF cannot return to u0 and v0; own process LIFStart, CPU only"),
        (_flat(fires=False), "never fires by vth = 131072 on the CPU; a chip has 131071 at most"),
        (_image(exponent=-1), "Lava's Conv knows no exponents and wraps its sums at 24 bits; own process WideConv"),
        (_image(exponent=2), "Lava's Conv knows no exponents; 2 is folded into its weights"),
        (_image(lag=2), "a delay of 2 steps; own process Delay, CPU only"),
        (_flat(lag=80), "a delay of 80 steps; own process Delay, CPU only"),
        (
            _flat(Dense(np.full((2, 3), 999)), exponent=-2),
            "weights beyond 8 bits with exponent -2; own process ShiftSum",
        ),
    ],
)
def test_what_lava_cannot_say_is_a_named_loss(program, loss):
    (found,) = plan(program).losses
    assert (found.where, found.what.removeprefix("reads 'input': ")[: len(loss)]) == ("p", loss)


def test_a_population_read_with_a_lag_is_gated_and_says_so():
    loop = Connection("p", Dense(np.eye(2, dtype=int)), lag=1)
    program = Program(Input((3,)), (Population("p", (2,), (Connection("input", DENSE), loop), vth=1),))
    assert ["own process Gate" in loss.what for loss in plan(program).losses] == [True]


def test_a_lag_of_up_to_63_steps_is_a_delay_dense():
    assert _processes(_flat(lag=64)) == ["DelayDense"]  # start 0, so the delay is the lag
    assert _processes(_flat(lag=65)) == ["Dense"]


def test_weights_beyond_32_bits_are_refused():
    wide = Conv(np.full((2, 1, 3, 3), 1 << 27), padding=(1, 1))
    with pytest.raises(UnsupportedError, match=r"population 'p': reads 'input': weights << 5 do not fit 32 bits"):
        plan(_image(wide, exponent=5))


def test_two_convolutions_that_could_cancel_beyond_24_bits_are_widened():
    big = Connection("input", Conv(np.full((2, 1, 3, 3), 1 << 20), padding=(1, 1)))
    program = Program(Input((1, 4, 5)), (Population("p", (2, 4, 5), (big, big)),))
    assert _processes(program) == ["WideConv", "WideConv"]


def test_the_folder_of_our_process_models_holds_nothing_else():
    assert [p.name for p in (STANDALONE / "own").iterdir() if p.name != "__pycache__"] == ["processes.py"]


def test_the_standalone_code_needs_nothing_but_lava_and_numpy():
    ours = {p.stem for p in STANDALONE.glob("*.py")} | {"own"}
    allowed = {"lava", "numpy"} | ours | sys.stdlib_module_names
    for path in STANDALONE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {str(n).partition(".")[0] for n in names} <= allowed, path.name
