"""Lowering: one map between message and neuron, the same network."""

from itertools import pairwise

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn2hw.network import maps as lowering_maps
from snn2hw.network.float_reference import float_reference
from snn2hw.network.view import lower
from snn2hw.problems import ProblemsError
from snn2hw.sources import Semantics
from snn2hw.sources.graph import assemble, predecessors, successors
from snn2hw.sources.shapes import is_neuron, output_shape
from tests.network.interpreter.walk import float_reference as node_by_node
from tests.sources.nir_nets import DT, chain, cuba, full, lif, rasters, source

CANONICAL = {"Input", "Output", "Linear", "Affine", "Conv1d", "Conv2d", "Delay"}


def assert_canonical(lowered):
    before, after = predecessors(lowered.graph.edges), successors(lowered.graph.edges)
    for name, node in lowered.nodes.items():
        if is_neuron(node):
            continue
        kind = type(node).__name__
        assert kind in CANONICAL
        if hasattr(node, "weight"):
            (into,), (onto,) = before[name], after[name]
            assert is_neuron(lowered.nodes[into]) or type(lowered.nodes[into]).__name__ in ("Input", "Delay")
            assert is_neuron(lowered.nodes[onto]) or type(lowered.nodes[onto]).__name__ in ("Output", "Delay")


def assert_equal_runs(s, lowered, x):
    """The Source node by node, its canonical form node by node, and the float machine of it answer alike."""
    wanted = node_by_node(s, x)
    for found in (node_by_node(lowered, x), float_reference(s, x)):
        assert_equal_traces(wanted, found)


def assert_equal_traces(a, b):
    assert a.spikes.keys() == b.spikes.keys()
    assert a.v.keys() == b.v.keys()
    for name in a.spikes:
        np.testing.assert_array_equal(a.spikes[name], b.spikes[name])
    for name in a.v:
        assert np.abs(a.v[name] - b.v[name]).max(initial=0) < 1e-9
    assert np.abs(a.output - b.output).max(initial=0) < 1e-9


def neuron(rng, shape):
    """Make a LIF whose threshold no sum of round weights meets exactly."""
    return lif(shape, tau=0.004, v_leak=0.05, v_threshold=0.3 + 1e-3 * rng.random(), v_reset=-0.1)


def random_node(rng, shape):
    """Return one random node that reads ``shape`` (channels, height, width)."""
    channels = shape[0]
    pick = rng.integers(0, 8)
    if pick < 2:
        groups = int(rng.choice([1, channels]))
        weight = rng.normal(size=(groups * int(rng.integers(1, 3)), channels // groups, *rng.integers(1, 4, 2)))
        bias = rng.normal(size=weight.shape[0]) * rng.integers(0, 2)
        stride, padding, dilation = rng.integers(1, 3, 2), rng.integers(0, 3, 2), rng.integers(1, 3, 2)
        return nir.Conv2d(None, weight, stride, padding, dilation, groups, bias)
    if pick < 5:
        kind = nir.SumPool2d if pick == 2 else nir.AvgPool2d
        return kind(rng.choice([1, 2, 4], 2), rng.integers(1, 4, 2), rng.integers(0, 2, 2))
    if pick == 5:
        return nir.Scale(rng.normal(size=(channels, 1, 1)) * np.ones(shape) + rng.integers(0, 2) * rng.random(shape))
    if pick == 6:
        return nir.Delay(DT * (rng.integers(0, 3, shape) if rng.random() < 0.5 else np.full(shape, 2)))
    return neuron(rng, shape)


def random_source(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(4, 9)), int(rng.integers(4, 9)))
    nodes = {"input": nir.Input(np.array(shape))}
    here = shape
    for index in range(int(rng.integers(1, 6))):
        node = random_node(rng, here)
        try:
            here = output_shape(node, here)
        except Exception:
            continue  # it does not fit: leave it out
        nodes[f"{type(node).__name__}{index}"] = node
    if rng.random() < 0.5:
        size = int(np.prod(here))
        nodes |= {"flat": nir.Flatten(None, 0, -1), "fc": nir.Affine(rng.normal(size=(5, size)), rng.normal(size=5))}
        here = (5,)
    nodes |= {"last": neuron(rng, here), "output": nir.Output(None)}
    order = list(nodes)
    return source(assemble(nodes, list(pairwise(order)))), rasters(rng, shape, batch=2, steps=12)


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_random_networks_keep_every_spike_and_potential(seed):
    s, x = random_source(seed)
    lowered = lower(s)
    assert_canonical(lowered)
    assert_equal_runs(s, lowered, x)


@pytest.mark.full
@settings(max_examples=3000)
@given(st.integers(0, 2**32))
def test_many_random_networks_keep_every_spike_and_potential(seed):
    s, x = random_source(seed)
    assert_equal_runs(s, lower(s), x)


def pooled(side, kernel=2, padding=1):
    """A pool in front of a padded convolution."""
    rng = np.random.default_rng(0)
    nodes = (
        nir.AvgPool2d(kernel, kernel, 0),
        nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, padding, 1, 1, rng.normal(size=2)),
        neuron(rng, 2),
    )
    return source(chain(*nodes, shape=(1, side, side), names=["pool", "conv", "lif"]))


