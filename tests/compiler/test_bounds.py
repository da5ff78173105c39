"""Bounds at their limits: what is safe to the last value, what the checker says, prover against checker at random."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from sim.arithmetic import loihi, xylo
from sim.border import MAX_CHECKED_STEPS
from sim.engines import run
from sim.errors import UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import recordable
from snn2hw.compiler.certify import ProvenBounds, certify, greatest_message, prove
from snn2hw.compiler.checker import check_certificate
from tests.exporters.xylo.networks import random_xylo
from tests.programs import random_program


def _program(weight=1, *, lo=0, hi=1, **values):
    heard = (Connection("input", Dense([[weight]])),)
    return Program(Input((1,), lo, hi), (Population("p", (1,), heard, **values),))


@pytest.mark.parametrize("seed", range(1000, 1060))
def test_prover_and_checker_agree_on_random_programs(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    stated = prove(program, int(rng.integers(1, 30))).to_json()
    assert [f for f in check_certificate(program, stated) if "may reach" not in f] == []


@pytest.mark.parametrize("seed", range(100, 140))
def test_prover_and_checker_agree_on_random_xylo_programs_and_no_run_leaves_what_they_say(seed):
    program, raster = random_xylo(seed)
    certificate = prove(program, raster.shape[1])
    assert check_certificate(program, certificate.to_json()) == []
    trace = run(program, raster, record=recordable(program))
    for name, bounds in certificate.bounds.items():
        low, high = bounds.states["v"]
        assert max(low, -32768) <= trace.v[name].min()
        assert trace.v[name].max() <= max(high, 0)


def _loihi(a=(0, 0), u=(0, 0), v=(0, 0)):
    return ProvenBounds(loihi.ARITHMETIC, a, {"u": u, "v": v})


@pytest.mark.parametrize(
    ("bounds", "safe"),
    [
        (_loihi(a=(1 - 2**21, 2**21 - 1)), True),
        (_loihi(a=(0, 2**21)), False),
        (_loihi(a=(-(2**21), 0)), False),
        (_loihi(u=(1 - 2**23, 2**23 - 1)), True),
        (_loihi(u=(0, 2**23)), False),
        (_loihi(u=(-(2**23), 0)), False),
        (_loihi(v=(-(2**30), 2**30)), True),
        (ProvenBounds(xylo.ARITHMETIC, (-(2**30), 2**30), {"i": (-(2**30), 0), "i2": (0, 0), "v": (0, 2**30)}), True),
    ],
)
def test_bounds_are_safe_up_to_the_last_value_that_fits(bounds, safe):
    assert bounds.safe == safe


@pytest.mark.parametrize(
    ("bounds", "reach"),
    [
        (_loihi(a=(-(2**20), 7), u=(0, 2**21), v=(0, 2**30)), 1 / 2),
        (_loihi(a=(0, 2**18), u=(-3 * 2**20, 2**21), v=(0, 2**30)), 3 / 8),
        (ProvenBounds(xylo.ARITHMETIC, (0, 2**30), {"i": (-(2**13), 0), "i2": (0, 5), "v": (0, 2**12)}), 2**13 / 32767),
    ],
)
def test_the_nearest_limit_says_how_far_bounds_reach(bounds, reach):
    """Of a and the states that wrap; of those that clip where none does."""
    assert bounds.reach == reach


@pytest.mark.parametrize(
    ("v", "by"),
    [
        ((1 - 2**23, 2**23 - 1), 0),
        ((0, 2**23), 1),
        ((-(2**23), 0), 1),
        ((-(2**23) - 5, 2**23 + 1), 6),
        ((0, 2**24), 2**23 + 1),
    ],
)
def test_a_state_that_clips_goes_so_far_beyond_its_ends(v, by):
    bounds = _loihi(v=v, u=(-(2**23) + 1, 2**23 - 1))
    assert bounds.beyond == ({"v": by} if by else {})
    assert bounds.clip_free == (by == 0)
    assert (bounds.u, bounds.v) == ((-(2**23) + 1, 2**23 - 1), v)


def test_a_certificate_says_which_populations_never_clip():
    loud = Population("loud", (1,), (Connection("input", Dense([[100_000]])),), dv=0, fires=False)
    quiet = Population("quiet", (1,), (Connection("input", Dense([[1]])),), dv=0, fires=False)
    certificate = prove(Program(Input((1,)), (loud, quiet)), 9)
    assert certificate.clip_free == ("quiet",)
    assert certificate.bounds["quiet"].to_json() == {"a": [0, 1], "u": [0, 64], "v": [0, 576]}
    assert certificate.to_json()["messages"] == [0, 1]
    assert repr(certificate).splitlines()[0] == f"Certificate of program {certificate.digest[:12]}"
    with pytest.raises(FrozenInstanceError):
        certificate.steps = 10
    with pytest.raises(FrozenInstanceError):
        certificate.bounds["quiet"].a = (0, 0)
    assert "may" in repr(certificate)
    assert "never" in repr(certificate)


def test_a_xylo_state_that_saturates_is_shown_with_how_far():
    heard = (Connection("input", Dense([[127]]), 8),)
    program = Program(Input((1,), 0, 15), (Population("p", (1,), heard, arithmetic="xylo", theta=9),), "xylo")
    certificate = prove(program, 1)
    assert certificate.bounds["p"].beyond["i"] == 15 * 127 * 256 - 32767
    assert "can: i by 454" in repr(certificate)


@pytest.mark.parametrize(("weight", "hi"), [(2**21, 1), (2**20, 2), (-(2**21), 1)])
def test_a_sum_that_reaches_its_limit_is_not_certified_and_the_checker_sees_it(weight, hi):
    program = _program(weight, hi=hi)
    with pytest.raises(UnsupportedError) as caught:
        certify(program, 3)
    a = (min(weight * hi, 0), max(weight * hi, 0))
    assert caught.value.what.startswith(f"population 'p': within 3 steps a may reach {a} and u ")
    assert caught.value.what.endswith("; |a| < 2^21 and |u| < 2^23 are needed")
    assert caught.value.fix == "compile with a lower scale"
    faults = check_certificate(program, prove(program, 3).to_json())
    assert any(f"a may reach {list(a)}" in f for f in faults)
    assert any("u may reach" in f for f in faults)
    assert not any("is stated as" in f for f in faults)


@pytest.mark.parametrize("by", [0, -1])
def test_a_current_that_reaches_2_to_the_23_is_not_certified(by):
    """du = 4095 keeps nothing of u, so that it is 64 a; u0 decays away at once."""
    fits = _program(2**17 + by, du=4095, vth=131071)
    if by:
        assert certify(fits, 5).bounds["p"].u == (0, 64 * (2**17 - 1))
        assert check_certificate(fits, prove(fits, 5).to_json()) == []
    else:
        with pytest.raises(UnsupportedError, match=r"u \(0, 8388608\)"):
            certify(fits, 5)
        (fault,) = check_certificate(fits, prove(fits, 5).to_json())
        assert fault == "population 'p': u may reach [0, 8388608]"


def test_so_many_steps_are_proved_and_checked_and_no_more():
    program = _program(3, vth=9)
    stated = certify(program, MAX_CHECKED_STEPS).to_json()
    assert check_certificate(program, stated) == []
    with pytest.raises(UnsupportedError, match=f"a certificate for {MAX_CHECKED_STEPS + 1} steps: at most"):
        prove(program, MAX_CHECKED_STEPS + 1)
    (fault,) = check_certificate(program, stated | {"steps": MAX_CHECKED_STEPS + 1})
    assert fault.startswith(f"holds for {MAX_CHECKED_STEPS + 1} steps, at most {MAX_CHECKED_STEPS}")


@pytest.mark.parametrize(
    ("most", "at_threshold", "weight", "sent"),
    [(1, False, 900, 1), (5, False, 20, 1), (5, True, 20, 2), (5, False, 900, 5), (5, False, 1, 0), (5, True, 10, 1)],
)
def test_a_message_is_as_great_as_its_senders_v_allows(most, at_threshold, weight, sent):
    """theta is 10 << 6 and v is 64 times the weight: nothing is kept of the step before."""
    first = Population(
        "p", (1,), (Connection("input", Dense([[weight]])),), vth=10, dv=4095, most=most, at_threshold=at_threshold
    )
    after = Population("q", (1,), (Connection("p", Dense([[1]])),), vth=9)
    program = Program(Input((1,)), (first, after))
    certificate = prove(program, 1)
    assert greatest_message(first, certificate.bounds["p"]) == sent
    assert certificate.bounds["q"].a == (0, sent)
    assert check_certificate(program, certificate.to_json()) == []


@pytest.mark.parametrize("seed", range(20))
def test_extreme_sums_of_a_convolution_are_those_of_the_matrix_that_it_is(seed):
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 3))
    conv = Conv(
        rng.integers(-9, 10, (2 * groups, 2, 2, 3)),
        stride=tuple(rng.integers(1, 3, 2)),
        padding=tuple(rng.integers(0, 3, 2)),
        dilation=tuple(rng.integers(1, 3, 2)),
        groups=groups,
    )
    described = Input((2 * groups, 5, 6), int(rng.integers(-3, 1)), 4)
    from sim.wiring import apply, output_shape

    target = output_shape(conv, described.shape, ())
    heard = (Connection("input", conv, int(rng.integers(-3, 3))),)
    program = Program(described, (Population("p", target, heard, vth=9),))
    certificate = prove(program, 2)
    assert check_certificate(program, certificate.to_json()) == []
    size = int(np.prod(described.shape))
    matrix = apply(conv, np.eye(size, dtype=int).reshape(size, *described.shape), described.shape, target)
    each = np.stack([matrix * described.lo, matrix * described.hi])
    exponent = heard[0].exponent
    low, high = (int(np.floor(end * 2.0**exponent)) for end in (each.min(0).sum(0).min(), each.max(0).sum(0).max()))
    assert certificate.bounds["p"].a == (low, high)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"schema": "x"}, "schema 'x' is not snn2hw.certificate/1"),
        ({"digest": "x"}, "is of program x, this is "),
        ({"messages": [0, 2]}, "assumes messages [0, 2], the program reads other ones"),
        ({"messages": [1, 1]}, "assumes messages [1, 1], the program reads other ones"),
        ({"steps": 0}, "holds for 0 steps, which is no number of steps"),
        ({"steps": 2.0}, "holds for 2.0 steps, which is no number of steps"),
        ({"steps": None}, "holds for None steps, which is no number of steps"),
        ({"bounds": []}, "bounds other populations than the program has"),
        ({"bounds": {"q": {}}}, "bounds other populations than the program has"),
        ({"bounds": {"p": []}}, "population 'p': does not state a, u and v as pairs"),
        ({"bounds": {"p": {"a": [0, 1], "u": [0, 1]}}}, "population 'p': does not state a, u and v as pairs"),
        ({"bounds": {"p": {"a": [0, 1], "u": [0], "v": [0, 1]}}}, "population 'p': does not state a, u and v as pairs"),
    ],
)
def test_a_certificate_with_one_fault_has_that_fault_and_no_other(change, fault):
    program = _program(3, vth=9)
    stated = certify(program, 1).to_json()
    assert check_certificate(program, stated) == []
    (found,) = check_certificate(program, stated | change)
    assert found.startswith(fault)


@pytest.mark.parametrize("arithmetic", ["loihi", "xylo"])
def test_every_end_of_every_bound_is_checked(arithmetic):
    heard = (Connection("input", Dense([[3, -2]])),)
    p = Population("p", (1,), heard, arithmetic=arithmetic, **({"vth": 9} if arithmetic == "loihi" else {"theta": 9}))
    program = Program(Input((2,)), (p,), arithmetic)
    stated = prove(program, 4).to_json()
    assert check_certificate(program, stated) == []
    for what, ends in stated["bounds"]["p"].items():
        for end in (0, 1):
            for by in (-1, 1):
                changed = [value + by * (place == end) for place, value in enumerate(ends)]
                (fault,) = check_certificate(
                    program, stated | {"bounds": {"p": stated["bounds"]["p"] | {what: changed}}}
                )
                assert fault == f"population 'p': {what} is stated as {changed}, the registers give {ends}"


@pytest.mark.parametrize("arithmetic", ["loihi", "xylo"])
def test_who_never_fires_or_never_reaches_0_sends_nothing(arithmetic):
    facts = {"vth": 9, "v0": -50} if arithmetic == "loihi" else {"theta": 9, "v0": -50, "i0": -20, "dash_mem": 15}
    heard = (Connection("input", Dense([[7]])),)
    mute = Population("mute", (1,), heard, arithmetic=arithmetic, fires=False)
    low = Population("low", (1,), (), arithmetic=arithmetic, most=5, **facts)
    read = (Connection("mute", Dense([[5]])), Connection("low", Dense([[5]])))
    last = Population("last", (1,), read, arithmetic=arithmetic)
    program = Program(Input((1,)), (mute, low, last), arithmetic)
    certificate = prove(program, 1)
    assert certificate.bounds["last"].a == (0, 0)
    assert check_certificate(program, certificate.to_json()) == []


@pytest.mark.parametrize("at_threshold", [True, False])
@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
@pytest.mark.parametrize(("most", "refractory"), [(1, 0), (3, 0), (3, 2), (255, 0)])
def test_prover_and_checker_agree_on_what_a_spike_leaves(at_threshold, reset, most, refractory):
    facts = {"at_threshold": at_threshold, "reset": reset, "most": most, "refractory": refractory, "vth": [1, 2, 7]}
    for weight, bias in ((4, 0), (9, 64), (30, -100), (2, 200)):
        heard = (Connection("input", Dense([[weight, -1], [-weight, 3], [weight, weight]])),)
        p = Population("p", (3,), heard, dv=0, bias_mantissa=bias, **facts)
        program = Program(Input((2,)), (p,))
        for steps in (1, 2, 5):
            assert check_certificate(program, prove(program, steps).to_json()) == []
