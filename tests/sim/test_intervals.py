"""What an arithmetic says of all values between two ends is what becomes of every one of them, and no more."""

import numpy as np
import pytest

from sim.arithmetic import loihi, xylo
from sim.arithmetic.description import bits_of
from sim.arithmetic.registry import get_arithmetic
from sim.program import Population


def _between(low, high):
    return np.arange(low, high + 1)


def _pair(low, high):
    return np.array([[low], [high]])


def _loihi(rng):
    """Return one neuron, the ends of v before a step, and by how much a step raises it."""
    reset = str(rng.choice(["zero", "subtract", "none"]))
    facts = {"most": int(rng.integers(1, 6)), "at_threshold": bool(rng.integers(2)), "vth": int(rng.integers(1, 4))}
    facts |= {"refractory": int(rng.integers(3)), "du": 4095, "dv": 0, "bias_mantissa": int(rng.integers(-300, 300))}
    neuron = Population("p", (1,), reset=reset, fires=bool(rng.integers(5)), **facts).neurons
    low = int(rng.integers(-300, 900))
    return neuron, (low, low + int(rng.integers(0, 500))), int(rng.integers(-3, 4))


@pytest.mark.parametrize("seed", range(300))
def test_the_ends_after_a_step_are_the_least_and_the_greatest_of_what_every_v_becomes(seed):
    neuron, (low, high), a = _loihi(np.random.default_rng(seed))
    before = {"u": _pair(0, 0), "v": _pair(low, high)}
    reached = loihi.interval(neuron, before, _pair(a, a))
    every = _between(low, high)
    rests = [0, 1] if neuron.properties["refractory"] and neuron.fires else [0]
    after = []
    for rest in rests:
        states = {"u": np.zeros_like(every), "v": every, "rest": np.full_like(every, rest)}
        after.append(loihi.step(neuron, states, np.full_like(every, a)).states["v"])
    raised = every + (a << 6) + neuron["bias_mantissa"]
    assert reached.before_overflow["v"].reshape(-1).tolist() == [raised.min(), raised.max()]
    assert reached.before_overflow["u"].reshape(-1).tolist() == [a << 6, a << 6]
    assert reached.after["v"].reshape(-1).tolist() == [np.min(after), np.max(after)]


@pytest.mark.parametrize("seed", range(60))
def test_the_ends_of_u_and_v_decay_each_by_its_own_register(seed):
    rng = np.random.default_rng(seed)
    du, dv, bias = int(rng.integers(0, 4096)), int(rng.integers(0, 4096)), int(rng.integers(-4096, 4096))
    neuron = Population("p", (1,), du=du, dv=dv, bias_mantissa=bias, bias_exponent=3, fires=False).neurons
    (u_low, u_high), (v_low, v_high), (low, high) = (sorted(rng.integers(-9000, 9000, 2).tolist()) for _ in range(3))
    reached = loihi.interval(neuron, {"u": _pair(u_low, u_high), "v": _pair(v_low, v_high)}, _pair(low, high))
    u = [int(np.sign(x)) * (abs(x) * (4095 - du) >> 12) + 64 * a for x, a in ((u_low, low), (u_high, high))]
    v = [int(np.sign(x)) * (abs(x) * (4096 - dv) >> 12) + y + 8 * bias for x, y in ((v_low, u[0]), (v_high, u[1]))]
    assert reached.before_overflow["u"].reshape(-1).tolist() == reached.after["u"].reshape(-1).tolist() == u
    assert reached.before_overflow["v"].reshape(-1).tolist() == reached.after["v"].reshape(-1).tolist() == v


@pytest.mark.parametrize("seed", range(120))
def test_a_xylo_neuron_stays_between_its_ends_whatever_it_holds(seed):
    rng = np.random.default_rng(seed)
    facts = {n: int(rng.integers(0, 6)) for n in ("dash_syn", "dash_syn2", "dash_mem")}
    facts |= {"theta": int(rng.integers(1, 400)), "bias": int(rng.integers(-200, 200)), "most": int(rng.integers(1, 5))}
    neuron = Population("p", (1,), arithmetic="xylo", fires=bool(rng.integers(4)), **facts).neurons
    far = int(rng.choice([600, 40000]))
    ends = {name: np.clip(sorted(rng.integers(-far, far, 2).tolist()), -32768, 32767) for name in ("i", "i2", "v")}
    moved = [sorted(rng.integers(-far, far, 2).tolist()) for _ in range(2)]
    reached = xylo.interval(neuron, {n: _pair(*e) for n, e in ends.items()}, np.array(moved)[..., None])
    held = {n: rng.integers(low, high + 1, 4000) for n, (low, high) in ends.items()}
    for n, (low, high) in ends.items():
        held[n][:8] = [low, low, low, low, high, high, high, high]
    by = [np.concatenate([[low, low, high, high] * 2, rng.integers(low, high + 1, 3992)]) for low, high in moved]
    by = [np.clip(held[n] + b, -32768, 32767) - held[n] for n, b in zip(("i", "i2"), by, strict=True)]
    after = xylo.step(neuron, held, np.stack(by)).states
    for name in ("i", "i2", "v"):
        low, high = reached.after[name].reshape(-1).tolist()
        assert low <= after[name].min() <= after[name].max() <= high
        if name != "v":
            assert [after[name].min(), after[name].max()] == [low, high]


