"""Writing NIR: it passes NIR's own check, reads back as the same Source, and other readers get our spikes from it."""

import json
import logging
import warnings

import nir
import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.network.float_reference import float_reference
from snn2hw.network.to_nir import to_nir, unsaid, write_nir
from snn2hw.network.view import lower
from snn2hw.problems import ProblemsError
from snn2hw.sources import Semantics
from snn2hw.sources.from_nir import from_nir
from snn2hw.sources.graph import assemble, shape_in, shape_out
from tests.sources.nir_nets import DT, FIXTURES, chain, cuba, full, lif, rasters, source
from tests.sources.reader_nets import READER_NETS, content, reader_raster
from tests.sources.test_from_nir import every_primitive


def assert_same_network(s, again, x, *, potentials=True):
    a, b = float_reference(s, x), float_reference(again, x)
    assert a.spikes.keys() == b.spikes.keys()
    for name in a.spikes:
        np.testing.assert_array_equal(a.spikes[name], b.spikes[name])
    if potentials:
        for name in a.v:
            assert np.abs(a.v[name] - b.v[name]).max() < 1e-9


def reread(s, tmp_path, **options):
    write_nir(s, tmp_path / "ours.nir", **options)
    nir.read(tmp_path / "ours.nir")  # with its type check
    return from_nir(tmp_path / "ours.nir")


def test_every_primitive_survives_nirs_own_check(tmp_path):
    s = source(every_primitive())
    assert_same_network(s, reread(s, tmp_path), rasters(np.random.default_rng(0), (1, 6, 6)))


def test_shapes_stand_on_every_node(tmp_path):
    s = source(every_primitive())
    write_nir(s, tmp_path / "ours.nir")
    graph = nir.read(tmp_path / "ours.nir")
    for name, node in s.nodes.items():
        assert (shape_in(graph.nodes[name]), shape_out(graph.nodes[name])) == (shape_in(node), shape_out(node))


@pytest.mark.parametrize("scheme", ["euler", "exponential"])
@pytest.mark.parametrize("reader", ["any", "norse", "snntorch", "spikingjelly"])
def test_it_reads_back_as_the_same_source(scheme, reader, tmp_path):
    rng = np.random.default_rng(0)
    first, second = lif(6, r=1.7, v_reset=-0.1, v_leak=0.02, v_threshold=0.1), cuba(5, r=1.3, v_threshold=0.3)
    second.metadata = {"v0": np.linspace(-1, 1, 5), "reset": "subtract"}
    nodes = (nir.Linear(rng.normal(1, 2, (6, 4))), first, nir.Linear(rng.normal(1, 2, (5, 6))), second)
    integrate = nir.IF(*full(5, 300.0, 0.9, 0.1))
    s = source(chain(*nodes, integrate, nir.LI(*full(5, 0.02, 2.0, 0.5)), shape=(4,)), scheme=scheme)
    again = reread(s, tmp_path, reader=reader)
    assert again.dt == (1e-4 if reader == "snntorch" else DT)
    x = rasters(rng, (4,))
    assert_same_network(s, again, x, potentials=reader == "any")
    assert np.abs(float_reference(s, x).output - float_reference(again, x).output).max() < 1e-9


def test_groups_and_oblong_kernels_are_written_in_a_form_that_nir_checks_correctly(tmp_path):
    rng = np.random.default_rng(0)
    conv = nir.Conv2d(None, rng.normal(size=(4, 1, 3, 5)), (2, 2), (1, 2), 1, 2, rng.normal(size=4))
    s = source(chain(conv, lif(4), shape=(2, 8, 9)))
    again = reread(s, tmp_path)
    assert (again.nodes["n0"].groups, again.nodes["n0"].weight.shape) == (1, (4, 2, 5, 5))
    assert_same_network(s, again, rasters(rng, (2, 8, 9)))


