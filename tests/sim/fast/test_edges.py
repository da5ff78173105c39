"""Programs at the edges of what the tables, the lists and the words of bits can hold."""

import numpy as np
import pytest

from sim import reference
from sim.engines import run
from sim.fast import Kernels, simulate
from sim.fast.kernels import general
from sim.fast.layout.grid import LIST, grid
from sim.fast.layout.laid_out import LONGEST, lay_out
from sim.fast.layout.lookup import lookup
from sim.fast.layout.records import GROUPED, WINDOW
from sim.fast.readiness import missing
from sim.program import Connection, Conv, Dense, Input, Population, Program, Wiring
from sim.raster import check_raster
from sim.trace import RECORDABLE, SPIKES
from sim.wiring import output_shape
from tests.sim.fast.test_equal_to_reference import KERNELS, assert_equal, outcome

FORMS = [k for k in KERNELS if k.values[0] != "general"]


def assert_equal_at(program: Program, rate: float, kernels: Kernels, steps: int = 7) -> None:
    rng = np.random.default_rng(1)
    size = (2, steps, *program.input.shape)
    raster = check_raster(program, (rng.random(size) < rate) * rng.integers(0, program.input.hi + 1, size))
    expected = outcome(reference.simulate, program, raster, record=RECORDABLE, allow_wrap=True)
    assert not isinstance(expected, str)
    for record in (RECORDABLE, SPIKES):
        got = outcome(simulate, program, raster, record=record, kernels=kernels, threads=1, allow_wrap=True)
        assert_equal(program, expected, got)


def layer(described: Input, wiring: Wiring, shape: tuple[int, ...], *more: Population, **registers) -> Program:
    first = Population("p", shape, (Connection("input", wiring),), **registers)
    return Program(described, (first, *more))


@pytest.mark.parametrize("taps", [12, 25, 40, 56, 57, 58, 60, 64, 72, 120])
@pytest.mark.parametrize("kernels", FORMS)
def test_a_line_of_a_window_is_longer_than_a_word(kernels, taps):
    wiring = Conv(np.random.default_rng(taps).integers(-20, 21, (4, 1, 1, taps)), stride=(1, 3))
    described = Input((1, 1, 300))
    assert_equal_at(layer(described, wiring, output_shape(wiring, described.shape, ()), vth=60), 0.5, kernels)


@pytest.mark.parametrize("kernels", FORMS)
def test_nothing_is_connected(kernels):
    alone = Population("p", (5, 3, 1), (), vth=10, bias_mantissa=50, bias_exponent=3, dv=7)
    assert_equal_at(Program(Input((3,)), (alone,)), 0.5, kernels)


@pytest.mark.parametrize("sides", [(3,), (1, 6, 6)], ids=str)
def test_no_message_can_arrive_but_weights_are_wide(sides):
    wiring: Wiring = Dense(np.full((50, 3), 70_000)) if len(sides) == 1 else Conv(np.full((50, 1, 6, 6), -(2**31)))
    shape = (50,) if len(sides) == 1 else (50, 1, 1)
    assert_equal_at(layer(Input(sides, 0, 0), wiring, shape, bias_mantissa=9, vth=1), 0, "auto")


@pytest.mark.parametrize("channels", [65_504, 65_505, 65_536, 70_000])
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "image"])
def test_as_many_channels_as_a_list_can_tell_and_more(channels, flat):
    rng = np.random.default_rng(channels)
    shape = (channels,) if flat else (channels, 1, 1)
    after = Population("q", (3,), (Connection("p", Dense(rng.integers(-1, 2, (3, channels)))),), vth=3)
    program = layer(Input((2,)), Dense(rng.integers(-9, 10, (channels, 2))), shape, after, vth=3)
    assert_equal_at(program, 0.7, "auto", steps=3)
    read = layer(Input(shape), Dense(rng.integers(-1, 2, (3, channels))), (3,), vth=3)
    assert_equal_at(read, 0.7, "auto", steps=3)


@pytest.mark.parametrize("hi", [1, 9])
def test_a_line_of_a_window_that_no_list_can_tell_is_left_to_the_kernels_that_check_everything(hi):
    rng = np.random.default_rng(hi)
    described = Input((33_000, 1, 2), 0, hi)
    program = layer(described, Conv(rng.integers(-1, 2, (3, 33_000, 1, 2))), (3, 1, 1), vth=3)
    assert lay_out(program) is None
    assert_equal_at(program, 0.2, "auto", steps=3)


def test_a_window_of_many_lines_is_listed_and_not_looked_up():
    wiring = Conv(np.random.default_rng(0).integers(-9, 10, (3, 13, 2, 2)))
    program = layer(Input((13, 4, 4)), wiring, (3, 3, 3), vth=9)
    laid_out = lay_out(program)
    assert laid_out is not None
    assert (laid_out.connections["kind"] == WINDOW).all()
    assert_equal_at(program, 0.4, "auto")


