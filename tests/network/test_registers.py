"""From a Source to the machine with real registers: the algebra, names, and what is refused with its reason."""

import numpy as np
import pytest

from sim.engines import run
from snn2hw.compiler.compile import compile_source
from snn2hw.network.registers import machine_of
from snn2hw.problems import ProblemsError
from snn2hw.sources import Semantics
from tests.compiler.networks import DT, Builder, cuba, dense, lif, nir, raster, readout, recurrent


def _one(neuron, semantics=None, **options):
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([3])))
    b.add("fc", nir.Affine(np.ones((2, 3)), np.array([0.5, 0.0])), "input")
    source = b.source(b.add("n", neuron, "fc"), **options, **({} if semantics is None else {"semantics": semantics}))
    return machine_of(source)


def test_a_norse_neuron_becomes_the_machine_as_the_algebra_says():
    """U = a_v j and V = v - v_reset give S a_v W per weight and S (v_th - v_reset) per threshold; here S = 1 / a_v."""
    (layer,) = _one(cuba(v_leak=0.3, v_reset=-0.2)).populations
    a_v = DT / 1e-2
    np.testing.assert_allclose(layer.share_u, DT / 5e-3)
    np.testing.assert_allclose(layer.share_v, a_v)
    np.testing.assert_allclose(layer.threshold, (1.0 + 0.2) / a_v)
    np.testing.assert_allclose(layer.drive, 0.3 + 0.2)
    np.testing.assert_allclose(layer.v0, (0.3 + 0.2) / a_v)
    np.testing.assert_allclose(layer.unit, a_v)
    np.testing.assert_allclose(layer.origin, -0.2)
    np.testing.assert_array_equal(layer.links[0].map.weight, np.ones((2, 3)))
    np.testing.assert_array_equal(layer.always[0].values, [0.5, 0.0])


def test_reset_by_subtraction_keeps_zero_as_its_origin():
    (layer,) = _one(lif(v_leak=0.3, v_reset=-0.2), reset="subtract").populations
    a_v = DT / 8e-3
    np.testing.assert_allclose(layer.threshold, 1.0 / a_v)
    np.testing.assert_allclose(layer.drive, 0.3)
    np.testing.assert_allclose(layer.origin, 0.0)


def test_a_readout_counts_from_its_leak_and_has_no_bias():
    neuron = nir.LI(np.array([1e-2]), np.array([1.0]), np.array([0.7]))
    (layer,) = _one(neuron).populations
    assert not layer.fires
    np.testing.assert_allclose(layer.origin, 0.7)
    np.testing.assert_array_equal(layer.drive, 0)


def test_an_integrator_forgets_nothing():
    (layer,) = _one(nir.IF(np.array([1 / DT]), np.array([2.0]), np.array([0.0]))).populations
    np.testing.assert_array_equal(layer.share_v, 0)
    np.testing.assert_allclose(layer.threshold, 2.0)
    population = compile_source(dense(np.random.default_rng(0)), "loihi1").program.populations[0]
    assert population.dv.max() <= 4095


def test_loops_become_lags_and_delays_add_to_them():
    network = machine_of(recurrent(np.random.default_rng(0)))
    hidden, out = network.by_name["hidden"], network.by_name["out"]
    assert {(k.source, k.lag) for k in hidden.links} == {("input", 0), ("hidden", 1)}
    assert {(k.source, k.lag) for k in out.links} == {("hidden", 0), ("hidden", 3)}


def test_names_that_the_machine_does_not_allow_are_changed_and_stay_unique():
    b = Builder(np.random.default_rng(0))
    b.add("in", nir.Input(np.array([3])))
    b.add("fc", nir.Linear(np.ones((2, 3))), "in")
    b.add("layer one", lif(), "fc")
    b.add("fc2", nir.Linear(np.ones((2, 2))), "layer one")
    network = machine_of(b.source(b.add("layer_one", lif(), "fc2")))
    assert [layer.name for layer in network.populations] == ["layer_one_", "layer_one"] or [
        layer.name for layer in network.populations
    ] == ["layer_one", "layer_one_"]


