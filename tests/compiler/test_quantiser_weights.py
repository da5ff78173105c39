"""Grids, scales and rounding of weights, each against its formula in plain loops."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.arithmetic import A_LIMIT, V_MAX, WRAP
from snn2hw.compiler import rounding, weights
from snn2hw.compiler.grid import grid_for, legal, to_grid
from snn2hw.compiler.options import Options
from snn2hw.compiler.rounding import DAMPING, compensating, spread_of
from snn2hw.compiler.scales import SEEN, SLACK, choose, greatest_scale, scale_groups, worst_sum
from snn2hw.compiler.weight_error import POINTS, RealRows, error_table
from snn2hw.compiler.weights import choose_weights
from snn2hw.network.network import ADDED
from tests.compiler.real_parts import LOIHI, known, matrix, real, seen, taps, task_of

GRIDS = {
    (8, "loihi", (-1, 1)): (-256, 254, 2),
    (8, "loihi", (0, 1)): (0, 255, 1),
    (8, "loihi", (-1, 0)): (-255, 0, 1),
    (3, "loihi", (-1, 1)): (-256, 192, 64),
    ("ternary", "loihi", (-1, 1)): (-128, 128, 128),
    ("ternary", "loihi", (0, 1)): (0, 64, 64),
    ("ternary", "loihi", (-1, 0)): (-64, 0, 64),
    (8, "signed", (-1, 1)): (-128, 127, 1),
    (4, "signed", (0, 1)): (-8, 7, 1),
    ("ternary", "signed", (-1, 1)): (-1, 1, 1),
}


@pytest.mark.parametrize("kind", GRIDS, ids=str)
def test_a_grid_holds_what_its_signs_and_bits_allow(kind):
    bits, rule, signs = kind
    grid = grid_for(np.array(signs, dtype=np.float64), bits, rule)
    assert (*grid.span, grid.step) == GRIDS[kind]
    assert (grid.low * grid.step, grid.high * grid.step) == grid.span
    assert (grid.bits, grid.rule) == (2 if bits == "ternary" else bits, rule)


def test_only_a_loihi_matrix_that_lost_its_positive_weights_is_mended():
    mixed, signed = grid_for(np.array([-1.0, 1.0]), 8, "loihi"), grid_for(np.array([-1.0, 1.0]), 8, "signed")
    for grid, before, after in (
        (mixed, [-256.0, -2.0], [-255.0, -2.0]),
        (mixed, [-256.0, 0.0], [-255.0, 0.0]),
        (mixed, [-256.0, 2.0], [-256.0, 2.0]),
        (mixed, [0.0, 0.0], [0.0, 0.0]),
        (signed, [-256.0, 0.0], [-256.0, 0.0]),
    ):
        assert legal(np.array(before), grid).tolist() == after


@pytest.mark.parametrize("message", [(0, 1), (-1, 3), (-5, 0)])
def test_the_worst_sum_is_that_of_the_worst_messages(message):
    weight = [[1.0, -2.0, 3.0], [-4.0, -1.0, 0.0], [0.0, 0.0, 0.0]]
    expected = [max(abs(sum(pick(w * m for m in message) for w in row)) for pick in (min, max)) for row in weight]
    assert worst_sum(matrix(weight), message).tolist() == expected
    shared = taps(np.reshape(weight, (3, 3, 1, 1)), (3, 2, 2))
    assert worst_sum(shared, message).tolist() == expected


@pytest.mark.parametrize("fires", [True, False])
def test_the_greatest_scale_is_what_the_tightest_register_allows(fires):
    rng = np.random.default_rng(0)
    tightest = set()
    for _ in range(400):
        share_u, share_v = rng.choice([0.0, 0.03, 0.5, 1.0]), rng.choice([0.0, 0.01, 0.7, 1.0])
        size = lambda: float(10.0 ** rng.uniform(-6, 6) * rng.integers(0, 2))  # noqa: E731
        worst, most, drive, v0, steps = size(), size(), -size(), -size(), int(rng.integers(1, 30))
        threshold = float(10.0 ** rng.uniform(-6, 6))
        layer = real(
            matrix([[1.0]]), share_u=share_u, share_v=share_v, drive=drive, v0=v0, threshold=threshold, fires=fires
        )
        gain_u, gain_v = (sum((1 - s) ** k for k in range(steps)) for s in (share_u, share_v))
        (low, high), exponent = LOIHI.registers["bias_mantissa"], LOIHI.registers["bias_exponent"][1]
        needs = {
            "a": (A_LIMIT * SLACK, worst),
            "u": (WRAP * SLACK / 64, worst * gain_u),
            "bias": ((max(-low, high) << exponent) * SLACK / 64, -drive),
            "v0": (V_MAX * SLACK / 64, -v0),
            "seen": (V_MAX * SEEN / 64, most),
        }
        if fires:
            needs["vth"] = (LOIHI.registers["vth"][1], threshold)
        else:
            top = min(V_MAX, LOIHI.registers["vth"][1] * 64)
            needs["v"] = (top * SLACK / 64, (worst * gain_u - drive) * gain_v - v0)
        limits = {name: limit / need for name, (limit, need) in needs.items() if need > 0}
        found = greatest_scale(layer, np.array([worst]), np.array([most]), steps, LOIHI)
        assert found[0] == (pytest.approx(min(limits.values()), rel=1e-9) if limits else np.inf)
        tightest |= {min(limits, key=lambda name: limits[name])} if limits else set()
    assert tightest == ({"u", "bias", "v0", "seen", "vth"} if fires else {"bias", "seen", "v"})


def _stated(tables, exponents, index, group, leak):
    """Return the cost of one group at one grid point, as the docstring of the compiler's choice says it."""
    cost = 0.0
    for table, e in zip(tables, exponents, strict=True):
        inside = index - e * POINTS - table.first[group]
        if inside >= table.cost.shape[1]:
            return np.inf
        cost += table.cost[group, max(inside, 0)] * 4.0 ** (max(-inside, 0) / POINTS)
    floored = 0.25 * sum(e < 0 for e in exponents)
    return cost + (leak[group] + floored) / 2.0 ** (2 * index / POINTS)