def test_recurrence_and_delays_survive(tmp_path):
    rng = np.random.default_rng(0)
    nodes = {
        "input": nir.Input(np.array([3])),
        "lif": lif(3),
        "w/rec": nir.Affine(rng.normal(size=(3, 3)), np.full(3, 0.2)),
        "delay": nir.Delay(np.full(3, 2 * DT)),
        "output": nir.Output(None),
    }
    edges = [("input", "lif"), ("lif", "w/rec"), ("w/rec", "delay"), ("delay", "lif"), ("lif", "output")]
    s = source(assemble(nodes, edges))
    again = reread(s, tmp_path)
    assert "w_rec" in again.nodes  # a slash would open a group in the file
    assert_same_network(s, again, rasters(rng, (3,)))


def test_a_lowered_source_is_written_where_nir_can_say_it(tmp_path):
    rng = np.random.default_rng(0)
    nodes = (nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, 1, 1, 1, None), lif(2), nir.AvgPool2d(2, 2, 0))
    nodes = (*nodes, nir.Flatten(None, 0, -1), nir.Linear(rng.normal(size=(3, 8))), lif(3))
    s = source(chain(*nodes, shape=(1, 4, 4)))
    assert_same_network(s, reread(lower(s), tmp_path), rasters(rng, (1, 4, 4)))


def test_a_matrix_that_fills_an_image_cannot_be_written():
    rng = np.random.default_rng(0)
    nodes = (nir.AvgPool2d(2, 2, 0), nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, 1, 1, 1, None), lif(2))
    with pytest.raises(
        ProblemsError, match=r"NIR cannot give a flat array its sides  fix: write the Source before it is low"
    ):
        to_nir(lower(source(chain(*nodes, shape=(1, 5, 5)))))


def test_what_nir_cannot_say_is_listed():
    node = lif(2)
    node.metadata["v0"] = np.ones(2)
    s = source(chain(node, shape=(2,)), reset="subtract", semantics=Semantics(name="spikingjelly", fires_at=">="))
    assert unsaid(s) == (
        "the comparison with the threshold: '>=', NIR means '>'",
        "reset by subtraction of the threshold, NIR means a reset to v_reset",
        "node 'n0': v0",
    )
    assert unsaid(source(chain(lif(2), shape=(2,)))) == ()


def test_an_unknown_reader_is_refused():
    with pytest.raises(InputError, match=r"no reader 'brian'  fix: use one of any, norse, snntorch, spikingjelly"):
        to_nir(source(chain(lif(2), shape=(2,))), reader="brian")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    s = source(chain(lif(2), shape=(2,)))
    with pytest.raises(InputError, match="no such folder"):
        write_nir(s, tmp_path / "missing" / "ours.nir")
    assert list(tmp_path.iterdir()) == []


# other readers


def norse_spikes(graph, x):
    """What Norse computes after reading ``graph``, one sample at a time: its Flatten swallows the batch."""
    torch = pytest.importorskip("torch")
    import norse.torch as norse

    samples = []
    for sample in torch.from_numpy(x).float():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = norse.from_nir(graph, dt=DT, ignore_warnings=True)
        state, sent = None, []
        for step in sample:
            y, state = net(step[None], state)
            sent.append(y.detach().numpy().reshape(-1))
        samples.append(sent)
    return np.array(samples)


NORSE_READS = {"lif", "lif_reset", "lif_leak", "cuba", "if", "sumpool"}


@pytest.mark.parametrize("name", sorted(NORSE_READS))
def test_norse_gets_our_spikes_from_our_file(name, tmp_path):
    s = READER_NETS[name]()
    write_nir(s, tmp_path / "ours.nir", reader="norse")
    x = reader_raster(s)
    expected = float_reference(s, x).output
    assert 0.02 < expected.mean() < 0.9
    got = norse_spikes(nir.read(tmp_path / "ours.nir"), x)
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def test_norses_reader_gives_a_synapse_the_membranes_leak(tmp_path):
    s = READER_NETS["cuba_leak"]()
    write_nir(s, tmp_path / "ours.nir", reader="norse")
    x = reader_raster(s)
    assert (norse_spikes(nir.read(tmp_path / "ours.nir"), x) != float_reference(s, x).output).any()


