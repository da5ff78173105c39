"""The fast engine against the definition: every recorded value, count and refusal, with every set of kernels."""

from typing import get_args

import numpy as np
import pytest

from sim.compare import count_difference, first_divergence
from sim.engines import run
from sim.errors import InputError, MachineError
from sim.fast import Kernels, simulate
from sim.fast.isa import AVX512, best
from sim.program import Program
from sim.trace import RECORDABLE, Trace
from tests.programs import random_program, random_raster

KERNELS = [
    pytest.param(name, marks=pytest.mark.skipif(name == "avx512" and best() != AVX512, reason="this CPU lacks AVX-512"))
    for name in get_args(Kernels)
]


def assert_equal(program: Program, expected: Trace | str, got: Trace | str) -> None:
    if isinstance(expected, str) or isinstance(got, str):
        assert got == expected
        return
    assert first_divergence(program, expected, got) is None
    assert count_difference(expected.counts, got.counts) is None
    np.testing.assert_array_equal(got.output, expected.output)


def assert_equal_on(seeds: range, kernels: Kernels) -> int:
    """Return how many programs these kernels could run."""
    taken = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program)
        options = {"allow_wrap": seed % 3 != 0, "clip_free": tuple(program.by_name) if seed % 5 == 0 else ()}
        outcomes: list[Trace | str] = []
        try:
            expected: Trace | str = run(program, raster, record=RECORDABLE, **options)  # type: ignore[arg-type]
        except MachineError as error:
            expected = str(error)
        try:
            outcomes.append(simulate(program, raster, record=RECORDABLE, kernels=kernels, threads=1, **options))  # type: ignore[arg-type]
        except MachineError as error:
            outcomes.append(str(error))
        except InputError:
            continue  # these kernels are for programs whose sums a bound keeps small
        assert_equal(program, expected, outcomes[0])
        taken += 1
    return taken


@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(100), kernels) >= 60


@pytest.mark.full
@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_a_thousand_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(1000, 2000), kernels) >= 600