def _best_point(tables, exponents, top, group, leak):
    ends = [t.first[group] + t.cost.shape[1] - 1 + e * POINTS for t, e in zip(tables, exponents, strict=True)]
    last = min(*ends, top[group])
    costs = [_stated(tables, exponents, last - k, group, leak) for k in range(tables[0].cost.shape[1])][::-1]
    best = int(np.argmin(costs))
    return last - len(costs) + 1 + best, costs[best]


@pytest.mark.parametrize("links", [1, 2, 3])
def test_scales_and_exponents_are_those_of_least_stated_cost(links):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        tables = []
        for _ in range(links):
            weight = rng.normal(0, 10.0 ** rng.integers(-2, 2), (3, 7))
            rows = RealRows(weight, rng.random((1, 7)), np.arange(3), 3)
            tables.append(error_table(rows, grid_for(weight, int(rng.integers(3, 9)), "loihi"), "mse"))
        cap, relative, leak = 10.0 ** rng.uniform(1, 5, 3), rng.random(3), 10.0 ** rng.uniform(-8, 2, 3)
        possible = [range(-4, 8)] + [range(8)] * (links - 1)
        top = [int(np.floor(POINTS * np.log2(c))) for c in cap]
        best = None
        for first in possible[0]:
            points = [_best_point(tables[:1], [first], top, g, leak) for g in range(3)]
            chosen = [first]
            for k in range(1, links):
                costs = [
                    sum(
                        min(_stated(tables[k : k + 1], [e], points[g][0], g, np.zeros(3)) * relative[g], 1e30)
                        for g in range(3)
                    )
                    for e in possible[k]
                ]
                chosen.append(possible[k][int(np.argmin(costs))])
            points = [_best_point(tables, chosen, top, g, leak) for g in range(3)]
            total = sum(min(cost * relative[g], 1e30) for g, (_, cost) in enumerate(points))
            if best is None or total < best[0]:
                best = (total, [min(2.0 ** (p / POINTS), cap[g]) for g, (p, _) in enumerate(points)], tuple(chosen))
        made = choose(tables, cap, relative, leak, possible)
        assert made.exponents == best[2]
        assert made.scale.tolist() == best[1]


