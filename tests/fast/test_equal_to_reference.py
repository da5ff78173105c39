"""The fast engine against the definition: every recorded value, every count, every refusal."""

import numpy as np
import pytest

from sim.compare import count_difference, first_divergence
from sim.engines import run
from sim.errors import MachineError
from sim.program import Program
from sim.trace import RECORDABLE, Trace
from tests.programs import random_program, random_raster


def outcome(engine: str, program: Program, raster: np.ndarray, **options: object) -> Trace | str:
    try:
        return run(program, raster, engine=engine, record=RECORDABLE, **options)  # type: ignore[arg-type]
    except MachineError as error:
        return str(error)


def assert_equal_outcome(program: Program, raster: np.ndarray, **options: object) -> None:
    expected, got = (outcome(engine, program, raster, **options) for engine in ("reference", "fast"))
    if isinstance(expected, str) or isinstance(got, str):
        assert got == expected
        return
    assert first_divergence(program, expected, got) is None
    assert count_difference(expected.counts, got.counts) is None
    np.testing.assert_array_equal(got.output, expected.output)


def assert_equal_on(seeds: range) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        certified = tuple(program.by_name) if seed % 5 == 0 else ()
        assert_equal_outcome(program, random_raster(rng, program), allow_wrap=seed % 3 != 0, clip_free=certified)


def test_fast_equals_reference_on_random_programs() -> None:
    assert_equal_on(range(150))


@pytest.mark.full
def test_fast_equals_reference_on_a_thousand_random_programs() -> None:
    assert_equal_on(range(1000, 2000))
