"""The float machine against the NIR nodes themselves, run one by one: folding changes no spike."""

from dataclasses import replace

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn2hw.chips.preflight import check
from snn2hw.network import maps
from snn2hw.network.float_reference import float_reference
from snn2hw.network.lowering import network_of
from snn2hw.network.view import lower
from snn2hw.problems import ProblemsError
from snn2hw.sources import Semantics
from snn2hw.sources.from_nir import from_nir
from snn2hw.sources.graph import assemble
from tests.golden.sources import SOURCES, source_of
from tests.network.interpreter.walk import float_reference as node_by_node
from tests.network.test_lowering import assert_equal_traces, loop, neuron, pooled, random_source
from tests.sources.nir_nets import cases, chain, cuba, lif, rasters, recorded, source, written

ALL = ("spikes", "u", "v")


def assert_computes(s, x):
    """The float machine answers as the nodes do: every spike, u and v within what folding rounds."""
    wanted, found = node_by_node(s, x, record=ALL), float_reference(s, x, record=ALL)
    assert_equal_traces(wanted, found)
    assert wanted.u.keys() == found.u.keys()
    for name, u in wanted.u.items():
        assert np.abs(u - found.u[name]).max(initial=0) < 1e-9


@pytest.mark.parametrize("name", SOURCES)
def test_it_answers_for_every_network_of_the_zoo_as_its_nodes_do(name):
    s = source_of(name)
    assert_computes(s, rasters(np.random.default_rng(0), s.input_shape, batch=2, steps=10))


@pytest.mark.parametrize("case", cases())
def test_it_answers_for_every_recorded_graph_as_its_nodes_do(case, tmp_path):
    kept = recorded(case)
    assert_computes(from_nir(written(tmp_path, kept.file), **kept.how), kept.rasters)


RULES = [
    Semantics(fires_at=">="),
    Semantics(spikes_per_step="many"),
    Semantics(reset_at="before_decay"),
    Semantics(reset_at="after_decay"),
    Semantics(spike_read="before_input"),
    Semantics(spike_read="before_input", reset_at="before_decay"),
    Semantics(residue="tested_twice"),
]


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(RULES), st.booleans(), st.booleans())
def test_random_networks_answer_as_their_nodes_do_in_every_order_of_events(seed, rules, subtract, exponential):
    s, x = random_source(seed)
    reset, scheme = "subtract" if subtract else "value", "exponential" if exponential else "euler"
    assert_computes(replace(s, semantics=rules, reset=reset, scheme=scheme), x)


@pytest.mark.parametrize("rules", RULES)
def test_loops_answer_as_their_nodes_do_in_every_order_of_events(rules):
    s = source(assemble(*loop(np.full(4, 0.1))), semantics=rules, reset="subtract")
    assert_computes(s, rasters(np.random.default_rng(0), (3,), steps=60))


def test_a_neuron_that_reads_late_hears_an_integrator_of_the_same_step():
    nodes = {
        "input": nir.Input(np.array([2])),
        "fires": lif(2, v_threshold=0.2),
        "adds": nir.LI(*np.full((3, 2), [[0.01], [1.0], [0.0]])),
        "output": nir.Output(None),
    }
    edges = [("input", "fires"), ("fires", "adds"), ("adds", "fires"), ("fires", "output")]
    s = source(assemble(nodes, edges), semantics=Semantics(spike_read="before_input", reset_at="before_decay"))
    assert_computes(s, rasters(np.random.default_rng(0), (2,), steps=40))


def test_maps_that_no_matrix_may_join_stay_a_chain_that_runs_and_no_chip_holds(monkeypatch):
    monkeypatch.setattr(maps, "LARGEST_MATRIX", 100)
    s = pooled(7)
    (link,) = network_of(s).by_name["lif"].links
    assert isinstance(link.map, maps.Chain)
    assert_computes(s, rasters(np.random.default_rng(1), (1, 7, 7)))
    (problem,) = check(s)
    assert "is no single convolution, and as a matrix it has 162 weights" in problem.what
    with pytest.raises(ProblemsError, match="no single convolution"):
        lower(s)


def test_a_chain_takes_whatever_stands_around_it(monkeypatch):
    monkeypatch.setattr(maps, "LARGEST_MATRIX", 100)
    rng = np.random.default_rng(0)
    conv = nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, 1, 1, 1, rng.normal(size=2))
    nodes = (nir.Scale(np.full((1, 7, 7), 1.5)), nir.AvgPool2d(2, 2, 0), conv, nir.Scale(rng.random((2, 3, 3))))
    s = source(
        chain(*nodes, nir.Flatten(None, 0, -1), nir.Linear(rng.normal(size=(4, 18))), neuron(rng, 4), shape=(1, 7, 7))
    )
    assert_computes(s, rasters(rng, (1, 7, 7)))


def test_neurons_of_any_number_of_axes_run_though_no_machine_has_them():
    s = source(chain(lif((2, 2, 2, 2)), shape=(2, 2, 2, 2)))
    assert_computes(s, rasters(np.random.default_rng(0), (2, 2, 2, 2)))
    assert [p.where for p in check(s)] == ["node 'n0'"]


def test_parameters_that_no_register_holds_run_as_floats():
    s = source(chain(lif(2, tau=0.0004), cuba(2, r=-1.0), shape=(2,)))
    assert_computes(s, rasters(np.random.default_rng(0), (2,)))
    assert len(check(s)) == 2