def test_what_shares_a_scale():
    conv = real(taps(np.ones((2, 1, 1, 1)), (1, 2, 3)))
    flat = real(matrix(np.ones((3, 2))))
    assert scale_groups(conv, "channel").tolist() == [[[0] * 3] * 2, [[1] * 3] * 2]
    assert scale_groups(flat, "channel").tolist() == [0, 1, 2]
    for layer, per in ((conv, "layer"), (flat, "layer"), (replace(flat, fires=False), "channel")):
        assert (scale_groups(layer, per) == 0).all()


def test_the_spread_of_errors_is_that_of_damped_moments_most_active_first():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    second = mixing @ mixing.T
    spread = spread_of(second)
    damped = second + (DAMPING * np.diag(second).mean() + 1e-12) * np.eye(6)
    assert DAMPING == 0.01
    assert spread.order.tolist() == sorted(range(6), key=lambda i: -second[i, i])
    assert (spread.moments == damped).all()
    np.testing.assert_array_equal(np.triu(spread.factor), spread.factor)


def test_directions_of_less_than_no_power_are_raised_to_the_damping():
    axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    power = np.array([4.0, 1.0, -3.0, 0.0])
    made = rounding._positive(axes @ np.diag(power) @ axes.T)
    least = DAMPING * 2.0 + 1e-12
    np.testing.assert_allclose(axes.T @ made @ axes, np.diag([4.0, 1.0, least, least]), atol=1e-9)


@pytest.mark.parametrize("columns", [9, 128, 150, 300])
def test_rounding_hands_every_error_on_to_the_columns_after_it(columns):
    """Column by column, in blocks or not: the same weights."""
    rng = np.random.default_rng(columns)
    weight, mixing = rng.normal(size=(4, columns)), rng.normal(size=(columns, columns))
    spread, r = spread_of(mixing @ mixing.T), rng.uniform(5, 40, 4)
    grid = grid_for(weight, 5, "loihi")
    left, expected = weight.copy(), np.empty(weight.shape)
    for place, j in enumerate(spread.order):
        expected[:, j] = to_grid(left[:, j] * r, grid)
        lost = (left[:, j] - expected[:, j] / r) / spread.factor[place, place]
        for later in range(place + 1, columns):
            left[:, spread.order[later]] -= lost * spread.factor[place, later]
    mantissas, cost = compensating(weight, r, grid, spread, sweeps=0)
    np.testing.assert_array_equal(mantissas, expected)
    error = expected / r[:, None] - weight
    np.testing.assert_allclose(cost, np.einsum("ij,jk,ik->i", error, spread.moments, error), rtol=1e-9)
    assert (compensating(weight, r, grid, spread)[1] <= cost).all()


def test_without_moments_every_weight_goes_to_its_nearest_and_costs_its_square(monkeypatch):
    rng = np.random.default_rng(0)
    weight, power, group = rng.normal(size=(4, 3)), rng.random((1, 3)), np.array([0, 1, 0, 1])
    rows, grid, r = RealRows(weight, power, group, 2), grid_for(weight, 4, "loihi"), rng.uniform(20, 90, (5, 4))
    for at_once in (weights.VALUES, 24, 1):  # a chunk of tries, or one by one
        monkeypatch.setattr(weights, "VALUES", at_once)
        mantissas, cost = weights._rounded(rows, r, grid, None, 0)
        for k, i in np.ndindex(5, 4):
            nearest = to_grid(weight[i] * r[k, i], grid)
            assert mantissas[k, i].tolist() == nearest.tolist()
            paid = sum((m / r[k, i] - w) ** 2 * p for m, w, p in zip(nearest, weight[i], power[0], strict=True))
            assert cost[k, i] == pytest.approx(paid, rel=1e-12)


