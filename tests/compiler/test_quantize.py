"""Grids, scales, rounding, decays and biases, each against a formula written again here."""

from dataclasses import replace

import numpy as np
import pytest

from sim.arithmetic import decay
from sim.engines import run
from sim.errors import InputError, UnsupportedError
from sim.weight_rule import weight_grid
from snn2hw.chips.target import get_target
from snn2hw.compiler.compile import build, compile_source, prepare
from snn2hw.compiler.grid import grid_for, legal, to_grid
from snn2hw.compiler.mixed import fewest_bits
from snn2hw.compiler.moments import DRAWN, MomentMeter
from snn2hw.compiler.options import Options
from snn2hw.compiler.registers import bias_registers, compensated, nearest_decay
from snn2hw.compiler.rounding import compensating, spread_of
from snn2hw.network.maps import DenseMap
from snn2hw.network.registers import machine_of
from tests.compiler.networks import Builder, convolutional, cuba, dense, lif, nir, raster, recurrent

LOIHI = get_target("loihi1")


@pytest.mark.parametrize("bits", [2, 3, 4, 8, "ternary"])
@pytest.mark.parametrize("rule", ["loihi", "signed"])
@pytest.mark.parametrize("signs", [(-1, 1), (0, 1), (-1, 0)])
def test_every_stored_weight_is_one_that_the_chip_holds(bits, rule, signs):
    rng = np.random.default_rng(0)
    weight = rng.uniform(*signs, (30, 40))
    grid = grid_for(weight, bits, rule)
    stored = legal(to_grid(weight * 400, grid), grid).astype(np.int64)
    low, high, step = weight_grid(grid.bits, rule, stored)
    assert (stored % step == 0).all()
    assert stored.min() >= low
    assert stored.max() <= high
    if bits == "ternary":
        assert len(np.unique(np.abs(stored))) <= 2


def test_a_mixed_matrix_that_loses_its_positive_weights_stays_legal():
    grid = grid_for(np.array([[-1.0, 1.0]]), 8, "loihi")
    assert legal(np.array([[-256.0, 0.0]]), grid).tolist() == [[-255.0, 0.0]]
    assert legal(np.array([[-256.0, 2.0]]), grid).tolist() == [[-256.0, 2.0]]


def test_rounding_goes_to_the_nearest_even_weight_not_down():
    grid = grid_for(np.array([[-1.0, 1.0]]), 8, "loihi")
    assert to_grid(np.array([-1.1, 0.9, 3.2, -2.9, 300.0, -300.0]), grid).tolist() == [-2, 0, 4, -2, 254, -256]


def test_rounding_that_compensates_beats_rounding_to_nearest():
    rng = np.random.default_rng(0)
    weight, mixing = rng.normal(size=(20, 60)), rng.normal(size=(60, 60))
    inputs = np.maximum(0, rng.normal(size=(4000, 60)) @ mixing)
    second = inputs.T @ inputs / len(inputs)
    grid = grid_for(weight, 4, "loihi")
    r = np.full(20, 60.0)
    errors = {}
    for name, stored in (
        ("nearest", to_grid(weight * r[:, None], grid)),
        ("compensating", compensating(weight, r, grid, spread_of(second))[0]),
    ):
        assert (stored % grid.step == 0).all()
        error = stored / r[:, None] - weight
        errors[name] = np.einsum("ij,jk,ik->", error, second, error)
    assert errors["compensating"] < 0.7 * errors["nearest"]


def test_no_single_step_lowers_the_cost_that_is_stated():
    rng = np.random.default_rng(3)
    weight, mixing = rng.normal(size=(6, 20)), rng.normal(size=(20, 20))
    grid, r, spread = grid_for(weight, 3, "signed"), np.full(6, 1.5), spread_of(mixing @ mixing.T)
    mantissas, cost = compensating(weight, r, grid, spread)

    def stated(candidate):
        error = candidate / r[:, None] - weight
        return np.einsum("ij,jk,ik->i", error, spread.moments, error)

    np.testing.assert_allclose(cost, stated(mantissas), rtol=1e-9)
    low, high = grid.span
    for j, by in ((j, by) for j in range(20) for by in (-grid.step, grid.step)):
        moved = mantissas.copy()
        moved[:, j] += by
        inside = (moved[:, j] >= low) & (moved[:, j] <= high)
        assert (stated(moved)[inside] >= cost[inside] * (1 - 1e-9)).all()


