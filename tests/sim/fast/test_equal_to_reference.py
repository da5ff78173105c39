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
from sim.fast.vector.isa import AVX512, best
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.raster import check_raster
from sim.request import Request
from sim.trace import RECORDABLE, SPIKES, Trace
from tests.programs import EVERYTHING, Space, random_program, random_raster

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


def asked(simulate: Callable[..., Trace], program: Program, raster: np.ndarray, **options: Any) -> Trace:
    """Run an engine; options that no request knows are its own."""
    own = {name: value for name, value in options.items() if name not in Request.__dataclass_fields__}
    request = Request(**{name: value for name, value in options.items() if name not in own})
    return simulate(program, raster, request, **own)


def outcome(simulate: Callable[..., Trace], program: Program, raster: np.ndarray, **options: Any) -> Trace | str:
    """Return the trace, or the refusal."""
    try:
        return asked(simulate, program, raster, **options)
    except MachineError as error:
        return str(error)


SINGLE = Space(many=False)
"""One spike in a message."""


def assert_equal_on(seeds: range, kernels: Kernels, space: Space = SINGLE) -> int:
    """Compare with everything recorded, and with spikes only: then two steps are advanced at once.

    Return how many programs these kernels could run.
    """
    taken = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng, space)
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
def test_messages_rests_and_resets_of_every_kind_are_equal(kernels: Kernels) -> None:
    """Few programs: every other one needs kernels that were not compiled yet."""
    programs = 6 if kernels == "portable" else 15
    taken = assert_equal_on(range(1000, 1000 + programs), kernels, EVERYTHING)
    assert taken == programs if kernels in ("auto", "general") else taken >= programs / 2


@pytest.mark.full
@pytest.mark.parametrize("kernels", KERNELS)
def test_they_are_equal_on_a_thousand_programs_more(kernels: Kernels) -> None:
    assert assert_equal_on(range(10_000, 11_000), kernels, EVERYTHING) > 800


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("most", [2, 31, 255])
def test_lists_of_many_spikes_are_added_or_multiplied(most: int, kernels: Kernels) -> None:
    """Neurons send up to ``most`` in most steps: more entries than a source has neurons, and then few again."""
    rng = np.random.default_rng(most)
    spikes = Conv(rng.integers(0, 60, (64, 2, 3, 3)), padding=(1, 1))
    heard = Connection("input", spikes), Connection("first", Conv(rng.integers(-3, 4, (64, 64, 1, 1))), lag=1)
    first = Population("first", (64, 6, 7), heard, vth=9, du=4095, most=most, reset="subtract")
    wired = [
        Connection("first", Dense(rng.integers(-90, 90, (70, 2688)))),
        Connection("first", Dense(np.eye(70, 2688).astype(int) * 9), lag=2),
    ]
    second = Population("second", (70,), wired, vth=700, du=4095, dv=100, most=most, at_threshold=True)
    last = Population(
        "last", (3, 5, 14), [Connection("second", Dense(rng.integers(-9, 9, (210, 70))))], vth=99, du=4000
    )
    program = Program(Input((2, 6, 7)), (first, second, last))
    rates = np.array([0, 0.02, 0.9, 1, 0.5, 0.1, 0, 0, 0]).reshape(1, -1, 1, 1, 1)
    raster = check_raster(program, rng.random((3, 9, 2, 6, 7)) < rates)
    for record in (RECORDABLE, SPIKES):
        request = Request(record, allow_wrap=True)
        expected = reference.simulate(program, raster, request)
        assert expected.spikes["first"].max() > 1
        assert_equal(program, expected, simulate(program, raster, request, kernels=kernels))


@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(100), kernels) >= 60


@pytest.mark.full
@pytest.mark.parametrize("kernels", KERNELS)
def test_fast_equals_reference_on_a_thousand_random_programs(kernels: Kernels) -> None:
    assert assert_equal_on(range(1000, 2000), kernels) >= 600


PLANES = [(2, 9, 9), (3, 8, 8), (16, 5, 13), (65, 3, 3), (70, 9, 8), (66_000,)]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", PLANES, ids=str)
def test_spikes_of_several_channels_are_listed_pixel_by_pixel(shape, kernels) -> None:
    """Whatever the order in which the raster has them, and up to its last byte."""
    rng = np.random.default_rng(len(shape))
    if len(shape) == 3:
        wiring: Conv | Dense = Conv(rng.integers(-60, 60, (5, shape[0], 3, 3)), padding=(1, 1))
        target: tuple[int, ...] = (5, *shape[1:])
    else:
        wiring, target = Dense(rng.integers(-60, 60, (5, *shape))), (5,)
    source = (Connection("input", wiring), Connection("input", wiring, lag=1))
    program = Program(Input(shape), (Population("p", target, source, du=900, dv=300, vth=500),))
    rates = np.array([0, 0.03, 0.3, 1, 0]).reshape(1, -1, *[1] * len(shape))
    raster = check_raster(program, rng.random((2, 5, *shape)) < rates)
    request = Request(RECORDABLE, allow_wrap=True)
    expected = reference.simulate(program, raster, request)
    assert_equal(program, expected, simulate(program, raster, request, kernels=kernels))
