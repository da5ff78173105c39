"""Decays, biases, thresholds, exact layers and bounds of sums, each against its formula in plain loops."""

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from sim.arithmetic import decay
from sim.errors import InputError, UnsupportedError
from sim.program import Connection, Conv, Dense, Population
from snn2hw.compiler.biases import centred, is_centred, place_biases
from snn2hw.compiler.exact import exact, is_exact
from snn2hw.compiler.messages import Firing
from snn2hw.compiler.moments import Moments
from snn2hw.compiler.options import Options
from snn2hw.compiler.quantize import ATTEMPTS, bits_by_layer, quantize, quantize_layer
from snn2hw.compiler.registers import NoRegisterError, bias_registers, compensated, nearest_decay, registers_at
from snn2hw.compiler.sums import sums_at
from snn2hw.compiler.weights import Stored
from snn2hw.network.network import ADDED, Always
from tests.compiler.real_parts import LOIHI, known, matrix, real, seen, taps

SIGNED = dataclasses.replace(LOIHI, weight_rule="signed", weight_bits=(2, 8))
MODULES = ("quantize", "quantized", "scales", "grid", "weights", "rounding", "registers", "biases", "exact", "sums")
ONE_CHANGE = {
    "fires": False,
    "many": True,
    "refractory": 1,
    "reset": "none",
    "share_u": [1.0, 0.5, 1.0],
    "share_v": [1.0, 0.5, 1.0],
    "threshold": [0.5, 1.0, 0.5],
    "drive": [0.0, 0.25, 0.0],
    "v0": [0.0, 0.25, 0.0],
    "always": (Always(np.zeros(3)),),
}


@pytest.mark.parametrize("module", MODULES)
def test_what_the_quantiser_hands_on_is_frozen_and_compared_by_identity_where_it_holds_arrays(module):
    found = importlib.import_module(f"snn2hw.compiler.{module}")
    for kind in vars(found).values():
        if dataclasses.is_dataclass(kind) and kind.__module__ == found.__name__:
            assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
            has_arrays = any("ndarray" in str(f.type) for f in dataclasses.fields(kind))
            assert not has_arrays or kind.__eq__ is object.__eq__


@pytest.mark.parametrize("add", [0, 1])
def test_the_decay_register_is_the_one_that_leaks_nearest_to_the_share(add):
    """Over all registers there are: none that is left out would have been better."""
    rng = np.random.default_rng(add)
    for _ in range(60):
        share = float(rng.choice([rng.uniform(0.0003, 0.05), rng.uniform(0.05, 0.9)]))
        sample = rng.choice([1.0, -1.0], 50) * rng.choice([2, 30, 200, 6144, 10_000, 1_000_000])
        chosen = compensated(share, 1 / 64, sample, add=add, limits=(0, 4095))
        x = np.abs(np.rint(sample)).astype(np.int64)
        misses = [abs(float(decay(x, d + add).mean()) - (1 - share) * float(x.mean())) for d in range(4096 - add)]
        assert misses[chosen] == min(misses), (share, sample[0])


def test_the_decay_register_of_nothing_and_of_no_leak_is_the_nearest():
    assert compensated(0.25, 1.0, np.zeros(9), add=0, limits=(0, 4095)) == 1024
    assert compensated(1.0, 1.0, np.ones(9), add=0, limits=(0, 4095)) == 4095
    assert compensated(0.0, 1.0, np.ones(9), add=0, limits=(0, 4095)) == 0
    # 2 loses a whole unit to any leak: none is nearer to 1.96 than the 1 that a leak leaves
    assert compensated(0.02, 1.0, np.full(9, 2 / 64), add=0, limits=(0, 4095)) == 0
    # half a unit of rounding at 10,000 is a fifth of a register, which tips 99.55 - 0.2 to 99
    assert compensated(99.55 / 4096, 1.0, np.full(9, 10_000 / 64), add=0, limits=(0, 4095)) == 99