def test_moments_are_those_of_messages_as_the_membrane_sees_them():
    rng = np.random.default_rng(4)
    messages = rng.integers(0, 3, (1, 1, 5)).repeat(6, axis=1)  # what is drawn does not matter: one sample, held
    share_u, share_v = 0.5, 0.25
    meter = MomentMeter(DenseMap(np.zeros((2, 5)), (5,), (2,)), (share_u, share_v))
    meter.add(messages)
    found = meter.finish()
    assert found is not None
    response = [sum((1 - share_u) ** j * (1 - share_v) ** (k - j) for j in range(k + 1)) for k in range(6)]
    f = np.cumsum(response)
    g = np.cumsum((1 - share_v) ** np.arange(6))
    x = messages[0, 0]
    drawn = np.random.default_rng(0).integers(0, 6, DRAWN)
    np.testing.assert_allclose(found.second[0], np.outer(x, x) * np.square(f[drawn]).mean(), rtol=1e-9)
    np.testing.assert_allclose(found.mean[0], x * (f * g)[drawn].sum() / np.square(g[drawn]).sum(), rtol=1e-9)
    assert found.heard == 1.0


def test_with_independent_inputs_compensation_changes_nothing():
    rng = np.random.default_rng(1)
    weight, r = rng.normal(size=(5, 7)), np.full(5, 50.0)
    grid = grid_for(weight, 5, "loihi")
    np.testing.assert_array_equal(
        compensating(weight, r, grid, spread_of(np.eye(7)))[0], to_grid(weight * r[:, None], grid)
    )


def test_scaling_a_neurons_weights_and_threshold_together_changes_no_weight_register():
    """A channel's scale costs nothing: it is folded into the threshold."""
    rng = np.random.default_rng(0)
    factors = 2.0 ** rng.integers(-2, 3, 16)
    weight = rng.normal(0, 1.5, (16, 20))
    data = (rng.random((4, 30, 20)) < 0.3).astype(np.uint8)
    programs = []
    for scaled in (np.ones(16), factors):
        b = Builder(np.random.default_rng(0))
        b.add("input", nir.Input(np.array([20])))
        b.add("fc", nir.Linear(weight * scaled[:, None]), "input")
        neuron = nir.LIF(np.full(16, 8e-3), np.ones(16), np.zeros(16), scaled, v_reset=np.zeros(16))
        programs.append(compile_source(b.source(b.add("lif", neuron, "fc")), "loihi1", data).program)
    first, second = (p.populations[0] for p in programs)
    np.testing.assert_array_equal(first.inputs[0].wiring.weight, second.inputs[0].wiring.weight)
    np.testing.assert_array_equal(run(programs[0], data).output, run(programs[1], data).output)


def test_thresholds_of_uniform_layers_are_whole_mantissas():
    """Then the only errors are those of weights, decays and biases."""
    rng = np.random.default_rng(0)
    source = dense(rng)
    compiled = compile_source(source, "loihi1", raster(source, rng))
    for made in compiled.layers:
        np.testing.assert_allclose(made.scale * made.layer.threshold, made.population.vth, rtol=1e-12)


