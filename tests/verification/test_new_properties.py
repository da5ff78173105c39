"""Programs of several spikes a message, firing at the threshold, rests or no reset: all executors compute the same."""

from functools import partial
from typing import get_args

import numpy as np
import pytest

from exporters import lava, to_c, to_onnx
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import InputError, MachineError, UnsupportedError
from sim.fast import Kernels, simulate
from sim.fast.vector.isa import AVX512, best
from sim.raster import check_raster
from sim.request import Request
from sim.trace import RECORDABLE
from tests.programs import random_program, random_raster

FORMS = [form for form in get_args(Kernels) if form != "avx512" or best() == AVX512]
LAVA_SHARE = 10
"""Lava's classes run every tenth program, those of which it can say."""


def engine(name, program, raster, **_):
    return run(program, raster, engine=name, record=RECORDABLE, allow_wrap=True)


def form(kernels, program, raster, **_):
    return simulate(program, check_raster(program, raster), Request(RECORDABLE, allow_wrap=True), kernels=kernels)


EXECUTORS = {
    **{f"fast, {kernels}": partial(form, kernels) for kernels in FORMS},
    "torch": partial(engine, "torch"),
    "onnx": to_onnx.execute,
    "c": to_c.execute,
}


def cases(count, first):
    """Yield so many programs with a new property, none of which leaves the machine, and what the reference makes."""
    seed, found = first, 0
    while found < count:
        rng = np.random.default_rng(seed)
        program, seed = random_program(rng), seed + 1
        raster = random_raster(rng, program)
        if not any(p.kept_properties() or p.reset == "none" for p in program.populations):
            continue
        try:
            expected = engine("reference", program, raster)
        except MachineError:
            continue
        found += 1
        yield program, raster, expected


def agree(count, first):
    """Compare everybody with the reference; return how many programs each of them ran."""
    ran = dict.fromkeys([*EXECUTORS, "lava"], 0)
    for place, (program, raster, expected) in enumerate(cases(count, first)):
        executors = EXECUTORS if place % LAVA_SHARE else {**EXECUTORS, "lava": lava.execute_classes}
        for name, execute in executors.items():
            try:
                got = execute(program, raster, timeout_s=600.0)
            except (InputError, UnsupportedError):  # sums that vector kernels do not take, or what Lava cannot say
                continue
            assert first_divergence(program, expected, got) is None, name
            ran[name] += 1
    return ran


def test_everybody_agrees_on_a_few():
    pytest.importorskip("torch")
    ran = agree(10, 70_000)
    assert {name for name, n in ran.items() if n == 10} >= {"fast, auto", "fast, general", "torch", "onnx", "c"}


@pytest.mark.full
@pytest.mark.parametrize("first", range(80_000, 100_000, 1000))
def test_everybody_agrees_on_a_thousand_in_twenty_parts(first):
    pytest.importorskip("torch")
    ran = agree(50, first)
    assert {name for name, n in ran.items() if n >= 49} >= {"fast, auto", "fast, general", "torch", "onnx", "c"}
    assert ran["fast, portable"] > 35
