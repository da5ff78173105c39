"""Building flat, typed graphs: shapes, parameters, and every problem at once."""

import warnings

import nir
import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.problems import ProblemsError
from snn2hw.sources import Source
from snn2hw.sources.graph import assemble, shape_in, shape_out
from tests.sources.nir_nets import chain, full, lif, source


def test_shapes_are_written_on_every_node():
    graph = chain(
        nir.Conv2d(None, np.ones((4, 1, 3, 5)), (2, 1), (1, 0), 1, 2, None),
        lif(4),
        nir.SumPool2d(2, 2, 0),
        nir.Flatten(None, 0, -1),
        nir.Linear(np.ones((3, 24))),
        shape=(2, 8, 10),
    )
    shapes = {name: (shape_in(node), shape_out(node)) for name, node in graph.nodes.items()}
    assert shapes == {
        "input": ((2, 8, 10), (2, 8, 10)),
        "n0": ((2, 8, 10), (4, 4, 6)),
        "n1": ((4, 4, 6), (4, 4, 6)),
        "n2": ((4, 4, 6), (4, 2, 3)),
        "n3": ((4, 2, 3), (24,)),
        "n4": ((24,), (3,)),
        "output": ((3,), (3,)),
    }
    assert graph.nodes["n0"].bias.tolist() == [0] * 4


def test_parameters_come_as_one_number_per_channel_or_in_full():
    per_channel = lif(2)
    per_channel.v_threshold = np.array([1.0, 2.0])
    graph = chain(per_channel, shape=(2, 1, 2))
    assert graph.nodes["n0"].v_threshold.tolist() == [[[1, 1]], [[2, 2]]]
    one = nir.LIF(*(np.array(x) for x in (0.01, 1.0, 0.0, 0.3)))
    assert chain(one, shape=(3,)).nodes["n0"].tau.shape == (3,)


def test_the_given_nodes_are_not_changed():
    node = lif(1)
    chain(node, shape=(5,))
    assert node.tau.shape == (1,)


@pytest.mark.parametrize(
    ("kernel", "dilation"), [((2, 3), (1, 1)), ((4, 2), (1, 1)), ((2, 2), (3, 1)), ((3, 3), (2, 2))]
)
def test_padding_same_pads_one_more_at_the_end_as_torch_does(kernel, dilation):
    torch = pytest.importorskip("torch")
    from snn2hw.network.float_reference import float_reference

    rng = np.random.default_rng(0)
    weight = rng.normal(size=(2, 1, *kernel))
    graph = chain(nir.Conv2d(None, weight, 1, "same", dilation, 1, np.zeros(2)), shape=(1, 7, 8))
    x = rng.normal(size=(1, 1, 1, 7, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it copies the input to pad it
        y = torch.nn.functional.conv2d(
            torch.from_numpy(x[0]), torch.from_numpy(weight), padding="same", dilation=dilation
        )
    assert isinstance(graph.nodes["n0"].padding, tuple)
    np.testing.assert_allclose(float_reference(source(graph), x).output[0], y.numpy(), rtol=0, atol=1e-12)


def test_every_problem_is_reported_at_once_and_only_its_cause():
    nodes = {
        "input": nir.Input(np.array([1, 6, 6])),
        "conv": nir.Conv2d(None, np.ones((4, 3, 3, 3)), 1, 0, 1, 1, None),
        "lif": lif(5),
        "other": nir.Linear(np.ones((2, 7))),
        "output": nir.Output(None),
    }
    edges = [("input", "conv"), ("conv", "lif"), ("lif", "output"), ("input", "other"), ("other", "output")]
    with pytest.raises(ProblemsError) as caught:
        assemble(nodes, edges, "net")
    assert [p.where for p in caught.value.problems] == ["node 'conv'", "node 'other'"]
    assert "reads 3 channels, its source makes (1, 6, 6)" in caught.value.problems[0].what
    assert str(caught.value).startswith("net: 2 problems\n  node 'conv': ")


def test_edges_that_bring_unequal_shapes_are_named():
    nodes = {
        "input": nir.Input(np.array([4])),
        "a": nir.Linear(np.ones((3, 4))),
        "lif": lif(1),
        "output": nir.Output(None),
    }
    with pytest.raises(ProblemsError, match=r"edge 'input' -> 'lif': brings \(4,\) to a node that reads \(3,\)"):
        assemble(nodes, [("input", "a"), ("a", "lif"), ("input", "lif"), ("lif", "output")])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([("input", "lif"), ("lif", "nowhere"), ("lif", "output")], "names a node that is not there"),
        ([("input", "output")], "node 'lif': cannot be reached from the input"),
    ],
)
def test_broken_structure_is_named(edges, message):
    nodes = {"input": nir.Input(np.array([2])), "lif": lif(2), "output": nir.Output(None)}
    with pytest.raises(ProblemsError, match=message):
        assemble(nodes, edges)


def test_two_inputs_are_refused():
    nodes = {"a": nir.Input(np.array([2])), "b": nir.Input(np.array([2])), "output": nir.Output(None)}
    with pytest.raises(ProblemsError, match=r"2 nodes of type Input \(a, b\)  fix: write exactly one Input"):
        assemble(nodes, [("a", "output"), ("b", "output")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0.0}, r"dt is 0.0  fix: give the step in seconds"),
        ({"dt": float("nan")}, "dt is nan"),
        ({"scheme": "heun"}, "scheme 'heun'"),
        ({"reset": "zero"}, r"reset 'zero'  fix: use \"value\" \(to v_reset\), \"subtract\" or \"none\""),
    ],
)
def test_a_source_needs_its_whole_meaning(change, message):
    graph = chain(lif(2), shape=(2,))
    with pytest.raises(InputError, match=message):
        Source(**{"graph": graph, "dt": 1e-3, "scheme": "euler", "reset": "value", "origin": "test"} | change)


def test_a_source_refuses_an_untyped_graph():
    graph = nir.NIRGraph({"input": nir.Input(np.array([2])), "p": nir.SumPool2d(2, 2, 0)}, [], type_check=False)
    with pytest.raises(InputError, match=r"node 'p' has no shape  fix: build the graph with .*assemble"):
        Source(graph, 1e-3, "euler", "value", "test")


def test_parameters_that_are_no_numbers_are_refused():
    node = lif(2)
    node.tau = np.array(["a", "b"])
    with pytest.raises(ProblemsError, match="tau: expected numbers"):
        chain(node, shape=(2,))


def test_parameters_of_the_wrong_size_are_refused():
    with pytest.raises(ProblemsError, match=r"tau: shape \(3,\) does not fit neurons of \(2,\)"):
        chain(nir.LIF(*full(3, 0.01, 1, 0, 1)), shape=(2,))