@pytest.mark.parametrize("target", ["loihi1", "fixed"])
@pytest.mark.parametrize("bits", [8, 4, 3])
def test_finer_choices_lower_the_expected_error_of_the_input_sums(target, bits):
    """Over what arrives in calibration: mse below max, per channel below per layer, for max by a finer step."""
    rng = np.random.default_rng(2)
    source = convolutional(rng)
    data = raster(source, rng, samples=20)
    errors, steps = {}, {}
    for method, per in (("max", "layer"), ("max", "channel"), ("mse", "layer"), ("mse", "channel")):
        compiled = compile_source(source, target, data, weight_bits=bits, options=Options(method=method, per=per))
        made = next(m for m in compiled.layers if m.population.name == "lif2")
        second = compiled.ranges.moments["lif2", 0].second[0]
        stored = made.population.inputs[0]
        scale = made.scale.reshape(7, -1)[:, 0, None]
        real = made.layer.links[0].map.weight.reshape(7, -1)
        error = stored.wiring.weight.reshape(7, -1) * 2.0**stored.exponent / scale - real
        errors[method, per] = np.einsum("ij,jk,ik->", error, second, error)
        steps[method, per] = np.broadcast_to(2.0**stored.exponent / scale, (7, 1))
    assert errors["mse", "layer"] < errors["max", "layer"]
    assert errors["mse", "channel"] < min(errors["max", "channel"], errors["mse", "layer"])
    assert (steps["max", "channel"] <= 1.01 * steps["max", "layer"]).all()  # what is left to luck is the rounding
    assert steps["max", "channel"].mean() < 0.95 * steps["max", "layer"].mean()


def test_decays_are_parts_of_4096_and_the_chips_offset_is_taken_off():
    shares = np.array([0.1, 0.25, 1.0, 0.0, 1e-5])
    assert nearest_decay(shares, add=0, limits=(0, 4095)).tolist() == [410, 1024, 4095, 0, 0]
    assert nearest_decay(shares, add=1, limits=(0, 4095)).tolist() == [409, 1023, 4095, 0, 0]


@pytest.mark.parametrize("typical", [30, 100, 1000, 100000])
def test_a_slow_leak_of_small_values_is_slowed_down_to_make_up_for_rounding(typical):
    share = 0.02
    sample = np.random.default_rng(0).normal(0, typical, 2000) / 64
    chosen = compensated(share, 1.0, sample, add=0, limits=(0, 4095))
    plain = int(nearest_decay(np.array(share), add=0, limits=(0, 4095)))
    x = np.abs(np.rint(64 * sample)).astype(np.int64)
    wanted = (1 - share) * x.mean()
    misses = {d: abs(decay(x, d).mean() - wanted) for d in (chosen, plain)}
    assert chosen <= plain
    assert misses[chosen] <= misses[plain]
    if typical in (100, 1000):
        assert chosen < plain
        assert misses[chosen] < 0.3 * misses[plain]


def test_bias_registers_are_the_nearest_that_exist():
    bias = np.array([0.0, 1.4, -4096.0, 4097.0, -9000.0, 500000.0])
    mantissa, exponent = bias_registers(bias, LOIHI)
    assert (mantissa << exponent).tolist() == [0, 1, -4096, 4096, -9000, 499968]
    assert exponent.tolist() == [0, 0, 0, 1, 2, 7]


def test_weight_bits_are_stated_connection_by_connection():
    rng = np.random.default_rng(0)
    source = dense(rng, cuba, bias=0.4)
    program = compile_source(source, "loihi1", raster(source, rng), weight_bits={"one": 3, "two": "ternary"}).program
    assert program.record["weights"] == {
        "bits": 8,
        "rule": "loihi",
        "layers": {"one[0]": 3, "one[1]": 8, "two[0]": 2, "two[1]": 8},
    }
    assert set(np.unique(program.by_name["two"].inputs[0].wiring.weight)) <= {-128, 0, 128}


@pytest.mark.parametrize(
    ("bits", "message"),
    [(9, "9 bits; Intel Loihi 1 has 2..8"), (1, "1 bits"), ({"three": 4}, r"weight_bits names \['three'\]")],
)
def test_bits_that_do_not_exist_are_refused(bits, message):
    source = dense(np.random.default_rng(0))
    with pytest.raises(InputError, match=message):
        compile_source(source, "loihi1", weight_bits=bits)