def test_a_network_that_ends_in_weights_gets_a_readout():
    rng = np.random.default_rng(0)
    b = Builder(rng)
    b.add("input", nir.Input(np.array([6])))
    b.add("lif", lif(), b.add("fc", nir.Linear(b.normal(5, 6, scale=2.0)), "input"))
    source = b.source(b.add("fc2", nir.Linear(b.normal(3, 5, scale=1.0)), "lif"))
    program = compile_source(source, "fixed", raster(source, rng), weight_bits=16).program
    assert not program.output.fires
    assert program.output.shape == (3,)


@pytest.mark.parametrize(
    ("semantics", "reset", "reason"),
    [
        (Semantics("many", spikes_per_step="many"), "subtract", "several spikes in one step"),
        (Semantics("spyx", spike_read="before_input"), "value", "spikes are read before the step's input"),
        (Semantics("twice", residue="tested_twice"), "subtract", "a residue above threshold is tested twice"),
        (Semantics("dead", reset_at="after_decay"), "value", "the step after a spike ignores what arrives"),
    ],
)
def test_orders_of_events_that_the_machine_lacks_are_refused_by_name(semantics, reset, reason):
    with pytest.raises(ProblemsError, match=reason) as caught:
        _one(lif(), semantics, reset=reset)
    assert all(problem.fix for problem in caught.value.problems)


def test_a_threshold_below_zero_fires_without_input_and_is_refused():
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([3])))
    b.add("gate", nir.Threshold(np.array([-0.5])), b.add("fc", nir.Linear(np.ones((2, 3))), "input"))
    with pytest.raises(ProblemsError, match="node 'gate': a threshold below 0"):
        machine_of(b.source("gate"))


def test_all_problems_come_at_once():
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([3])))
    wrong = nir.LIF(np.array([1e-2]), np.array([-1.0]), np.array([0.0]), np.array([1.0]), v_reset=np.array([0.0]))
    fast = nir.LIF(np.array([1e-4]), np.array([1.0]), np.array([0.0]), np.array([1.0]), v_reset=np.array([0.0]))
    b.add("a", wrong, b.add("fc", nir.Linear(np.ones((2, 3))), "input"))
    b.add("b", fast, b.add("fc2", nir.Linear(np.ones((2, 2))), "a"))
    b.add("c", readout(), b.add("fc3", nir.Linear(np.ones((2, 2))), "b"))
    source = b.source(b.add("d", lif(), b.add("fc4", nir.Linear(np.ones((2, 2))), "c")))
    with pytest.raises(ProblemsError) as caught:
        machine_of(source)
    found = {problem.where: problem.what for problem in caught.value.problems}
    assert found["node 'a'"].startswith("r or w_in of zero or below")
    assert "above 1" in found["node 'b'"]
    assert found["node 'd'"] == "reads the membrane of 'c', which never fires"


def test_firing_at_the_threshold_is_a_threshold_one_unit_lower():
    """>= on the integer grid: with whole weights and no leak, v >= 64 vth is v > 64 (vth - 1) for multiples of 64."""
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([1])))
    b.add("fc", nir.Linear(np.ones((1, 1))), "input")
    neuron = nir.IF(np.array([1 / DT]), np.array([3.0]), np.array([0.0]))
    spikes = {}
    for rule in (">", ">="):
        source = b.source("n" if "n" in b.nodes else b.add("n", neuron, "fc"), semantics=Semantics("x", fires_at=rule))
        b.edges.pop()
        data = np.ones((1, 12, 1), np.uint8)
        spikes[rule] = run(compile_source(source, "loihi1", data).program, data).output[0, :, 0].tolist()
    assert spikes[">"] == [0, 0, 0, 1] * 3
    assert spikes[">="] == [0, 0, 1] * 4
