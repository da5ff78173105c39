"""The float reference against independently written loops: one neuron, one step, plain Python."""

from dataclasses import replace

import nir
import numpy as np
import pytest

from sim.errors import InputError, Snn2hwError
from snn2hw.network.float_reference import float_reference
from snn2hw.sources import NORSE, Semantics
from snn2hw.sources.graph import assemble
from tests.sources.nir_nets import DT, chain, cuba, full, lif, rasters, source


def plain_lif(drive, *, tau, r, v_leak, v_threshold, v_reset, rules=NORSE, reset="value"):
    """One LIF in plain Python, under every order of events."""
    v, out = v_leak, []
    over = (lambda v: v > v_threshold) if rules.fires_at == ">" else (lambda v: v >= v_threshold)

    def spikes(v):
        return (v // v_threshold if rules.spikes_per_step == "many" else 1.0) if over(v) else 0.0

    def after_reset(v, z):
        return v if not z else v_reset if reset == "value" else v - z * v_threshold

    for x in drive:
        held = spikes(v)
        if rules.reset_at == "before_decay":
            v = after_reset(v, held)
        v = v + DT / tau * (v_leak - v + r * x)
        if rules.reset_at == "after_decay":
            v = after_reset(v, held)
        z = spikes(v - held * v_threshold) if rules.residue == "tested_twice" and reset == "subtract" else spikes(v)
        if rules.reset_at == "spike":
            v = after_reset(v, z)
        out.append((held if rules.spike_read == "before_input" else z, v))
    return np.array(out).T


@pytest.mark.parametrize("reset", ["value", "subtract"])
@pytest.mark.parametrize(
    "rules",
    [
        Semantics(),
        Semantics(fires_at=">="),
        Semantics(fires_at=">=", spikes_per_step="many"),
        Semantics(reset_at="before_decay"),
        Semantics(reset_at="after_decay"),
        Semantics(reset_at="after_decay", spike_read="before_input"),
        Semantics(reset_at="before_decay", spike_read="before_input"),
        Semantics(residue="tested_twice"),
    ],
    ids=lambda rules: "-".join(f"{k}:{v}" for k, v in vars(rules).items() if k != "name" and v != vars(Semantics())[k]),
)
def test_every_order_of_events_equals_a_plain_loop(rules, reset):
    rng = np.random.default_rng(0)
    values = {"tau": 0.004, "r": 1.3, "v_leak": 0.05, "v_threshold": 0.3, "v_reset": -0.1}
    s = source(chain(lif(1, **values), shape=(1,)), semantics=rules, reset=reset)
    drive = rng.normal(0.6, 1.5, (1, 200, 1))
    trace = float_reference(s, drive)
    z, v = plain_lif(drive[0, :, 0], **values, rules=rules, reset=reset)
    np.testing.assert_array_equal(trace.spikes["n0"][0, :, 0], z)
    assert np.abs(trace.v["n0"][0, :, 0] - v).max() < 1e-12
    assert z.sum() > 5


def test_a_synapse_jumps_before_the_membrane_reads_it():
    x = np.zeros((1, 6, 1))
    x[0, 1] = 1
    s = source(chain(cuba(1, v_threshold=9.0), shape=(1,)))
    trace = float_reference(s, x, record=("u", "v"))
    i, v, expected = 0.0, 0.0, []
    for t in range(6):
        i = i + 0.2 * (5 * x[0, t, 0] - i)
        v = v + 0.1 * (i - v)
        expected.append((0.1 * i, v))
    np.testing.assert_allclose(np.stack([trace.u["n0"], trace.v["n0"]])[:, 0, :, 0].T, expected, rtol=0, atol=1e-15)


def test_the_exponential_scheme_holds_its_input_over_the_step():
    s = source(chain(nir.LI(*full(1, 0.004, 2.0, 0.5)), shape=(1,)), scheme="exponential")
    out = float_reference(s, np.ones((1, 3, 1))).output[0, :, 0]
    keep = np.exp(-DT / 0.004)
    v, expected = 0.5, []
    for _ in range(3):
        v = keep * v + (1 - keep) * (0.5 + 2.0)
        expected.append(v)
    np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_integrators_integrate_r_dt():
    s = source(chain(nir.I(np.array([500.0])), shape=(1,)))
    np.testing.assert_array_equal(float_reference(s, np.ones((1, 4, 1))).output[0, :, 0], [0.5, 1.0, 1.5, 2.0])


def test_an_input_of_weight_one_is_exactly_one():
    """dt * (1 / dt) may miss 1 by a bit; thresholds that are met exactly would tell."""
    for dt in (1e-3, 1e-4, 3e-4, 7e-5):
        node = nir.IF(*full(1, 1 / dt, 3.0, 0.0))
        s = source(chain(node, shape=(1,)), dt=dt, semantics=replace(NORSE, fires_at=">="))
        np.testing.assert_array_equal(float_reference(s, np.ones((1, 6, 1))).output[0, :, 0], [0, 0, 1, 0, 0, 1])


def recurrent(weight, bias=None, delay=None):
    """One LIF that hears itself through a map, and a delay where one is given."""
    back = nir.Linear(np.array([[weight]])) if bias is None else nir.Affine(np.array([[weight]]), np.array([bias]))
    nodes = {"input": nir.Input(np.array([1])), "lif": lif(1, tau=DT, v_threshold=0.5), "back": back}
    nodes["output"] = nir.Output(None)
    edges = [("input", "lif"), ("lif", "back"), ("back", "lif"), ("lif", "output")]
    if delay is not None:
        nodes["delay"] = nir.Delay(np.array([delay * DT]))
        edges = [("input", "lif"), ("lif", "delay"), ("delay", "back"), ("back", "lif"), ("lif", "output")]
    return assemble(nodes, edges)


def test_an_edge_back_is_read_one_step_late():
    s = source(recurrent(weight=2.0))
    x = np.zeros((1, 5, 1))
    x[0, 1] = 1
    np.testing.assert_array_equal(float_reference(s, x).output[0, :, 0], [0, 1, 1, 1, 1])


def test_a_loop_with_a_delay_has_that_delay_and_no_other():
    x = np.zeros((1, 7, 1))
    x[0, 0] = 1
    one, three = (float_reference(source(recurrent(2.0, delay=k)), x).output[0, :, 0] for k in (1, 3))
    np.testing.assert_array_equal(one, [1] * 7)
    np.testing.assert_array_equal(three, [1, 0, 0, 1, 0, 0, 1])


def test_a_bias_in_a_loop_acts_from_step_0():
    trace = float_reference(source(recurrent(0.0, bias=0.25)), np.zeros((1, 2, 1)))
    np.testing.assert_array_equal(trace.v["lif"][0, :, 0], [0.25, 0.25])


def test_spikes_read_before_the_input_need_no_delay_in_a_loop():
    rules = Semantics(spike_read="before_input", reset_at="before_decay")
    x = np.zeros((1, 4, 1))
    x[0, 0] = 1
    out = float_reference(source(recurrent(2.0), semantics=rules), x).output[0, :, 0]
    np.testing.assert_array_equal(out, [0, 1, 1, 1])


def test_a_loop_without_a_way_in_of_its_own_is_refused_until_a_delay_says_which_edge_is_late():
    nodes = {"input": nir.Input(np.array([2])), "a": lif(2), "b": lif(2), "output": nir.Output(None)}
    edges = [("input", "a"), ("input", "b"), ("a", "b"), ("b", "a"), ("b", "output")]
    ambiguous = source(assemble(nodes, edges))
    with pytest.raises(Snn2hwError, match=r"loop .* several places.*fix: put nir.Delay\(dt\) on the edge"):
        float_reference(ambiguous, np.zeros((1, 3, 2)))
    nodes["late"] = nir.Delay(np.full(2, DT))
    edges = [("input", "a"), ("input", "b"), ("a", "b"), ("b", "late"), ("late", "a"), ("b", "output")]
    assert float_reference(source(assemble(nodes, edges)), np.zeros((1, 3, 2))).output.shape == (1, 3, 2)


def test_delays_may_differ_between_elements():
    s = source(chain(nir.Delay(np.array([0, DT, 2 * DT])), shape=(3,)))
    x = np.arange(1, 5, dtype=float)[None, :, None] * np.ones(3)
    np.testing.assert_array_equal(float_reference(s, x).output[0].T, [[1, 2, 3, 4], [0, 1, 2, 3], [0, 0, 1, 2]])


def test_part_of_a_step_is_no_delay():
    s = source(chain(nir.Delay(np.full(3, 1.5 * DT)), shape=(3,)))
    with pytest.raises(Snn2hwError, match=r"0.0015 s is no whole number of steps of 0.001 s"):
        float_reference(s, np.zeros((1, 3, 3)))


def test_edges_into_one_node_are_summed():
    nodes = {"input": nir.Input(np.array([2])), "a": nir.Scale(np.array([2.0, 3.0])), "output": nir.Output(None)}
    s = source(assemble(nodes, [("input", "a"), ("a", "output"), ("input", "output")]))
    np.testing.assert_array_equal(float_reference(s, np.ones((1, 1, 2))).output[0, 0], [3, 4])


@pytest.mark.parametrize("seed", range(6))
def test_maps_equal_torch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 2]))
    weight, bias = rng.normal(size=(4, 4 // groups, *rng.integers(1, 4, 2))), rng.normal(size=4)
    stride, padding, dilation = (tuple(int(n) for n in rng.integers(low, 3, 2)) for low in (1, 0, 1))
    pool, step = (tuple(int(n) for n in rng.integers(1, 3, 2)) for _ in range(2))
    s = source(
        chain(
            nir.Conv2d(None, weight, stride, padding, dilation, groups, bias),
            nir.AvgPool2d(np.array(pool), np.array(step), np.array([p // 2 for p in pool])),
            shape=(4, 9, 11),
        )
    )
    x = rng.normal(size=(2, 3, 4, 9, 11))
    w, b, flat = (torch.from_numpy(a) for a in (weight, bias, x.reshape(6, 4, 9, 11)))
    y = torch.nn.functional.conv2d(flat, w, b, stride, padding, dilation, groups)
    y = torch.nn.functional.avg_pool2d(y, pool, step, tuple(p // 2 for p in pool))
    got = float_reference(s, x).output
    np.testing.assert_allclose(got.reshape(y.shape), y.numpy(), rtol=1e-12, atol=1e-12)


def test_one_dimensional_convolution_equals_numpy():
    weight = np.array([[[1.0, 2.0, 3.0]]])
    s = source(chain(nir.Conv1d(None, weight, 2, 1, 1, 1, np.array([0.5])), shape=(1, 5)))
    x = np.arange(5.0)
    expected = np.correlate(np.pad(x, 1), weight[0, 0], "valid")[::2] + 0.5
    np.testing.assert_array_equal(float_reference(s, x[None, None, None]).output[0, 0, 0], expected)


def test_threshold_is_strict_and_recorded_as_spikes():
    s = source(chain(nir.Threshold(np.array([0.5])), shape=(1,)))
    trace = float_reference(s, np.array([0.5, 0.6]).reshape(1, 2, 1))
    np.testing.assert_array_equal(trace.spikes["n0"][0, :, 0], [0, 1])


def test_initial_potentials_may_be_given_per_neuron():
    node = lif(2, v_threshold=5.0)
    node.metadata["v0"] = np.array([1.0, 2.0])
    trace = float_reference(source(chain(node, shape=(2,))), np.zeros((1, 1, 2)))
    np.testing.assert_array_equal(trace.v["n0"][0, 0], [0.9, 1.8])


def test_a_neurons_own_reset_overrules_the_sources():
    nodes = [lif(1, tau=DT, v_threshold=0.4, v_reset=-1.0) for _ in range(2)]
    nodes[1].metadata["reset"] = "subtract"
    s = source(chain(nodes[0], nir.Linear(np.array([[0.7]])), nodes[1], shape=(1,)))
    v = float_reference(s, np.ones((1, 1, 1))).v
    assert v["n0"][0, 0, 0] == -1.0
    assert abs(v["n2"][0, 0, 0] - 0.3) < 1e-15


def test_samples_do_not_see_each_other():
    rng = np.random.default_rng(1)
    s = source(recurrent(-0.7, bias=0.1))
    x = rasters(rng, (1,), batch=5)
    together = float_reference(s, x).output
    np.testing.assert_array_equal(together, np.concatenate([float_reference(s, x[i : i + 1]).output for i in range(5)]))


def test_samples_run_in_parts_give_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    s = source(recurrent(-0.7, bias=0.1))
    x = rasters(rng, (1,), batch=5)
    whole = float_reference(s, x, record=("spikes", "u", "v"))
    monkeypatch.setattr("snn2hw.network.float_reference.MESSAGE_BYTES", 8 * x.shape[1] * 2)
    parts = float_reference(s, x, record=("spikes", "u", "v"))
    for got, expected in ((parts.spikes, whole.spikes), (parts.u, whole.u), (parts.v, whole.v)):
        np.testing.assert_array_equal(got["lif"], expected["lif"])
    np.testing.assert_array_equal(parts.output, whole.output)


def test_an_empty_batch_is_no_error():
    assert float_reference(source(chain(lif(2), shape=(2,))), np.zeros((0, 3, 2))).output.shape == (0, 3, 2)


def test_only_what_is_asked_for_is_recorded():
    s = source(chain(lif(2), shape=(2,)))
    trace = float_reference(s, np.zeros((1, 2, 2)), record=())
    assert (trace.spikes, trace.u, trace.v) == ({}, {}, {})


def test_a_raster_of_the_wrong_shape_is_refused():
    with pytest.raises(InputError, match=r"rasters have shape \(2, 3\)  fix: give \(B, T, 4\)"):
        float_reference(source(chain(lif(4), shape=(4,))), np.zeros((2, 3)))