def test_the_historic_levels_lose_what_rounding_keeps():
    rng = np.random.default_rng(3)
    source = dense(rng)
    data = raster(source, rng)
    prepared = prepare(
        machine_of(source), get_target("loihi1"), data, options=Options(method="max", per="layer", levels=4)
    )
    weight = source.nodes["fc1"].weight
    step = weight.max() / 3
    expected = np.sign(weight) * np.floor(np.abs(weight) / step + 1e-9) * step
    np.testing.assert_array_equal(prepared.machine.by_name["one"].links[0].map.weight, expected)
    stored = build(prepared).program.by_name["one"].inputs[0].wiring.weight
    assert len(np.unique(np.abs(stored))) <= len(np.unique(np.abs(expected).round(9)))


@pytest.mark.full
def test_mixed_precision_keeps_its_budget_and_saves_bits():
    rng = np.random.default_rng(4)
    source = convolutional(rng)
    data = raster(source, rng, samples=40)
    prepared = prepare(machine_of(source), get_target("loihi1"), data)
    output = run(build(prepared).program, data).output
    wanted = output.mean(axis=1).argmax(axis=1)
    mixed = fewest_bits(prepared, data, wanted, budget=0.1, engine="reference")
    answers = run(mixed.compiled.program, data).output.mean(axis=1).argmax(axis=1)
    assert (answers == wanted).mean() >= 0.9
    assert sum(t.kept for t in mixed.trials) >= 3
    kept = [t.weight_bits for t in mixed.trials if t.kept]
    assert kept == sorted(kept, reverse=True)
    assert set(mixed.bits) == {"lif1", "lif2", "readout"}


def test_without_data_the_weights_alone_decide():
    source = dense(np.random.default_rng(0))
    compiled = compile_source(source, "loihi1", steps=20)
    assert compiled.certificate.steps == 20
    assert compiled.ranges.samples == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((2, 5, 19), np.uint8), r"shape \(2, 5, 19\)"),
        (np.zeros((2, 5, 20)), "expected integers, got float64"),
        (np.zeros((0, 5, 20), np.uint8), "shape"),
        ("x.npz", r"calibration data: shape \(\)"),
    ],
)
def test_calibration_data_of_the_wrong_kind_are_refused(data, message):
    with pytest.raises(InputError, match=message):
        compile_source(dense(np.random.default_rng(0)), "loihi1", data)


def test_graded_input_is_certified_over_its_whole_range():
    rng = np.random.default_rng(0)
    source = dense(rng)
    data = rng.integers(0, 6, (3, 20, 20))
    compiled = compile_source(source, "loihi1", data, messages=(0, 31))
    assert (compiled.program.input.lo, compiled.program.input.hi) == (0, 31)
    assert compiled.certificate.messages == (0, 31)
    with pytest.raises(InputError, match=r"the calibration data holds 0\.\.5"):
        compile_source(source, "loihi1", data, messages=(0, 1))


def test_a_chip_without_subtraction_refuses_it_by_name():
    with pytest.raises(UnsupportedError, match="node 'one': resets by subtraction, which Intel Loihi 1 cannot"):
        compile_source(dense(np.random.default_rng(0), lif, reset="subtract"), "loihi1")


def _with_weights_of(factor, threshold=1.0):
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([6])))
    b.add("fc", nir.Linear(b.normal(4, 6, scale=1.5) * factor), "input")
    values = (np.array([8e-3]), np.array([1.0]), np.array([0.0]), np.array([threshold]))
    return b.source(b.add("one", nir.LIF(*values, v_reset=np.array([0.0])), "fc"))


@pytest.mark.parametrize("data", [None, np.ones((2, 5, 6), np.uint8)])
@pytest.mark.parametrize("factor", [1e7, 1e30])
def test_a_threshold_that_is_nothing_beside_the_weights_is_refused(data, factor):
    message = r"population 'one': . of 4 thresholds are 0 at the scale of .*, and such neurons fire on anything  fix: l"
    with pytest.raises(UnsupportedError, match=message):
        compile_source(_with_weights_of(factor), "loihi1", data)