@pytest.mark.parametrize(("limits", "wanted", "taken"), [((5, 100), 101, 100), ((5, 100), 4, 5)])
def test_a_decay_one_unit_outside_is_taken_and_two_are_refused(limits, wanted, taken):
    assert nearest_decay(np.array([wanted / 4096]), add=0, limits=limits).tolist() == [taken]
    for beyond in (wanted + (1 if wanted > 50 else -1), 200):
        message = rf"a decay of {beyond / 4096:.4g} per step has no register  fix: stay within 0\.001\d*\.\.0\.02"
        with pytest.raises(NoRegisterError, match=message):
            nearest_decay(np.array([50 / 4096, beyond / 4096]), add=0, limits=limits)


def test_a_bias_takes_the_least_exponent_that_holds_it():
    low, high = LOIHI.registers["bias_mantissa"]
    first, last = LOIHI.registers["bias_exponent"]
    rng = np.random.default_rng(0)
    biases = np.concatenate([rng.normal(0, 10.0 ** rng.integers(0, 6, 300)), np.array([low, high, high + 1, 1e9])])
    mantissa, exponent = bias_registers(biases, LOIHI)
    for bias, m, e in zip(biases, mantissa, exponent, strict=True):
        holding = [k for k in range(first, last + 1) if low <= np.rint(bias / 2**k) <= high]
        assert e == (holding[0] if holding else last)
        assert m == max(low, min(high, int(np.rint(bias / 2**e))))
    assert bias_registers(np.array([640.0, -64.0]), LOIHI, exponent=6)[0].tolist() == [10, -1]


def _registers(layer, scale, firing, **options):
    prepared = known(layer, **options)
    links = [Connection("input", Dense(link.map.weight.astype(int))) for link in layer.links]
    return registers_at(prepared, layer, firing, links, np.full(layer.shape, scale))


def test_registers_are_the_real_ones_times_the_scale():
    layer = real(
        matrix([[1.0, 2.0]] * 3), share_u=0.25, share_v=[0.5, 0.125, 1.0], threshold=[1.0, 2.0, 2.6],
        drive=[0.5, 0.0, -2.0], u0=0.25, v0=[0.0, -1.0, 0.125], refractory=2, reset="subtract",
    )  # fmt: skip
    made = _registers(layer, 10.0, Firing(1, at_threshold=False), options=Options(compensate_decay=False))
    assert made.vth.tolist() == [10, 20, 26]
    assert made.du.tolist() == [1023] * 3
    assert made.dv.tolist() == [2048, 512, 4095]
    assert (made.bias_mantissa << made.bias_exponent).tolist() == [320, 0, -1280]
    assert (made.u0.tolist(), made.v0.tolist()) == ([160] * 3, [0, -640, 80])
    assert (made.reset, made.fires, dict(made.properties)["refractory"]) == ("subtract", True, 2)


@pytest.mark.parametrize(
    ("at", "firing_at", "many", "expected"),
    [(False, False, False, 30), (True, False, False, 29), (True, True, False, 30), (True, True, True, 30)],
)
def test_a_neuron_that_fires_at_its_threshold_gets_one_less_where_the_chip_cannot(at, firing_at, many, expected):
    layer = real(matrix([[1.0]]), fires_at_threshold=at, many=many, reset="subtract" if many else "zero")
    made = _registers(layer, 30.0, Firing(31 if many else 1, at_threshold=firing_at))
    assert made.vth.tolist() == [expected]
    assert dict(made.properties)["most"] == (31 if many else 1)
    zero = real(matrix([[1.0]]), threshold=0.0, fires_at_threshold=at, many=many)
    assert _registers(zero, 30.0, Firing(1, at_threshold=firing_at)).vth.tolist() == [int(many)]


def test_thresholds_that_vanish_are_counted_and_told_with_their_scale():
    layer = real(matrix([[1.0]] * 3), threshold=[1e-3, 1.0, 1e-4])
    with pytest.raises(NoRegisterError, match=r"^2 of 3 thresholds are 0 at the scale of 20 "):
        _registers(layer, 20.0, Firing(1, at_threshold=False))