@pytest.mark.parametrize(("side", "kind"), [(4, "Conv2d"), (6, "Conv2d"), (8, "Conv2d"), (5, "Affine"), (7, "Affine")])
def test_a_pool_before_a_padded_convolution_folds_only_where_it_covers_its_input(side, kind):
    s = pooled(side)
    lowered = lower(s)
    assert type(lowered.nodes["conv"]).__name__ == kind
    assert_equal_runs(s, lowered, rasters(np.random.default_rng(1), (1, side, side)))


def test_without_padding_any_pool_folds():
    for side in (4, 5, 6, 7, 8):
        s = pooled(side + 2, padding=0)
        lowered = lower(s)
        assert type(lowered.nodes["conv"]).__name__ == "Conv2d"
        assert_equal_runs(s, lowered, rasters(np.random.default_rng(1), (1, side + 2, side + 2)))


def test_what_would_need_too_large_a_matrix_is_refused(monkeypatch):
    monkeypatch.setattr(lowering_maps, "LARGEST_MATRIX", 100)
    with pytest.raises(
        ProblemsError, match=r"node 'lif': .* is no single convolution, and as a matrix it has 162 weights"
    ):
        lower(pooled(7))


def test_chains_of_maps_become_one():
    rng = np.random.default_rng(0)
    s = source(
        chain(
            nir.Scale(np.full((2, 8, 8), 10.0)),
            nir.Conv2d(None, rng.normal(size=(4, 2, 3, 3)), 1, 1, 1, 1, rng.normal(size=4)),
            nir.AvgPool2d(2, 2, 0),
            nir.Flatten(None, 0, -1),
            nir.Linear(rng.normal(size=(7, 64))),
            nir.Affine(rng.normal(size=(5, 7)), rng.normal(size=5)),
            neuron(rng, 5),
            shape=(2, 8, 8),
            names=["scale", "conv", "pool", "flat", "wide", "narrow", "lif"],
        )
    )
    lowered = lower(s)
    assert list(lowered.nodes) == ["input", "lif", "output", "wide"]  # named for the node with the most weights
    assert_equal_runs(s, lowered, rasters(rng, (2, 8, 8)))


def test_max_pooling_of_spikes_stays_a_sum_and_a_threshold():
    rng = np.random.default_rng(0)
    nodes = (neuron(rng, 2), nir.SumPool2d(2, 2, 0), nir.Threshold(np.array([0.5])), nir.Flatten(None, 0, -1))
    s = source(chain(*nodes, nir.Linear(rng.normal(size=(3, 8))), neuron(rng, 3), shape=(2, 4, 4)))
    lowered = lower(s)
    pool = lowered.nodes["n1"]
    assert (type(pool).__name__, pool.groups, pool.weight.tolist()) == ("Conv2d", 2, [[[[1, 1], [1, 1]]]] * 2)
    assert type(lowered.nodes["n2"]).__name__ == "Threshold"
    assert_equal_runs(s, lowered, rasters(rng, (2, 4, 4), rate=0.8))


def loop(bias):
    rng = np.random.default_rng(3)
    nodes = {
        "input": nir.Input(np.array([3])),
        "fc": nir.Affine(rng.normal(1, 1, (4, 3)), rng.normal(0, 0.1, 4)),
        "lif": neuron(rng, 4),
        "w_rec": nir.Affine(rng.normal(0, 0.6, (4, 4)), bias),
        "output": nir.Output(None),
    }
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return nodes, edges


def test_recurrence_becomes_a_delay_and_its_bias_acts_from_step_0():
    s = source(assemble(*loop(np.full(4, 0.3))))
    lowered = lower(s)
    assert [n for n, node in lowered.nodes.items() if type(node).__name__ == "Delay"] == ["lif 1 late"]
    np.testing.assert_array_equal(lowered.nodes["fc"].bias, s.nodes["fc"].bias + 0.3)
    assert_equal_runs(s, lowered, rasters(np.random.default_rng(0), (3,)))