@pytest.mark.parametrize(("factor", "threshold"), [(1e3, 1.0), (1e30, 1e30), (1.0, 0.0), (1e30, 0.0)])
def test_a_threshold_is_stored_as_0_only_where_it_is_0(factor, threshold):
    program = compile_source(_with_weights_of(factor, threshold), "loihi1").program
    assert bool((program.by_name["one"].vth > 0).all()) == (threshold > 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"per_neuron": ("v0",)},
            "has vth that differ between neurons, Intel Loihi 1 does not  fix: compile with per='layer'",
        ),
        ({"delay_steps": 2}, "node 'late': delays by 3 steps, Intel Loihi 1 by at most 2"),
        (
            {"registers": {**LOIHI.registers, "du": (3000, 4095)}},
            r"population 'hidden': a decay of 0\.2 per step has no register  fix: stay within 0\.73",
        ),
    ],
)
def test_limits_of_a_chip_are_named_population_by_population(changes, message):
    source = recurrent(np.random.default_rng(0))
    with pytest.raises(UnsupportedError, match=message):
        compile_source(source, replace(LOIHI, **changes))


def test_one_threshold_per_layer_suffices_a_chip_without_thresholds_per_neuron():
    target = replace(LOIHI, per_neuron=("bias_mantissa", "bias_exponent"))
    source = dense(np.random.default_rng(0))
    program = compile_source(source, target, options=Options(per="layer")).program
    assert all(len(np.unique(p.vth)) == 1 for p in program.populations)


def test_compiling_twice_gives_one_digest():
    rng = np.random.default_rng(0)
    source = convolutional(rng)
    data = raster(source, rng)
    assert (
        compile_source(source, "loihi1", data).program.digest == compile_source(source, "loihi1", data).program.digest
    )


@pytest.mark.parametrize("seed", range(20))
def test_errors_spread_over_inputs_of_any_linear_dependence(seed):
    """Copies, sums and multiples of few inputs, of magnitudes twelve orders apart, centred or not."""
    rng = np.random.default_rng(seed)
    for _ in range(40):
        columns = int(rng.integers(2, 40))
        rank, samples = int(rng.integers(1, columns + 1)), int(rng.integers(1, 60))
        few = rng.integers(0, 2, (samples, rank)) if rng.integers(2) else rng.normal(size=(samples, rank))
        mix = rng.integers(-2, 3, (rank, columns)) * 10.0 ** rng.integers(-6, 7, columns if rng.integers(2) else 1)
        inputs = few @ mix
        second = inputs.T @ inputs / samples
        if rng.integers(2):
            second = second - np.outer(inputs.mean(0), inputs.mean(0))
        spread = spread_of(second)
        moments = spread.moments[np.ix_(spread.order, spread.order)]
        np.testing.assert_allclose(spread.factor.T @ spread.factor @ moments, np.eye(columns), atol=1e-6)
        assert (np.diag(spread.factor) > 0).all()


def test_inputs_that_depend_on_each_other_linearly_still_spread_their_errors():
    """The mean taken out of constant inputs leaves rounding errors, below zero as often as above."""
    rng = np.random.default_rng(0)
    for columns in range(2, 30):
        constant = np.outer(*[1e5 * rng.random(columns)] * 2)
        left = 1e-12 * constant * rng.normal(size=(columns, columns))
        spread = spread_of(left + left.T - 1e-9 * np.eye(columns) * constant.max())
        assert (np.linalg.eigvalsh(spread.moments) > 0).all()
        assert np.isfinite(spread.factor).all()


@pytest.mark.parametrize("high", [1, 31, 255])
def test_calibration_data_that_never_change_compile(high):
    source = dense(np.random.default_rng(0), lif, bias=0.3)
    data = np.full((2, 12, 20), high)
    assert compile_source(source, "fixed", data, weight_bits=6, options=Options(centre="always")).program


def test_a_scaled_image_that_is_read_flat_becomes_a_matrix():
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([2, 3, 3])))
    b.add("scale", nir.Scale(np.full((2, 3, 3), 2.0)), "input")
    program = compile_source(b.source(b.add("n", lif(), b.add("flat", nir.Flatten(None, 0, -1), "scale"))), "loihi1")
    weight = program.program.by_name["n"].inputs[0].wiring.weight
    assert weight.shape == (18, 18)
    assert (weight != 0).sum() == 18
