"""The torch engine against the definition, on the CPU, and on a GPU where there is one."""

import sys

import numpy as np
import pytest

from sim import reference
from sim.engines import run
from sim.errors import InputError, MissingToolError
from sim.program import Connection, Dense, Input, Population, Program
from sim.raster import check_raster
from sim.torch_engine import simulate
from sim.trace import RECORDABLE
from tests.programs import random_program, random_raster
from tests.sim.fast.test_equal_to_reference import assert_equal, outcome
from tests.sim.fast.test_properties import REFUSED

torch = pytest.importorskip("torch")

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")),
]


def assert_equal_on(seeds: range, device: str) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = check_raster(program, random_raster(rng, program))
        options = {"allow_wrap": seed % 3 != 0, "clip_free": tuple(program.by_name) if seed % 5 == 0 else ()}
        expected = outcome(reference.simulate, program, raster, record=RECORDABLE, **options)
        got = outcome(simulate, program, raster, record=RECORDABLE, device=device, **options)
        assert_equal(program, expected, got)


@pytest.mark.parametrize("device", DEVICES)
def test_torch_equals_reference_on_random_programs(device):
    assert_equal_on(range(100), device)


@pytest.mark.full
@pytest.mark.parametrize("device", DEVICES)
def test_torch_equals_reference_on_a_thousand_random_programs(device):
    assert_equal_on(range(1000, 2000), device)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_reference_refuses_is_refused_in_the_same_words(name):
    program, messages, options = REFUSED[name]
    raster = np.array(messages)[None, :, None]
    assert outcome(simulate, program, raster, **options) == outcome(reference.simulate, program, raster, **options)


def test_a_batch_in_groups_is_the_batch(monkeypatch):
    from sim import torch_engine

    rng = np.random.default_rng(3)
    program = random_program(rng)
    raster = random_raster(rng, program, batch=7)
    whole = run(program, raster, engine="torch", record=RECORDABLE, allow_wrap=True)
    monkeypatch.setattr(torch_engine, "MOST", 3)
    done: list[int] = []
    parts = run(program, raster, engine="torch", record=RECORDABLE, allow_wrap=True, progress=done.append)
    assert_equal(program, whole, parts)
    assert done == [n * raster.shape[1] for n in (3, 3, 1)]


def test_without_torch_the_engine_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    program = Program(Input((1,)), (Population("p", (1,), (Connection("input", Dense([[1]])),)),))
    with pytest.raises(MissingToolError, match="needs torch, which is not installed  fix: pip install torch, or use"):
        run(program, np.ones((1, 1, 1), int), engine="torch")


def test_sums_that_float64_might_round_are_refused():
    inputs = (Connection("input", Dense(np.full((1, 4096), 2**28)), exponent=-8),)
    program = Program(Input((4096,), 0, 2**23 - 1), (Population("p", (1,), inputs),))
    with pytest.raises(InputError, match="may reach 2\\^53"):
        run(program, np.zeros((1, 1, 4096), int), engine="torch")
