"""The fast engine against the definition: every recorded value, count and refusal, with every set of kernels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from sim import reference
from sim.compare import count_difference, first_divergence
from sim.errors import InputError, MachineError
from sim.fast import Kernels, simulate
from sim.fast.isa import AVX512, best
from sim.program import Program
from sim.raster import check_raster
from sim.trace import RECORDABLE, SPIKES, Trace
from tests.programs import random_program, random_raster

KERNELS = [
    pytest.param(name, marks=pytest.mark.skipif(name == "avx512" and best() != AVX512, reason="this CPU lacks AVX-512"))
    for name in get_args(Kernels)
]


def assert_equal(program: Program, expected: Trace | str, got: Trace | str) -> None:
    """Compare what ``got`` recorded, and everything that is counted."""
    if isinstance(expected, str) or isinstance(got, str):
        assert got == expected
        return
    recorded = {what: getattr(expected, what) if getattr(got, what) else {} for what in RECORDABLE}
    assert first_divergence(program, replace(expected, **recorded), got) is None
    assert count_difference(expected.counts, got.counts) is None
    np.testing.assert_array_equal(got.output, expected.output)


def outcome(simulate: Callable[..., Trace], *args: Any, **options: Any) -> Trace | str:
    """Return the trace, or the refusal."""
    try:
        return simulate(*args, **options)
    except MachineError as error:
        return str(error)


def assert_equal_on(seeds: range, kernels: Kernels) -> int:
    """Compare with everything recorded, and with spikes only: then two steps are advanced at once.

    Return how many programs these kernels could run.
    """
    taken = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = check_raster(program, random_raster(rng, program))
        if seed % 2 == 1:  # steps that repeat the one before: their sums are kept
            raster = np.repeat(raster, rng.integers(1, 4, raster.shape[1]), axis=1)
        options = {"allow_wrap": seed % 3 != 0, "clip_free": tuple(program.by_name) if seed % 5 == 0 else ()}
        expected = outcome(reference.simulate, program, raster, record=RECORDABLE, **options)
        for record in (RECORDABLE, SPIKES):
            try:
                got = outcome(simulate, program, raster, record=record, kernels=kernels, threads=1, **options)
            except InputError:
                break  # these kernels are for programs whose sums a bound keeps small
            assert_equal(program, expected, got)
        else:
            taken += 1
    return taken


@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(100), kernels) >= 60


@pytest.mark.full
@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_a_thousand_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(1000, 2000), kernels) >= 600
