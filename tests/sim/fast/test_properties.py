"""What the reference is held to holds for the fast engine too: the oracle, refusals, recordings, trained networks."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sim import reference
from sim.engines import run
from sim.errors import InputError
from sim.fast import simulate
from sim.fast.kernels import general
from sim.program import Connection, Dense, Input, Population, Program
from sim.raster import check_raster
from sim.request import Request
from sim.trace import RECORDABLE, SPIKES
from snn2hw.compiler.compile import compile_source
from snn2hw.sources.from_nir import from_nir
from tests.programs import random_program, random_raster
from tests.recordings import dense_layer, tinynet
from tests.sim import battery
from tests.sim.fast.test_equal_to_reference import KERNELS, SINGLE, asked, assert_equal, outcome
from tests.sim.test_mutants import CASES

ROOT = Path(__file__).parents[3]
TRAINED = (*ROOT.glob("tests/fixtures/trained/*.nir"), *ROOT.glob("snn2hw/demo/data/*.nir"))


@pytest.mark.parametrize("cases", [CASES, pytest.param(150, marks=pytest.mark.full)])
@pytest.mark.parametrize("kernels", KERNELS)
def test_the_cases_that_kill_every_known_mutant_of_the_reference(kernels, cases, monkeypatch):
    """Fast against the oracle, which shares no code with it; kernels that cannot take a program leave it to others."""

    def fast(program, raster, *, record=SPIKES, **options):
        try:
            return asked(simulate, program, check_raster(program, raster), record=record, kernels=kernels, **options)
        except InputError:
            return run(program, raster, engine="fast", record=record, **options)

    monkeypatch.setattr(battery, "run", fast)
    assert battery.main(cases) == 0


def one(weight: int, neurons: int = 1, **registers) -> Program:
    inputs = (Connection("input", Dense([[weight]] * neurons)),)
    return Program(Input((1,), 0, 255), (Population("p", (neurons,), inputs, **registers),))


REFUSED = {
    "the accumulator": (one(2**20, du=4095, vth=10), [0, 2], {"allow_wrap": True}),
    "the first of several sums": (one(2**20, 3, du=4095, vth=10), [0, 2], {"allow_wrap": True}),
    "a wrap": (one(2**18, du=4095, vth=10), [1], {}),
    "a later wrap": (one(30_000, du=0, vth=131071), [0, 1, 1, 1, 1, 1, 1], {}),
    "a certified clip": (one(100_000, du=4095, dv=0, vth=10, fires=False), [1, 1, 1], {"clip_free": ["p"]}),
    "a register of 31 bits": (one(2**20, du=0, fires=False), [1] * 60, {"allow_wrap": True}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_reference_refuses_is_refused_in_the_same_words(name):
    program, messages, options = REFUSED[name]
    raster = np.array(messages)[None, :, None]
    expected = outcome(reference.simulate, program, raster, **options)
    assert isinstance(expected, str)
    assert outcome(simulate, program, raster, **options) == expected


@pytest.mark.parametrize("kernels", KERNELS[:3])
@pytest.mark.parametrize(("events", "again"), [(3, False), (16, True)])
def test_a_sum_that_could_be_large_costs_nothing_until_it_is(kernels, events, again, monkeypatch):
    """131,072 is what vector kernels can tell of any sum: 16 weights may come to four times as much, three to less."""
    rng = np.random.default_rng(events)
    weight = rng.integers(20_000, 32_767, (40, 16)) * rng.choice([-1, 1], (40, 1))
    inputs = (Connection("input", Dense(weight)),)
    program = Program(Input((16,)), (Population("p", (40,), inputs, du=1000, dv=300, vth=9000, reset="subtract"),))
    raster = np.zeros((3, 9, 16), dtype=np.int64)
    raster[1, 2:, :events] = 1
    again_on = []
    whole = general.runner
    monkeypatch.setattr(general, "runner", lambda *args: again_on.append(args) or whole(*args))
    for allow_wrap in (True, False):
        expected = outcome(reference.simulate, program, raster, record=RECORDABLE, allow_wrap=allow_wrap)
        got = outcome(simulate, program, raster, record=RECORDABLE, allow_wrap=allow_wrap, kernels=kernels)
        assert_equal(program, expected, got)
    assert bool(again_on) == again


@pytest.mark.parametrize("recorded", [dense_layer, tinynet])
def test_recorded_layers_come_out_equal(recorded):
    program, raster, _ = recorded()
    expected = reference.simulate(program, check_raster(program, raster), Request(RECORDABLE, allow_wrap=True))
    for record in (RECORDABLE, SPIKES):
        assert_equal(program, expected, run(program, raster, engine="fast", record=record, allow_wrap=True))


@pytest.fixture(scope="module", params=TRAINED, ids=lambda path: path.stem)
def trained(request):
    """Return a trained network's program and input as it is encoded directly, and as it is not."""
    rng = np.random.default_rng(0)
    still = np.repeat(rng.integers(0, 32, (3, 1, 1, 32, 32)) * (rng.random((3, 1, 1, 32, 32)) < 0.7), 8, axis=1)
    moving = rng.integers(0, 32, still.shape) * (rng.random(still.shape) < 0.1)
    return compile_source(from_nir(request.param), "loihi1", still).program, np.concatenate([still, moving])


@pytest.mark.parametrize("kernels", KERNELS)
def test_trained_networks_run_equal(trained, kernels):
    program, raster = trained
    expected = reference.simulate(program, raster, Request(RECORDABLE))
    assert all(expected.counts.spikes[p.name].any() for p in program.populations if p.fires and p.vth.max() < 131071)
    for record in (RECORDABLE, SPIKES):
        assert_equal(program, expected, simulate(program, raster, Request(record), kernels=kernels))


@pytest.mark.parametrize("seed", range(10))
def test_threads_change_nothing(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster = check_raster(program, random_raster(rng, program, batch=11))
    alone, together = (
        outcome(partial(simulate, threads=threads), program, raster, record=SPIKES, allow_wrap=True)
        for threads in (1, 4)
    )
    assert_equal(program, alone, together)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("record", [("u",), ("v",), ("spikes", "v")], ids=str)
def test_one_register_alone_is_recorded_where_it_belongs(kernels, record):
    """Of several populations and steps: what is not recorded takes no place between what is."""
    for seed in (3, 4, 8):
        rng = np.random.default_rng(seed)
        program = random_program(rng, SINGLE)
        raster = check_raster(program, random_raster(rng, program))
        expected = outcome(reference.simulate, program, raster, record=RECORDABLE, allow_wrap=True)
        try:
            got = outcome(simulate, program, raster, record=record, kernels=kernels, threads=1, allow_wrap=True)
        except InputError:
            continue  # these kernels are for programs whose sums a bound keeps small
        assert_equal(program, expected, got)