def test_the_rows_of_links_have_the_power_of_what_they_read():
    dense = real(matrix([[1.0, 2.0]] * 3))
    task = task_of(dense, known(dense, power={"input": np.array([0.5, 1e-9])}))
    rows = weights._rows(task, dense.links[0])
    assert rows.power.tolist() == [[0.5, 0.01 * (0.5 + 1e-9) / 2]]  # silence may end
    assert (rows.group.tolist(), rows.groups) == ([0, 1, 2], 3)
    axon = matrix([[1.0]] * 3, "p.on")
    assert weights._rows(task_of(dense, known(dense, power={})), axon).power.tolist() == [[1.0]]
    power = np.arange(24.0).reshape(4, 2, 3)
    conv = real(taps(np.arange(24.0).reshape(6, 2, 1, 2), (4, 2, 3), groups=2))
    task = task_of(conv, known(conv, power={"input": power}), group=scale_groups(conv, "channel"))
    rows = weights._rows(task, conv.links[0])
    means = [float(power[c].mean()) for c in range(4)]
    assert rows.power.tolist() == [[means[0]] * 2 + [means[1]] * 2] * 3 + [[means[2]] * 2 + [means[3]] * 2] * 3
    assert rows.group.tolist() == list(range(6))
    assert rows.weight.tolist() == conv.links[0].map.weight.reshape(6, 4).tolist()


@pytest.mark.parametrize("conv", [False, True])
def test_the_cap_holds_the_sum_of_all_links_in_every_neuron_of_a_group(conv):
    one, two = ([[300.0, -100.0], [9.0, 0.0]], [[7.0, 7.0], [900.0, -5.0]])
    links = (
        [taps(np.reshape(w, (2, 2, 1, 1)), (2, 1, 3)) for w in (one, two)] if conv else [matrix(w) for w in (one, two)]
    )
    layer = real(*links, share_u=0.5, threshold=1e-9)
    prepared = known(layer, messages=(-1, 2), steps=3)
    worst = [sum(float(worst_sum(link, (-1, 2))[i]) for link in links) for i in range(2)]
    assert worst == [700.0 + 28.0, 18.0 + 1805.0]
    limits = [
        float(
            greatest_scale(real(matrix([[1.0]]), share_u=0.5, threshold=1e-9), np.array([w]), np.zeros(1), 3, LOIHI)[0]
        )
        for w in worst
    ]
    assert weights._cap(task_of(layer, prepared, group=scale_groups(layer, "channel"))).tolist() == limits
    assert weights._cap(task_of(layer, prepared, group=scale_groups(layer, "layer"))).tolist() == [min(limits)]
    nothing = real(matrix([[0.0]]), threshold=0.0)
    assert weights._cap(task_of(nothing, known(nothing))).tolist() == [1.0]


def test_what_calibration_saw_must_not_clip():
    v = {"v_low": [-3.0], "v_high": [5.0]}
    layer = real(matrix([[1.0]]), threshold=2.0)
    assert weights._seen(known(layer), layer).tolist() == [0.0]
    for changes, expected in (
        ({}, 3.0),
        ({"fires": False}, 3.0),
        ({"reset": "subtract"}, 7.0),
        ({"reset": "none"}, 7.0),
        ({"reset": "subtract", "threshold": 0.0}, 5.0),
    ):
        one = replace(layer, **{k: np.full(1, x) if k == "threshold" else x for k, x in changes.items()})
        assert weights._seen(known(one, layers={"p": seen(**v)}), one).tolist() == [expected]
    many = replace(layer, reset="subtract", many=True)
    target = replace(LOIHI, properties={**LOIHI.properties, "most": (1, 31)})
    assert weights._seen(known(many, layers={"p": seen(**v, most=4)}, target=target), many).tolist() == [5 + 8 * 2.0]
    plane = real(taps(np.ones((2, 1, 1, 1)), (1, 2, 2)))
    found = weights._seen(known(plane, layers={"p": seen(v_low=[-1.0, 2.0], v_high=[0.0, 0.0])}), plane)
    assert found.tolist() == [[[1.0] * 2] * 2, [[0.0] * 2] * 2]


