"""From a Source to the machine with real registers: the algebra, names, and what is refused with its reason."""

import numpy as np
import pytest

from sim.engines import run
from snn2hw.chips.preflight import check
from snn2hw.compiler.compile import compile_source
from snn2hw.network.float_reference import float_reference
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
    np.testing.assert_array_equal(layer.share_u, DT / 5e-3)
    np.testing.assert_array_equal(layer.share_v, a_v)
    np.testing.assert_allclose(layer.threshold, (1.0 + 0.2) / a_v)
    np.testing.assert_allclose(layer.drive, 0.3 + 0.2)
    np.testing.assert_allclose(layer.v0, (0.3 + 0.2) / a_v)
    np.testing.assert_allclose(layer.unit, a_v)
    np.testing.assert_array_equal(layer.origin, -0.2)
    np.testing.assert_array_equal(layer.links[0].map.weight, np.ones((2, 3)))
    np.testing.assert_array_equal(layer.always[0].values, [0.5, 0.0])


def test_reset_by_subtraction_keeps_zero_as_its_origin():
    (layer,) = _one(lif(v_leak=0.3, v_reset=-0.2), reset="subtract").populations
    a_v = DT / 8e-3
    np.testing.assert_array_equal(layer.threshold, 1.0 / a_v)
    np.testing.assert_array_equal(layer.drive, 0.3)
    np.testing.assert_array_equal(layer.origin, 0.0)


def test_a_readout_counts_from_its_leak_and_has_no_bias():
    neuron = nir.LI(np.array([1e-2]), np.array([1.0]), np.array([0.7]))
    (layer,) = _one(neuron).populations
    assert not layer.fires
    np.testing.assert_array_equal(layer.origin, 0.7)
    np.testing.assert_array_equal(layer.drive, 0)


def test_an_integrator_forgets_nothing():
    (layer,) = _one(nir.IF(np.array([1 / DT]), np.array([2.0]), np.array([0.0]))).populations
    np.testing.assert_array_equal(layer.share_v, 0)
    np.testing.assert_array_equal(layer.threshold, 2.0)
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
        (Semantics("now", spike_read="before_input"), "value", "spikes are read before the step's input"),
        (Semantics("twice", residue="tested_twice"), "subtract", "a residue above threshold is tested twice"),
    ],
)
def test_orders_of_events_that_the_machine_lacks_are_refused_by_name(semantics, reset, reason):
    with pytest.raises(ProblemsError, match=reason) as caught:
        _one(lif(), semantics, reset=reset)
    assert all(problem.fix for problem in caught.value.problems)


def _leaky(steps, *, threshold, rest=0.0):
    """Return a neuron that forgets within so many steps and takes its input as it is."""
    values = (steps * DT, float(steps), rest, threshold)
    return nir.LIF(*(np.array([x]) for x in values), v_reset=np.array([0.0]))


def _program(neuron, target="fixed", *, data, **rules):
    b = Builder(np.random.default_rng(0))
    b.add("input", nir.Input(np.array([1])))
    b.add("n", neuron, b.add("fc", nir.Linear(np.ones((1, 1))), "input"))
    source = b.source("n", **rules)
    return compile_source(source, target, data).program, source


def test_several_spikes_are_one_message_and_each_takes_a_threshold_off():
    data = np.array([[[0], [7], [0], [2], [1]]])
    rules = Semantics("sinabs", spikes_per_step="many", fires_at=">=")
    neuron = nir.IF(np.array([1 / DT]), np.array([3.0]), np.array([0.0]))
    program, source = _program(neuron, data=data, semantics=rules, reset="subtract")
    n = program.by_name["n"]
    assert n.properties == {"most": 3, "at_threshold": True, "refractory": 0}
    assert program.record["scales"]["n"]["most"] == {"seen": 2, "kept": 3}  # as many as v can hold
    assert run(program, data).output[0, :, 0].tolist() == [0, 2, 0, 1, 0]
    assert float_reference(source, data).output[0, :, 0].tolist() == [0, 2, 0, 1, 0]


def test_a_message_holds_no_more_spikes_than_the_membrane_can_reach():
    data = np.ones((1, 4, 1), np.uint8)
    rules = Semantics("sinabs", spikes_per_step="many", fires_at=">=")
    neuron = _leaky(2, threshold=0.9)
    program, _ = _program(neuron, data=data, semantics=rules, reset="subtract")
    assert program.by_name["n"].properties["most"] == 1  # one input of 1: v never reaches two thresholds


@pytest.mark.parametrize("v0", [0.0, 0.5])
def test_spikes_read_before_the_input_are_the_same_neuron_a_step_later(v0):
    data = np.random.default_rng(0).integers(0, 2, (2, 30, 1))
    neuron = _leaky(4, threshold=0.77, rest=0.3)
    neuron.metadata["v0"] = np.array([v0])
    rules = Semantics("spyx", spike_read="before_input", reset_at="after_decay")
    program, source = _program(neuron, data=data, semantics=rules, reset="subtract")
    assert [(c.source, c.lag) for c in program.by_name["n"].inputs] == [("input", 1), ("n", 1)]
    wanted = float_reference(source, data).output
    assert wanted.any()
    np.testing.assert_array_equal(run(program, data).output, wanted)


def test_a_dead_step_is_a_rest_of_one_step():
    data = np.ones((1, 20, 1), np.uint8)
    rules = Semantics("snntorch", reset_at="after_decay")
    for target in ("fixed", "loihi2", "loihi1"):
        program, source = _program(_leaky(3, threshold=1.5), target, data=data, semantics=rules)
        assert program.by_name["n"].properties["refractory"] == 1
        np.testing.assert_array_equal(run(program, data).output, float_reference(source, data).output)


def test_without_a_reset_a_neuron_fires_as_long_as_it_is_above_its_threshold():
    data = np.array([[[1], [1], [1], [0], [0], [0], [0]]])
    program, source = _program(_leaky(2, threshold=1.2), data=data, reset="none")
    assert program.by_name["n"].reset == "none"
    assert run(program, data).output[0, :, 0].tolist() == [0, 1, 1, 0, 0, 0, 0]
    np.testing.assert_array_equal(run(program, data).output, float_reference(source, data).output)
    assert [p.what for p in check(source, "loihi1")] == ["does not reset, which Intel Loihi 1 cannot"]


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