@pytest.mark.parametrize("counts", [False, True])
def test_decays_of_layers_that_count_are_registers_already_and_all_others_make_up_for_rounding(counts):
    layer = real(matrix([[1.0]]), share_v=0.02, fires_at_threshold=counts, reset="subtract" if counts else "zero")
    sample = np.full(100, 100 / 64)
    made = _registers(
        layer, 1.0, Firing(1, at_threshold=False), layers={"p": seen(v_sample=sample)}, trial=SimpleNamespace()
    )
    plain = int(nearest_decay(np.array(0.02), add=0, limits=(0, 4095)))
    made_up = compensated(0.02, 1.0, sample, add=0, limits=(0, 4095))
    assert made_up < plain
    assert made.dv.tolist() == [plain if counts else made_up]
    without = _registers(layer, 1.0, Firing(1, at_threshold=False), layers={"p": seen(v_sample=sample)})
    assert without.dv.tolist() == [made_up]


@pytest.mark.parametrize("policy", ["axon", "preset", "register"])
@pytest.mark.parametrize("filtered", [False, True])
def test_every_bias_of_a_layer_goes_where_the_policy_puts_it(filtered, policy):
    share = np.array([0.5, 0.25]) if filtered else np.ones(2)
    first, late = Always(np.array([1.0, -2.0])), Always(np.array([8.0, 4.0]), lag=3)
    layer = real(matrix(np.eye(2)), share_u=share, drive=0.5, u0=0.125, always=(first, late))
    moved, helpers = place_biases(layer, policy)
    on_axon = [late] if not filtered or policy != "axon" else [first, late]
    assert moved.always == ()
    assert [(link.source, link.lag) for link in moved.links[1:]] == [("p.on", one.lag) for one in on_axon]
    for link, one in zip(moved.links[1:], on_axon, strict=True):
        assert link.map.weight[:, 0].tolist() == one.values.tolist()
        assert (link.map.source, link.map.shape) == ((1,), (2,))
    into_drive = first.values / share if first not in on_axon else np.zeros(2)
    assert moved.drive.tolist() == (0.5 + into_drive).tolist()
    preset = into_drive if filtered and policy == "preset" else np.zeros(2)
    assert moved.u0.tolist() == (0.125 - preset).tolist()
    assert [helper.name for helper in helpers] == ["p.on"]
    assert place_biases(real(matrix(np.eye(2))), policy)[1] == ()


def _stored(error, exponent, scale):
    error = np.asarray(error, dtype=np.float64)
    return Stored(mantissas=np.zeros(error.shape), exponent=exponent, scale=np.asarray(scale), error=error, sqnr_db=0.0)


def _moments(mean, heard):
    mean = np.asarray(mean, dtype=np.float64)
    return Moments(
        mean=mean, second=np.zeros((len(mean), mean.shape[1], mean.shape[1])), steady=1.0, heard=heard, seen=1
    )


@pytest.mark.parametrize(("exponent", "half"), [(2, 0.0), (0, 0.0), (-1, 0.25), (-3, 0.4375)])
def test_the_mean_of_what_rounding_lost_leaves_the_drive(exponent, half):
    """With what a right shift floors away while messages come: half a mantissa, less half of what is shifted out."""
    error, mean = [[0.5, -0.25], [0.125, 1.0]], [[0.5, 2.0]]
    layer = real(matrix(np.eye(2)), matrix([[1.0], [1.0]], "p.on"), share_u=[0.5, 0.25], drive=[1.0, -1.0])
    prepared = known(layer, moments={("p", 0): _moments(mean, 0.75)}, options=Options(centre="always"))
    stored = (_stored(error, exponent, [4.0, 8.0]), _stored([[0.5], [0.25]], 0, [4.0, 8.0]))
    made = centred(layer, stored, prepared)
    for i, (drive, share, scale) in enumerate([(1.0, 0.5, 4.0), (-1.0, 0.25, 8.0)]):
        lost = sum(e * m for e, m in zip(error[i], mean[0], strict=True)) - 0.75 * half / scale / share
        assert made.drive[i] == drive - lost - (0.5, 0.25)[i] / share
    kept = dataclasses.replace(prepared, options=Options(centre="never"))
    assert centred(layer, stored, kept).drive.tolist() == [1.0 - 0.5 / 0.5, -1.0 - 0.25 / 0.25]
    unknown = known(layer, options=Options(centre="always"))
    assert centred(layer, stored, unknown).drive.tolist() == [1.0 - 0.5 / 0.5, -1.0 - 0.25 / 0.25]


