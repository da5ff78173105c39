"""The kernel for Xylo programs gives the reference's trace, counts and refusals."""

import numpy as np
import pytest

from sim.auto import chosen_engine
from sim.compare import count_difference, first_divergence
from sim.engines import run
from sim.errors import InputError, MachineError
from sim.fast.readiness import missing
from sim.fast.vector.isa import AVX512, PORTABLE, best
from sim.fast.xylo.engine import simulate
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.request import Request
from sim.trace import recordable
from tests.exporters.xylo.networks import random_xylo

FORMS = ("portable", "avx512") if best() == AVX512 else ("portable",)


@pytest.mark.parametrize("kernels", FORMS)
@pytest.mark.parametrize("seed", range(80))
def test_random_programs_give_the_references_trace_and_counts(seed, kernels):
    program, raster = random_xylo(seed)
    slow = run(program, raster, engine="reference", record=recordable(program))
    quick = simulate(program, raster, Request(recordable(program)), kernels=kernels)
    assert first_divergence(program, slow, quick) is None
    assert count_difference(slow.counts, quick.counts) is None
    np.testing.assert_array_equal(slow.output, quick.output)


@pytest.mark.parametrize("kernels", FORMS)
@pytest.mark.parametrize("seed", range(6))
def test_populations_of_several_pieces_do_so_too(seed, kernels):
    """Pieces are of 64 or up to 192 lanes, lists of up to 64 or 32 spikes are written at once."""
    program, raster = random_xylo(seed, widest=250)
    slow = run(program, raster, engine="reference", record=recordable(program))
    quick = simulate(program, raster, Request(recordable(program)), kernels=kernels)
    assert first_divergence(program, slow, quick) is None
    assert count_difference(slow.counts, quick.counts) is None


def test_a_source_too_wide_for_a_list_is_the_references():
    wide = Population("p", (1,), [Connection("input", Dense(np.full((1, 70_000), 3)))], arithmetic="xylo", theta=9)
    program, raster = Program(Input((70_000,), 0, 15), (wide,), arithmetic="xylo"), np.zeros((1, 2, 70_000), int)
    raster[0, 1, 69_999] = 5
    assert run(program, raster, engine="fast").counts.synops["p"].tolist() == [5]


@pytest.mark.parametrize("inputs", [31, 32, 33, 70])
@pytest.mark.parametrize("kernels", FORMS)
def test_an_input_of_more_channels_than_are_listed_at_once_is_heard_once(inputs, kernels):
    rng = np.random.default_rng(inputs)
    heard = [Connection("input", Dense(rng.integers(-20, 21, (5, inputs))))]
    program = Program(
        Input((inputs,), 0, 15), (Population("p", (5,), heard, arithmetic="xylo", theta=90),), arithmetic="xylo"
    )
    raster = rng.integers(0, 16, (2, 9, inputs))
    slow = run(program, raster, engine="reference", record=recordable(program))
    quick = simulate(program, raster, Request(recordable(program)), kernels=kernels)
    assert first_divergence(program, slow, quick) is None
    assert count_difference(slow.counts, quick.counts) is None


@pytest.mark.parametrize("record", ["spikes", "i2", "v", ()])
def test_what_is_not_asked_for_is_not_recorded(record):
    program, raster = random_xylo(5)
    slow, quick = run(program, raster, record=record), run(program, raster, engine="fast", record=record)
    assert first_divergence(program, slow, quick) is None
    np.testing.assert_array_equal(slow.output, quick.output)
    assert quick.others.keys() == ({"i2"} if record == "i2" else set())


def test_a_readout_gives_its_potential_and_convolutions_run():
    taps = Connection("input", Conv(np.arange(-6, 6).reshape(2, 1, 2, 3), padding=(1, 1)), 4)
    first = Population("h", (2, 3, 3), [taps], arithmetic="xylo", most=31, theta=90, dash_syn=2)
    out = Population(
        "o", (2,), [Connection("h", Dense(np.arange(36).reshape(2, 18) - 15))], arithmetic="xylo", fires=False
    )
    program = Program(Input((1, 2, 3), 0, 15), (first, out), arithmetic="xylo")
    raster = np.random.default_rng(0).integers(0, 16, (3, 20, 1, 2, 3))
    slow, quick = run(program, raster), run(program, raster, engine="fast")
    assert slow.spikes["h"].max() > 1
    assert slow.output.dtype == quick.output.dtype == np.int32
    np.testing.assert_array_equal(slow.output, quick.output)


def test_sums_far_beyond_their_16_bits_stay_at_its_ends():
    rng = np.random.default_rng(0)
    heard = [Connection("input", Dense(rng.integers(100, 128, (3, 5000))), 8)]
    heard += [Connection("input", Dense(-rng.integers(100, 128, (3, 5000))), 8)]
    program = Program(Input((5000,), 0, 15), (Population("h", (3,), heard, arithmetic="xylo"),), arithmetic="xylo")
    raster = rng.integers(0, 16, (1, 3, 5000))
    slow = run(program, raster, engine="reference", record=("i", "v"))
    quick = run(program, raster, engine="fast", record=("i", "v"))
    assert first_divergence(program, slow, quick) is None
    assert abs(slow.others["i"]["h"]).max() == 32767 - 32767 // 2


def test_a_saturation_against_a_certificate_is_the_references_refusal():
    program, raster = random_xylo(2, harsh=True)
    said = []
    for engine in ("reference", "fast"):
        with pytest.raises(MachineError) as caught:
            run(program, raster, engine=engine, clip_free=program.by_name)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_threads_change_nothing():
    program, raster = random_xylo(7)
    raster = np.concatenate([raster] * 20)
    traces = [simulate(program, raster, Request(recordable(program)), threads=n) for n in (1, 3)]
    assert first_divergence(program, *traces) is None
    assert count_difference(traces[0].counts, traces[1].counts) is None


def test_the_default_engine_takes_it_for_large_runs_and_knows_when_nothing_is_to_be_compiled():
    program, raster = random_xylo(5, widest=250)
    run(program, raster, engine="fast")
    assert missing(program, raster.shape[1], ("spikes",)).kernels == 0
    assert chosen_engine(program, (1, 2), ("spikes",)) == "reference"
    assert chosen_engine(program, (100_000, 100), ("spikes",)) == "fast"


def test_it_has_no_kernels_of_64_bits():
    program, raster = random_xylo(5)
    with pytest.raises(InputError, match="arithmetic 'xylo' has vector kernels only"):
        simulate(program, raster, Request(), kernels="general")


def test_instructions_that_this_cpu_lacks_are_refused_by_name(monkeypatch):
    monkeypatch.setattr("sim.fast.xylo.engine.best", lambda: PORTABLE)
    program, raster = random_xylo(5)
    with pytest.raises(InputError, match="this CPU has no AVX-512"):
        simulate(program, raster, Request(), kernels="avx512")