def test_a_bias_in_front_of_a_delay_sets_in_late():
    nodes, edges = loop(np.full(4, 0.3))
    nodes["late"] = nir.Delay(np.full(4, 3 * DT))
    edges = [e for e in edges if e != ("w_rec", "lif")] + [("w_rec", "late"), ("late", "lif")]
    s = source(assemble(nodes, edges))
    lowered = lower(s)
    assert "lif bias 3 late" in lowered.nodes
    assert_equal_runs(s, lowered, rasters(np.random.default_rng(0), (3,)))
    v = float_reference(s, np.zeros((1, 4, 3))).v["lif"][0]
    assert np.abs(np.diff(v, axis=0)[2] - np.diff(v, axis=0)[1]).min() > 0.01  # it is seen to set in


def test_residual_additions_and_shared_maps_keep_their_meaning():
    rng = np.random.default_rng(5)
    nodes = {
        "input": nir.Input(np.array([2, 4, 4])),
        "conv": nir.Conv2d(None, rng.normal(size=(2, 2, 3, 3)), 1, 1, 1, 1, rng.normal(size=2)),
        "a": neuron(rng, 2),
        "conv2": nir.Conv2d(None, rng.normal(size=(2, 2, 3, 3)), 1, 1, 1, 1, rng.normal(size=2)),
        "sum": nir.Scale(np.full((2, 4, 4), 0.5)),
        "b": neuron(rng, 2),
        "output": nir.Output(None),
    }
    edges = [("input", "conv"), ("conv", "a"), ("a", "conv2"), ("conv2", "sum"), ("conv", "sum"), ("a", "sum")]
    s = source(assemble(nodes, [*edges, ("sum", "b"), ("b", "output")]))
    lowered = lower(s)
    assert_canonical(lowered)
    assert_equal_runs(s, lowered, rasters(rng, (2, 4, 4)))


def test_a_bias_that_differs_at_the_border_goes_into_a_matrix():
    rng = np.random.default_rng(0)
    first = nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, 1, 1, 1, np.array([0.5, -0.2]))
    second = nir.Conv2d(None, rng.normal(size=(2, 2, 3, 3)), 1, 1, 1, 1, np.zeros(2))
    s = source(chain(first, second, neuron(rng, 2), shape=(1, 4, 4)))
    lowered = lower(s)
    assert type(lowered.nodes["n1"]).__name__ == "Affine"
    assert_equal_runs(s, lowered, rasters(rng, (1, 4, 4)))


def test_one_dimensional_networks_stay_one_dimensional():
    rng = np.random.default_rng(0)
    conv = nir.Conv1d(None, rng.normal(size=(3, 2, 3)), 2, 1, 2, 1, rng.normal(size=3))
    s = source(chain(nir.Scale(np.full((2, 9), 2.0)), conv, neuron(rng, 3), shape=(2, 9)))
    lowered = lower(s)
    assert type(lowered.nodes["n1"]).__name__ == "Conv1d"
    assert_equal_runs(s, lowered, rasters(rng, (2, 9)))


def test_an_output_may_be_a_map():
    rng = np.random.default_rng(0)
    s = source(chain(neuron(rng, 3), nir.Affine(rng.normal(size=(2, 3)), np.ones(2)), shape=(3,)))
    assert_equal_runs(s, lower(s), rasters(rng, (3,)))


def test_lowering_twice_is_lowering_once():
    for seed in range(12):
        once = lower(random_source(seed)[0])
        twice = lower(once)
        assert set(once.nodes) == set(twice.nodes)
        assert set(once.graph.edges) == set(twice.graph.edges)


@pytest.mark.parametrize(
    "rules", [Semantics(spike_read="before_input", reset_at="after_decay"), Semantics(fires_at=">=")]
)
def test_the_order_of_events_survives(rules):
    s = source(assemble(*loop(np.full(4, 0.1))), semantics=rules, reset="subtract", scheme="exponential")
    assert_equal_runs(s, lower(s), rasters(np.random.default_rng(0), (3,)))


def test_every_neuron_kind_keeps_its_name_and_parameters():
    nodes = (cuba(3), nir.LIF(*full(3, 0.01, 1, 0, 0.3)), nir.CubaLI(*full(3, 0.005, 0.01, 1, 0)))
    s = source(chain(*nodes, shape=(3,), names=["a", "b", "c"]))
    lowered = lower(s)
    for name in "abc":
        assert lowered.nodes[name] is s.nodes[name]
