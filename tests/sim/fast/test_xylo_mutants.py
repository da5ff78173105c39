"""Each way to get the kernel for Xylo programs wrong is put into a copy of it, and the reference must not agree."""

import pytest

from tests.sim.test_mutants import CASES, outcomes_of

NEURONS, SUMS, KERNEL = (f"fast/xylo/{name}.py" for name in ("neurons", "sums", "kernel"))
MUTANTS = {
    "a dash of 0": (NEURONS, "return greater(x >> n, smaller(x, splat(1, x)))", "return x >> n"),
    "a dash of 1 from 0 on": (NEURONS, "smaller(x, splat(1, x))", "splat(1, x)"),
    "three numbers are clipped twice": (
        NEURONS,
        "add_saturating(add_saturating(high, low), plain - high - low)",
        "add_saturating(add_saturating(a, b), c)",
    ),
    "the bias is added without an end": (
        NEURONS,
        "biased = summed(change.v, load(registers, at + 4 * stride, like), change.over)",
        "biased = ClippedSum(change.v + load(registers, at + 4 * stride, like), change.over)",
    ),
    "a clip of v is not counted": (
        NEURONS,
        "return summed(v, biased.v, biased.over)",
        "return ClippedSum(add_saturating(v, biased.v), biased.over)",
    ),
    "fires above the threshold": (NEURONS, "bar = theta - splat(1, like)", "bar = theta"),
    "one spike too many": (NEURONS, "left = p.most\n", "left = p.most + 1\n"),
    "spikes counted as messages": (
        NEURONS,
        "counts[0] += popcount(mask)",
        "counts[0] += popcount(mask) * (left == p.most)",
    ),
    "a second current is not active": (NEURONS, "busy = busy | load(own.i2, at, like)", "busy = busy | v"),
    "messages come from one step late": (
        KERNEL,
        "heard_from(work, c.source, t - c.lag, raster)",
        "heard_from(work, c.source, max(t - c.lag - 1, 0), raster)",
    ),
    "both ports are the first": (KERNEL, "c.port * work.lanes + p.first", "p.first"),
    "products of any size are one addition": (SUMS, "if 1 < z <= c.fits:", "if 1 < z:"),
    "currents wrap": (SUMS, "add_saturating(acc, row)", "acc + row"),
    "weights are not shifted": (SUMS, " << shift", ""),
    "a clip of a current is not counted": (SUMS, "apart = apart | (acc ^ plain)", "apart = acc ^ plain"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return outcomes_of(tmp_path_factory.mktemp, MUTANTS, "tests.sim.fast.xylo_battery")


@pytest.mark.full
def test_the_unchanged_copy_passes(outcomes):
    assert outcomes["unchanged"].stdout == f"{CASES} cases equal\n", outcomes["unchanged"].stderr


@pytest.mark.full
@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_does_not_agree(outcomes, name):
    assert outcomes[name].returncode == 1, outcomes[name].stderr
    assert outcomes[name].stdout.startswith("seed "), outcomes[name].stdout + outcomes[name].stderr