def test_what_a_grouped_convolution_lost_leaves_the_drive_of_its_channels():
    layer = real(taps(np.ones((4, 1, 1, 1)), (2, 2, 3), groups=2), share_u=0.5)
    prepared = known(layer, moments={("p", 0): _moments([[2.0], [8.0]], 1.0)}, options=Options(centre="always"))
    made = centred(layer, (_stored([[0.5], [0.25], [0.5], [0.25]], 0, [1.0] * 4),), prepared)
    assert (made.drive == -np.array([1.0, 0.5, 4.0, 2.0]).reshape(4, 1, 1)).all()


def test_an_integrator_in_the_current_keeps_its_drive():
    layer = real(matrix(np.eye(2)), matrix(-np.eye(2), "p", name=ADDED, lag=1), share_u=0.0, drive=3.0)
    prepared = known(layer, moments={("p", 0): _moments([[1.0, 1.0]], 1.0)}, options=Options(centre="always"))
    stored = (_stored(np.ones((2, 2)), 0, [1.0, 1.0]), _stored(np.zeros((2, 2)), 0, [1.0, 1.0]))
    assert not is_centred(layer, prepared)
    assert centred(layer, stored, prepared).drive.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("centre", ["never", "biased", "always"])
@pytest.mark.parametrize("kind", ["plain", "driven", "axon", "counts", "counts without data"])
@pytest.mark.parametrize("method", ["mse", "max"])
def test_where_the_mean_error_goes_to_the_bias(method, kind, centre):
    links = (matrix(np.eye(2)), matrix(np.eye(2), "p.on")) if kind == "axon" else (matrix(np.eye(2)),)
    counting = {"fires_at_threshold": True, "reset": "subtract"} if kind.startswith("counts") else {}
    layer = real(*links, drive=[0.0, 1.0] if kind == "driven" else 0.0, **counting)
    trial = SimpleNamespace() if kind in ("plain", "counts") else None
    prepared = known(layer, options=Options(method=method, centre=centre), trial=trial)
    biased = kind in ("driven", "axon", "counts")
    expected = method == "mse" and (centre == "always" or (centre == "biased" and biased))
    assert is_centred(layer, prepared) is expected


def _pool(weight=((1.0, 0.0), (2.0, 3.0), (0.0, 255.0)), **changes):
    return real(matrix(weight), **{"share_u": 1.0, "share_v": 1.0, "threshold": 0.5} | changes)


def test_whole_weights_without_memory_are_stored_as_they_are():
    layer = _pool()
    assert is_exact(layer, LOIHI)
    made = exact(layer, LOIHI)
    assert made.population.inputs[0].wiring.weight.tolist() == [[1, 0], [2, 3], [0, 255]]
    assert [set(np.ravel(r)) for r in (made.population.vth, made.population.du, made.population.dv)] == [
        {0},
        {4095},
        {4095},
    ]
    assert made.exact
    assert made.sqnr_db == (np.inf,)
    assert made.scale.tolist() == [1.0] * 3
    assert (made.grids[0].low, made.grids[0].high, made.grids[0].step) == (0, 255, 1)


@pytest.mark.parametrize("changed", ONE_CHANGE)
def test_one_thing_more_than_an_or_and_a_layer_is_not_exact(changed):
    assert not is_exact(_pool(**{changed: ONE_CHANGE[changed]}), LOIHI)


