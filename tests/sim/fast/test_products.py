"""Steps that are multiplied as bytes give what lists of events give, and are really multiplied."""

import numpy as np
import pytest

from sim import reference
from sim.fast import Kernels, simulate
from sim.fast.layout import matrix
from sim.fast.layout.laid_out import lay_out
from sim.fast.vector.isa import AVX512, best
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.raster import check_raster
from sim.request import Request
from sim.trace import RECORDABLE, SPIKES
from sim.wiring import output_shape
from tests.sim.fast.test_equal_to_reference import KERNELS, assert_equal, assert_equal_on, outcome

VECTOR = [k for k in KERNELS if k.values[0] in ("avx512", "portable")]
RATES = {"always": 1e-9, "never": 1e9}
"""Of lists: so slow, or so fast, that every step, or none, is multiplied."""


def force(monkeypatch, choice: str) -> None:
    for widths in matrix.LISTED:
        monkeypatch.setitem(matrix.LISTED, widths, RATES[choice])


@pytest.mark.parametrize("choice", RATES)
@pytest.mark.parametrize("kernels", VECTOR)
def test_the_choice_between_lists_and_products_changes_nothing(kernels: Kernels, choice, monkeypatch):
    force(monkeypatch, choice)
    assert assert_equal_on(range(3000, 3150), kernels) >= 80


def weights(rng, limit: int, *shape: int) -> np.ndarray:
    return rng.integers(-limit, limit + 1, shape)