def test_norses_reader_reads_average_pools_once_lowered(tmp_path):
    """Unlowered, its executor finds several input nodes and takes the first of a set: it fails or not by hash seed."""
    s = READER_NETS["avgpool"]()
    x = reader_raster(s)
    write_nir(lower(s), tmp_path / "lowered.nir", reader="norse")
    got = norse_spikes(nir.read(tmp_path / "lowered.nir"), x)
    expected = float_reference(s, x).output
    np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def test_norses_reader_ignores_v_reset_so_ours_is_moved_to_0(tmp_path):
    s = READER_NETS["lif_reset"]()
    x = reader_raster(s)
    logging.disable(logging.WARNING)
    write_nir(s, tmp_path / "plain.nir")
    assert (norse_spikes(nir.read(tmp_path / "plain.nir"), x) != float_reference(s, x).output).any()
    logging.disable(logging.NOTSET)


def torch_lif(node):
    """A LIF for nirtorch's interpreter, which brings none."""
    import torch

    class Lif(torch.nn.Module):
        def forward(self, x, state=None):
            v = torch.from_numpy(node.v_leak) if state is None else state
            v = v + DT / torch.from_numpy(node.tau) * (torch.from_numpy(node.v_leak) - v + torch.from_numpy(node.r) * x)
            z = (v > torch.from_numpy(node.v_threshold)).double()
            return z, torch.where(z > 0, torch.from_numpy(node.v_reset), v)

    return Lif()


def nirtorch_spikes(graph, x):
    torch = pytest.importorskip("torch")
    import nirtorch

    net = nirtorch.nir_to_torch(graph, {nir.LIF: torch_lif}).double()
    samples = []
    for sample in torch.from_numpy(x):
        state, sent = None, []
        for step in sample:
            y, state = net(step[None], state) if state is not None else net(step[None])
            sent.append(y.detach().numpy().reshape(-1))
        samples.append(sent)
    return np.array(samples)


def test_nirtorch_gets_our_spikes_from_our_file(tmp_path):
    rng = np.random.default_rng(0)
    conv = nir.Conv2d(None, rng.normal(size=(2, 1, 3, 3)), 1, 1, 1, 1, rng.normal(size=2))
    nodes = (conv, lif(2, r=3.0), nir.AvgPool2d(2, 2, 0), nir.Flatten(None, 0, -1), nir.Linear(rng.normal(size=(5, 8))))
    s = source(chain(*nodes, lif(5, r=4.0), shape=(1, 4, 4)))
    write_nir(s, tmp_path / "ours.nir")
    x = rasters(rng, (1, 4, 4))
    expected = float_reference(s, x).output
    assert expected.mean() > 0.02
    np.testing.assert_array_equal(nirtorch_spikes(nir.read(tmp_path / "ours.nir"), x), expected)


def test_nirtorchs_default_reader_puts_a_random_bias_into_affine(tmp_path):
    rng = np.random.default_rng(0)
    s = source(chain(nir.Affine(rng.normal(size=(5, 4)), np.zeros(5)), lif(5, r=4.0), shape=(4,)))
    write_nir(s, tmp_path / "ours.nir")
    x = rasters(rng, (4,))
    assert (nirtorch_spikes(nir.read(tmp_path / "ours.nir"), x) != float_reference(s, x).output).any()


OUTCOMES = json.loads((FIXTURES / "readers.json").read_text())
"""What each framework made of our files, recorded by tests/fixtures/make_readers.py in its own environment."""


@pytest.mark.parametrize("framework", sorted(OUTCOMES))
def test_other_readers_were_given_the_files_that_we_write_today(framework):
    """The recordings hold for files of this content only."""
    for name, outcome in OUTCOMES[framework].items():
        assert content(to_nir(READER_NETS[name](), reader=outcome["reader"])) == outcome["file"], name


def test_snntorch_and_spikingjelly_get_our_spikes_from_our_files():
    equal = {f: sorted(n for n, o in rows.items() if o["outcome"] == "equal") for f, rows in OUTCOMES.items()}
    assert {"lif", "cuba", "avgpool"} <= set(equal["snntorch"])
    assert {"lif", "cuba", "avgpool"} <= set(equal["spikingjelly"])