@pytest.mark.parametrize(
    ("fires", "most", "ends", "after"),
    [
        (True, 1, (0, 99), (0, 99)),
        (True, 1, (0, 100), (0, 99)),
        (True, 1, (7, 250), (0, 150)),
        (True, 2, (7, 250), (0, 99)),
        (True, 2, (-7, 350), (-7, 150)),
        (False, 1, (7, 250), (7, 250)),
    ],
)
def test_a_xylo_spike_leaves_less_than_a_threshold_or_what_the_most_of_them_do(fires, most, ends, after):
    """Nothing is lost in a step: a dash of 15 takes 1 of what is above 0, which the bias gives back."""
    facts = {"dash_mem": 15, "bias": 1, "theta": 100, "most": most, "fires": fires}
    neuron = Population("p", (1,), arithmetic="xylo", **facts).neurons
    still = {"i": _pair(0, 0), "i2": _pair(0, 0), "v": _pair(*ends)}
    reached = xylo.interval(neuron, still, np.zeros((2, 2, 1), int)).after["v"].reshape(-1).tolist()
    assert reached[0] in (after[0], after[0] + 1, after[0] + 2)  # what is not above 0 loses nothing, or gains
    assert reached[1] == after[1]


@pytest.mark.parametrize(
    ("most", "v", "sent"),
    [(1, 99, 0), (1, 100, 1), (1, 900, 1), (3, 299, 2), (3, 300, 3), (3, 900, 3), (31, 99_999, 31), (3, -5, 0)],
)
def test_the_greatest_message_of_a_xylo_neuron_is_how_often_its_threshold_fits(most, v, sent):
    neuron = Population("p", (2,), arithmetic="xylo", theta=[100, 200], most=most).neurons
    assert xylo.greatest_message(neuron, v) == sent
    quiet = Population("p", (2,), arithmetic="xylo", theta=[100, 200], most=most, fires=False).neurons
    assert xylo.greatest_message(quiet, v) == 0


def test_no_message_stands_for_more_than_a_full_state_can_send():
    neuron = Population("p", (1,), arithmetic="xylo", theta=32767, most=31).neurons
    assert xylo.greatest_message(neuron, 10**9) == 1
    many = Population("p", (1,), vth=1, most=255).neurons
    assert loihi.greatest_message(many, 10**9) == 255
    few = Population("p", (1,), vth=131071, most=255).neurons
    assert loihi.greatest_message(few, 10**9) == 1  # theta is 2^23 - 64, and v ends at 2^23 - 1


def test_neurons_without_rounding_are_those_in_units_of_a_weight():
    facts = {"du": 1023, "dv": 512, "bias_mantissa": -96, "bias_exponent": 2, "vth": 7, "v0": 32}
    real = loihi.dynamics(Population("p", (1,), **facts).neurons)
    assert (real.share_u, real.share_v, real.drive, real.threshold, real.v0) == (0.25, 0.125, -6.0, 7.0, 0.5)
    facts = {"dash_syn": 2, "dash_mem": 3, "bias": -6, "theta": 300, "v0": 12}
    real = xylo.dynamics(Population("p", (1,), arithmetic="xylo", **facts).neurons)
    assert (real.share_u, real.share_v, real.drive, real.threshold, real.v0) == (0.25, 0.125, -8.0, 400.0, 16.0)
    real = xylo.dynamics(Population("p", (1,), arithmetic="xylo", **{**facts, "dash_syn": 0}).neurons)
    assert (real.share_u, real.drive, real.threshold, real.v0) == (1.0, -6.0, 300.0, 12.0)


@pytest.mark.parametrize(
    ("span", "bits"),
    [
        *(((0, 0), 1), ((0, 1), 1), ((0, 2), 2), ((0, 255), 8), ((0, 256), 9), ((-1, 1), 2), ((-2, 1), 2)),
        *(((-3, 1), 3), ((-4, 0), 3), ((-5, 0), 4), ((-4, 4), 4), ((-256, 3), 9), ((-3, 256), 10)),
    ],
)
def test_a_span_needs_so_many_bits(span, bits):
    assert bits_of(span) == bits


@pytest.mark.parametrize(("name", "readout", "ports"), [("loihi", "v", 1), ("xylo", "v", 2)])
def test_the_output_of_what_never_fires_is_its_last_state(name, readout, ports):
    described = get_arithmetic(name)
    assert (described.readout, described.ports) == (readout, ports)
    assert described.initial == {s.initial: s.name for s in described.states}
    assert {s.name: s.bits for s in described.states} == (
        {"u": 24, "v": 24} if name == "loihi" else {"i": 16, "i2": 16, "v": 16}
    )