def conv(rng, source, outs: int, kernel, limit: int = 20, groups: int = 1, **options) -> tuple[Conv, tuple[int, ...]]:
    wiring = Conv(weights(rng, limit, outs, source[0] // groups, *kernel), groups=groups, **options)
    return wiring, output_shape(wiring, source, ())


def two_layers(rng, described: Input, first, second) -> Program:
    """Return two populations, the second of which reads the first; both fire at a high rate."""
    one = Population("one", first[1], (Connection("input", first[0]),), du=4095, dv=4095, vth=3)
    two = Population("two", second[1], (Connection("one", second[0]),), du=2000, dv=300, vth=90)
    return Program(described, (one, two))


def convolutions(rng, lo: int, hi: int, ins: int, mids: int, outs: int, limit: int, **options) -> Program:
    source = (ins, 9, 8)
    first = conv(rng, source, mids, (3, 2), limit, stride=(2, 1), padding=(1, 2))
    return two_layers(rng, Input(source, lo, hi), first, conv(rng, first[1], outs, (2, 3), limit, **options))


def flat(rng, hi: int, ins: int, mids: int, outs: int, limit: int) -> Program:
    first, second = ((Dense(weights(rng, limit, n, m)), (n,)) for m, n in ((ins, mids), (mids, outs)))
    return two_layers(rng, Input((ins,), 0, hi), first, second)


def feedback(rng, limit: int) -> Program:
    """Return two dense populations that read one another, one of them also itself, at once or later."""
    a = Population(
        "a", (70,),
        (
            Connection("input", Dense(weights(rng, limit, 70, 50)), lag=2),
            Connection("a", Dense(weights(rng, limit, 70, 70)), lag=1),
            Connection("b", Dense(weights(rng, limit, 70, 40)), lag=1, exponent=-2),
        ), vth=20, du=3000, dv=200,
    )  # fmt: skip
    b = Population("b", (40,), (Connection("a", Dense(weights(rng, limit, 40, 70))),), vth=20, du=3000, dv=200)
    return Program(Input((50,)), (a, b))


PROGRAMS = {
    "graded conv": lambda rng: convolutions(rng, 0, 255, 3, 12, 40, 20),
    "graded conv, two planes": lambda rng: convolutions(rng, 0, 31, 1, 33, 20, 900),
    "conv, sums of 16 bits": lambda rng: convolutions(rng, 0, 1, 17, 70, 12, 20, padding=(1, 1)),
    "conv, two planes": lambda rng: convolutions(rng, 0, 1, 9, 24, 96, 200, dilation=(2, 1), padding=(0, 1)),
    "conv, two planes, sums of 32 bits": lambda rng: convolutions(rng, 0, 1, 30, 40, 50, 400, stride=(2, 2)),
    "conv of groups": lambda rng: convolutions(rng, 0, 1, 16, 32, 64, 20, groups=2),
    "conv to one pixel": lambda rng: two_layers(
        rng, Input((5, 3, 3), 0, 1), conv(rng, (5, 3, 3), 40, (3, 3), padding=(1, 1)), conv(rng, (40, 3, 3), 33, (3, 3))
    ),
    "dense": lambda rng: flat(rng, 1, 130, 257, 60, 20),
    "dense after an image": lambda rng: two_layers(
        rng, Input((2, 6, 6), 0, 1), conv(rng, (2, 6, 6), 20, (3, 3)), (Dense(weights(rng, 20, 35, 320)), (35,))
    ),
    "dense, two planes": lambda rng: flat(rng, 1, 100, 90, 40, 140),
    "dense, sums of 32 bits": lambda rng: flat(rng, 1, 300, 320, 100, 600),
    "graded dense": lambda rng: flat(rng, 200, 61, 150, 33, 5),
    "recurrence": lambda rng: feedback(rng, 60),
    "recurrence, two planes": lambda rng: feedback(rng, 200),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("kernels", KERNELS)
def test_many_messages(kernels: Kernels, name, monkeypatch):
    """Rates from 30 to 100 %, some steps silent, some repeated."""
    force(monkeypatch, "always")
    rng = np.random.default_rng(7)
    program = PROGRAMS[name](rng)
    laid_out = lay_out(program)
    assert laid_out is not None
    multiplied = laid_out.connections[laid_out.connections["bytes_planes"] > 0]
    assert len(multiplied) >= 1
    assert (multiplied["bytes_most"] <= 0).all()
    assert multiplied["bytes_planes"].max() == 2 or "two planes" not in name
    rate = rng.uniform(0.3, 1, (3, 11, *[1] * len(program.input.shape)))
    rate[:, 4] = 0
    rate[0] = 1
    raster = (rng.random((3, 11, *program.input.shape)) < rate) * rng.integers(
        1, program.input.hi + 1, (3, 11, *program.input.shape)
    )
    raster[:, 7] = raster[:, 6]
    raster = check_raster(program, raster)
    expected = outcome(reference.simulate, program, raster, record=RECORDABLE, allow_wrap=True)
    assert not isinstance(expected, str)
    assert all(s.mean() > 0.1 for s in expected.spikes.values())
    for record in (RECORDABLE, SPIKES):
        got = simulate(program, raster, Request(record, allow_wrap=True), kernels=kernels, threads=1)
        assert_equal(program, expected, got)


@pytest.mark.skipif(best() != AVX512, reason="this CPU lacks AVX-512")
@pytest.mark.parametrize("name", ["conv, sums of 16 bits", "dense", "graded conv"])
def test_weights_of_the_product_are_what_is_multiplied(name, monkeypatch):
    """A product with other weights than the lists have is seen in what comes out, so products were really made."""
    force(monkeypatch, "always")
    whole = matrix._planes
    program = PROGRAMS[name](np.random.default_rng(7))
    raster = check_raster(program, np.ones((1, 4, *program.input.shape), dtype=np.int64))
    request = Request(RECORDABLE, allow_wrap=True)
    expected = simulate(program, raster, request, kernels="avx512")
    monkeypatch.setattr(matrix, "_planes", lambda weight: whole(-weight))
    other = Program(program.input, program.populations)
    got = simulate(other, raster, request, kernels="avx512")
    assert all((expected.u[p.name] != got.u[p.name]).any() for p in program.populations[1:])


def test_the_model_lists_few_messages_and_multiplies_many():
    """Lists below a tenth, products above two thirds, for the layers whose crossover is in the documentation."""
    rng = np.random.default_rng(0)
    wide, shape = conv(rng, (64, 13, 13), 96, (4, 4), stride=(2, 2))
    for wiring, source, target in ((wide, (64, 13, 13), shape), (Dense(weights(rng, 9, 600, 2400)), (2400,), (600,))):
        laid_out = lay_out(Program(Input(source), (Population("p", target, (Connection("input", wiring),)),)))
        assert laid_out is not None
        assert 0.1 < laid_out.connections["bytes_most"][0] / np.prod(source) < 0.67