@pytest.mark.parametrize(("target", "top"), [(LOIHI, 255), (SIGNED, 127)])
def test_only_weights_that_the_chip_holds_are_exact(target, top):
    for weight, expected in ((top, True), (top + 1, False), (-1, False), (0.5, False), (0, True)):
        assert is_exact(_pool([[1.0, weight]]), target) is expected


@pytest.mark.parametrize("port", [0, 1])
def test_the_bounds_of_what_arrives_are_reached_by_the_worst_messages(port):
    rng = np.random.default_rng(0)
    dense = Connection("input", Dense(rng.integers(-9, 10, (4, 3))), exponent=-1)
    conv = Connection("h", Conv(rng.integers(-9, 10, (4, 2, 1, 1))), exponent=1)
    other = Connection("input", Dense(rng.integers(-9, 10, (4, 3))), exponent=0)
    made = Population("p", (4, 1, 1), [dense, conv, other], arithmetic="xylo")
    ports = (0, 1, 1)
    object.__setattr__(
        made, "inputs", tuple(dataclasses.replace(c, port=k) for c, k in zip(made.inputs, ports, strict=True))
    )
    messages, shapes = {"input": (-2, 3), "h": (0, 5)}, {"input": (3,), "h": (2, 1, 1)}
    low, high = sums_at(made, port, messages, shapes.__getitem__)
    for i in range(4):
        ends = [0, 0]
        for c in made.inputs:
            if c.port == port:
                for side, pick in enumerate((min, max)):
                    row = c.wiring.weight.reshape(4, -1)[i].astype(int)
                    total = sum(pick(int(w) * m for m in messages[c.source]) for w in row)
                    ends[side] += total << c.exponent if c.exponent >= 0 else total >> -c.exponent
        assert [low[i, 0, 0], high[i, 0, 0]] == ends


def test_layers_that_are_known_already_are_taken_and_progress_is_told():
    layer = real(matrix(np.eye(2)))
    prepared, told = known(layer), []
    made = quantize(prepared, lambda *said: told.append(said))
    assert told == [("quantize", 0, 1)]
    again = quantize(prepared, lambda *said: None, known={"p": made[0]})
    assert again[0] is made[0]
    assert quantize(prepared, lambda *said: None, known={"other": made[0]})[0] is not made[0]


@pytest.mark.parametrize(("bits", "span", "expected"), [(8, (1, 8), 8), (2, (1, 8), 2), ("ternary", (4, 8), "ternary")])
def test_bits_are_those_that_are_asked_for(bits, span, expected):
    machine = known(real(matrix(np.eye(2)))).machine
    target = dataclasses.replace(LOIHI, weight_bits=span)
    assert bits_by_layer(machine, bits, target) == {"p": expected}
    assert bits_by_layer(machine, {"p": bits}, target) == {"p": expected}
    assert bits_by_layer(machine, {}, target) == {"p": 8}


@pytest.mark.parametrize(("span", "bits", "said"), [((1, 8), 1, "2..8"), ((4, 6), 3, "4..6"), ((4, 6), 7, "4..6")])
def test_bits_beside_those_of_the_target_are_refused_with_its_own(span, bits, said):
    machine = known(real(matrix(np.eye(2)))).machine
    with pytest.raises(InputError, match=f"population 'p': {bits} bits; Intel Loihi 1 has {said}"):
        bits_by_layer(machine, bits, dataclasses.replace(LOIHI, weight_bits=span))


def test_no_scale_that_holds_is_said_after_the_last_attempt(monkeypatch):
    tried = []

    def unsafe(prepared, made):
        tried.append(float(made.scale[0]))
        return SimpleNamespace(safe=False)

    monkeypatch.setattr("snn2hw.compiler.quantize.bounds_at", unsafe)
    layer = real(matrix([[0.5]]), share_u=0.5)
    with pytest.raises(UnsupportedError, match=r"no scale keeps \|a\| < 2\^21 and \|u\| < 2\^23 within 10 steps"):
        quantize_layer(known(layer), layer, 8)
    assert len(tried) == ATTEMPTS
    assert tried[-1] < 0.1 * tried[0]