def test_a_threshold_is_a_whole_number_of_mantissas_where_one_fits():
    scale = np.array([[10.0, 3.9, 0.5]])
    made = weights._whole_threshold(scale, np.array([0.75, 1.0, 1.0]), 1.0)
    assert made.tolist() == [[7 / 0.75, 3.0, 0.5]]
    assert weights._whole_threshold(scale, np.array([0.75, 1.0, 1.0]), 4.0).tolist() == [[4 / 0.75, 3.9, 0.5]]
    assert weights._whole_threshold(scale, None, 1.0) is scale


@pytest.mark.parametrize(("share", "step"), [(0.0, 8.0), (0.5, 1.0)])
def test_what_adds_up_takes_off_whole_weights(share, step):
    layer = real(
        matrix(np.eye(2)), matrix(-np.eye(2), "p", name=ADDED, lag=1), matrix(-np.eye(2), "p", name=ADDED, lag=2),
        share_u=share,
    )  # fmt: skip
    choice = weights.Choice(np.ones(1), (5, 3, 2))
    assert weights._threshold_step(layer, choice) == step
    assert weights._threshold_step(replace(layer, links=layer.links[:1]), weights.Choice(np.ones(1), (5,))) == 1.0


@pytest.mark.parametrize(
    ("counts", "trial", "negative"), [(False, None, True), (False, True, True), (True, None, True), (True, True, False)]
)
def test_only_sums_that_are_counted_are_not_shifted_to_the_right(counts, trial, negative):
    layer = real(
        matrix([[100.0, -99.0]]), share_u=1.0, threshold=1e4, fires_at_threshold=counts,
        reset="subtract" if counts else "zero", v0=100.0 * V_MAX / 64,
    )  # fmt: skip
    prepared = known(layer, trial=SimpleNamespace() if trial else None)
    task = task_of(layer, prepared)
    rows = [weights._rows(task, layer.links[0])]
    choice = weights._choice(task, rows, weights._cap(task))
    assert (choice.exponents[0] < 0) is negative
    assert choice.exponents[0] >= (-8 if negative else 0)


def test_stored_weights_say_their_error_and_its_power():
    rows = RealRows(np.array([[0.26, -0.5]]), np.array([[0.5, 0.25]]), np.array([0]), 1)
    made = weights._stored(rows, np.array([[1.0, -2.0]]), -1, np.array([2.0]))
    assert made.error.tolist() == [[0.25 - 0.26, 0.0]]
    signal, noise = 0.26**2 * 0.5 + 0.5**2 * 0.25, (0.25 - 0.26) ** 2 * 0.5
    assert made.sqnr_db == pytest.approx(10 * np.log10(signal / noise), rel=1e-12)
    assert weights._stored(rows, np.array([[0.52, -1.0]]), 0, np.array([2.0])).sqnr_db == np.inf


@pytest.mark.parametrize("method", ["mse", "max"])
def test_weights_are_the_real_ones_at_the_scale_that_is_said(method):
    """Scales are under their cap, thresholds whole, and each stored weight is the nearest on its grid."""
    rng = np.random.default_rng(0)
    layer = real(
        matrix(rng.normal(size=(3, 5))), matrix(rng.normal(size=(3, 1)) * 9, "p.on"), threshold=[1.0, 0.3, 7.0]
    )
    task = task_of(layer, known(layer, options=Options(method=method)))
    scale, stored = choose_weights(task)
    cap = weights._cap(task)
    assert (scale <= cap).all()
    assert (scale * layer.threshold == np.rint(scale * layer.threshold)).all()
    for link, part, grid in zip(layer.links, stored, task.grids, strict=True):
        r = scale[:, None] / 2.0**part.exponent
        assert part.mantissas.tolist() == to_grid(link.map.weight * r, grid).tolist()
        assert (np.abs(part.error) <= 1e-12 + 2.0**part.exponent / scale[:, None] * grid.step).all()
    bare = replace(layer, links=())
    assert choose_weights(task_of(bare, known(layer)))[1] == ()