@pytest.mark.parametrize("channels", [1, 2, 6, 13, 25])
@pytest.mark.parametrize("taps", [1, 2, 5, 11, 40, 57, 58, 120])
@pytest.mark.parametrize("outs", [3, 60, 65, 200])
def test_a_line_is_looked_up_in_as_few_parts_as_fit_the_nearest_cache(channels, taps, outs):
    """At most 24 lookups of at most 57 bits; a table of two bytes for every pattern and lane, in 24 KB."""
    wiring = Conv(np.ones((outs, channels, 1, taps), int), stride=(1, 2))
    shape = output_shape(wiring, (channels, 1, 2 * taps + 3), ())
    source, target = grid((channels, 1, 2 * taps + 3), lanes=False), grid(shape, lanes=True)
    found = lookup(wiring, source, target)
    if found is not None and found.pixels == 2:
        assert (found.spans, found.span) == (1, taps + 2)
        return
    bits = [-(-taps // parts) for parts in range(1, 24 // channels + 1)]
    held = [2 * channels * (i + 1) * min(target.pitch, 128) << b <= 24 << 10 for i, b in enumerate(bits)]
    fits = [i + 1 for i, b in enumerate(bits) if held[i] and b * (i + 1) <= 57]
    if target.pitch <= 64 and target.width % 2 == 0 and 4 * channels * target.pitch << taps + 2 <= 64 << 10:
        assert found is None  # two neighbours would fit, but not so many lines
    else:
        assert (found and found.spans) == (fits[0] if fits else None)


@pytest.mark.parametrize("hi", [1, 9])
@pytest.mark.parametrize("groups", [224, 112])
@pytest.mark.parametrize("kernels", FORMS)
def test_many_small_groups(kernels, groups, hi):
    """Depthwise: one weight at a time, for the input and for what a population fires, shifted or not."""
    rng = np.random.default_rng(groups + hi)
    described = Input((224, 5, 4), 0, hi)
    wide, narrow = (
        Conv(rng.integers(-9, 10, (224, 224 // groups, 3, 3)), padding=(gap, gap), dilation=(gap, gap), groups=groups)
        for gap in (2, 1)
    )
    first = Conv(rng.integers(-9, 10, (224, 224 // groups, 3, 2)), (1, 2), (1, 1), groups=groups)
    shape = output_shape(first, described.shape, ())
    inputs = (Connection("p", wide, exponent=-1), Connection("p", narrow, exponent=1, lag=1))
    after = Population("q", shape, inputs, vth=5, du=2000, dv=99)
    program = layer(described, first, shape, after, vth=4)
    laid_out = lay_out(program)
    assert laid_out is not None
    assert (laid_out.connections["kind"] == GROUPED).all()
    assert_equal_at(program, 0.4, kernels)


def test_a_lag_beyond_the_last_step_takes_no_memory(monkeypatch):
    """Of 4096 steps of 3000 neurons, 200 MB would be kept."""
    wiring = Dense(np.full((3000, 1), 2**18))
    inputs = (Connection("input", wiring), Connection("input", wiring, lag=4096))
    program = Program(Input((1,)), (Population("p", (3000,), inputs, vth=9),))
    kept: list[int] = []
    whole = general.simulate_samples
    monkeypatch.setattr(general, "simulate_samples", lambda *given: (kept.append(given[2]), whole(*given)))
    assert_equal_at(program, 0.5, "general", steps=3)
    assert kept == [4, 4]


def test_more_spikes_in_a_step_than_a_list_holds_go_to_the_checking_kernels():
    wide = 70_000
    weight = np.full((wide, 1), 127)
    spiking = Population("p", (wide,), (Connection("input", Dense(weight), 7),), vth=1, most=255, reset="subtract")
    program = Program(Input((1,)), (spiking,))
    assert lay_out(program) is None
    wanted = missing(program, 2, ("spikes",))
    assert wanted.loops == ()
    raster = np.ones((1, 2, 1), np.uint8)
    sent = run(program, raster, engine="fast").spikes["p"]
    assert (sent == run(program, raster, engine="reference").spikes["p"]).all()
    assert sent.sum() > LONGEST
    assert missing(program, 2, ("spikes",)).kernels == 0


@pytest.mark.parametrize("hi", [1, 9])
@pytest.mark.parametrize("kernels", FORMS)
def test_a_window_of_more_rows_than_a_list_tells_apart_is_several_groups(kernels, hi):
    """Every line of it is a group of its own, whose rows are counted from its own first."""
    wiring = Conv(np.random.default_rng(hi).integers(-3, 4, (3, 32, 3, LIST // 96 + 1)))
    described = Input((32, 5, LIST // 96 + 3), 0, hi)
    program = layer(described, wiring, output_shape(wiring, described.shape, ()), vth=40)
    laid_out = lay_out(program)
    assert laid_out is not None
    assert (laid_out.connections["group"] < laid_out.connections["rows"] // 2).all()
    assert_equal_at(program, 0.05, kernels, steps=3)
