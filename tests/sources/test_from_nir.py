"""Reading NIR: files of any version, nested graphs, and the faults of exporters, each recognised."""

import warnings
from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest

from sim.errors import FileError, InputError
from snn2hw.network.float_reference import float_reference
from snn2hw.problems import ProblemsError
from snn2hw.sources.from_nir import from_nir
from snn2hw.sources.graph import shape_in
from snn2hw.sources.shapes import NEURON_FIELDS
from tests.recordings import recordings
from tests.sources.nir_nets import DT, chain, cuba, full, lif, rasters, recorded, source, written


def typed_file(tmp_path, graph):
    nir.write(tmp_path / "net.nir", graph)
    return tmp_path / "net.nir"


def every_primitive():
    """All sixteen primitives in one graph, Input and Output apart."""
    return chain(
        nir.Conv2d((6, 6), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2)),
        nir.IF(*(np.full((2, 4, 4), v) for v in (1000.0, 1.0, 0.0))),
        nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        nir.Threshold(np.full((2, 3, 3), 0.2)),
        nir.SumPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        nir.Delay(np.full((2, 2, 2), 2 * DT)),
        nir.Flatten({"input": np.array([2, 2, 2])}, 0, -1),
        nir.Scale(np.full(8, 0.5)),
        nir.Affine(np.ones((5, 8)), np.zeros(5)),
        lif(5),
        nir.Linear(np.ones((4, 5))),
        cuba(4),
        nir.LI(*full(4, 0.01, 1.0, 0.0)),
        nir.CubaLI(*full(4, 0.005, 0.01, 1.0, 0.0), w_in=np.full(4, 5.0)),
        nir.I(np.full(4, 2.0)),
        shape=(1, 6, 6),
    )


def test_all_primitives_are_read_from_a_file_and_run(tmp_path):
    graph = every_primitive()
    kinds = {type(node).__name__ for node in graph.nodes.values()} - {"Input", "Output"}
    assert len(kinds | {"Conv1d"}) == 16
    read = from_nir(typed_file(tmp_path, graph), dt=DT)
    x = rasters(np.random.default_rng(0), (1, 6, 6))
    expected = float_reference(source(graph), x)
    got = float_reference(read, x)
    assert expected.spikes.keys() == got.spikes.keys()
    np.testing.assert_array_equal(got.output, expected.output)
    assert got.output.any()


def test_one_dimensional_networks_are_read(tmp_path):
    graph = chain(nir.Conv1d(8, np.ones((2, 1, 3)), 1, 1, 1, 1, np.zeros(2)), lif(2), shape=(1, 8))
    file = typed_file(tmp_path, graph)
    assert from_nir(file, dt=DT).nodes["n1"].tau.shape == (2, 8)


def nested():
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([3])),
            "lif": lif(3),
            "w_rec": nir.Affine(np.eye(3) * -0.5, np.full(3, 0.1)),
            "output": nir.Output(np.array([3])),
        },
        edges=[("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    middle = nir.NIRGraph(
        nodes={"in": nir.Input(np.array([3])), "deep": inner, "out": nir.Output(np.array([3]))},
        edges=[("in", "deep"), ("deep", "out")],
        type_check=False,
    )
    nodes = {
        "input": nir.Input(np.array([4])),
        "fc": nir.Linear(np.random.default_rng(0).normal(1, 1, (3, 4))),
        "rnn": middle,
        "output": nir.Output(np.array([3])),
    }
    return nir.NIRGraph(nodes, [("input", "fc"), ("fc", "rnn"), ("rnn", "output")], type_check=False)


def test_nested_graphs_become_flat_and_keep_their_meaning(tmp_path):
    read = from_nir(typed_file(tmp_path, nested()), dt=DT)
    assert set(read.nodes) == {"input", "fc", "rnn.deep.lif", "rnn.deep.w_rec", "output"}
    x = rasters(np.random.default_rng(1), (4,))
    got = float_reference(read, x).spikes["rnn.deep.lif"]
    weight, v, z = read.nodes["fc"].weight, np.zeros((3, 3)), np.zeros((3, 3))
    for t in range(x.shape[1]):
        v = v + 0.1 * (x[:, t] @ weight.T + z * -0.5 + 0.1 - v)
        z = (v > 0.3).astype(float)
        v = np.where(z, 0, v)
        np.testing.assert_array_equal(got[:, t], z)
    assert got.any()


def test_a_nested_graph_needs_one_way_in_and_one_out():
    graph = nested()
    graph.nodes["rnn"].nodes["in2"] = nir.Input(np.array([3]))
    with pytest.raises(Exception, match="'rnn': the nested graph has 2 inputs and 1 outputs"):
        from_nir(graph, dt=DT)


def old_file(tmp_path):
    """As nir 0.1 wrote: no v_reset, no w_in, no sizes, edges in any order."""
    path = tmp_path / "old.nir"
    with h5py.File(path, "w") as file:
        file["version"] = "0.1.1"
        node = file.create_group("node")
        node["type"] = "NIRGraph"
        node["edges"] = np.array([[b"1", b"output"], [b"0", b"1"], [b"input", b"0"]])
        for name, fields in {
            "0": {"type": "Affine", "weight": np.eye(2) * 3, "bias": np.zeros(2)},
            "1": {"type": "CubaLIF", "tau_syn": 0.005, "tau_mem": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.1},
            "input": {"type": "Input", "shape": np.array([2])},
            "output": {"type": "Output", "shape": np.array([2])},
        }.items():
            group = node.create_group(f"nodes/{name}")
            for key, value in fields.items():
                group[key] = value
    return path


def test_files_of_older_versions_are_read_and_what_they_lack_is_said(tmp_path):
    read = from_nir(old_file(tmp_path), dt=DT)
    neuron = read.nodes["1"]
    assert all(getattr(neuron, field).shape == (2,) for field in NEURON_FIELDS["CubaLIF"])
    assert neuron.w_in.tolist() == [1, 1]
    assert "node '1': v_reset is not in the file (older NIR has none), read as 0" in read.notes
    assert "node '1': the exporter wrote no size, taken from the node's source" in read.notes


def test_dt_has_no_default():
    with pytest.raises(InputError, match=r"NIR does not say the time step  fix: give it in seconds"):
        from_nir(chain(lif(2), shape=(2,)))


def test_without_a_dialect_the_plain_reading_is_used_and_said():
    read = from_nir(chain(lif(2), shape=(2,)), dt=DT, reset="subtract")
    assert read.notes[0] == (
        "read as plain NIR: euler at 0.001 s, reset by subtraction, fires at v > v_threshold; "
        "name a dialect if a framework wrote it"
    )


def test_arguments_overrule_the_dialect():
    read = from_nir(chain(nir.IF(*full(2, 1e4, 1.0, 0.0)), shape=(2,)), dialect="spikingjelly", scheme="exponential")
    assert (read.scheme, read.reset, read.semantics.fires_at) == ("exponential", "value", ">=")


def test_an_unknown_dialect_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"no dialect 'brian'  fix: use one of nir, norse, snntorch"):
        from_nir(chain(lif(2), shape=(2,)), dt=DT, dialect="brian")


def test_a_compiled_program_is_no_float_network(tmp_path):
    from exporters.program_file import write_program
    from sim.program import Connection, Dense, Input, Population, Program

    population = Population("p", (2,), (Connection("input", Dense(np.eye(2, dtype=np.int8) * 2)),), vth=1)
    write_program(Program(Input((2,)), (population,)), tmp_path / "p.nir")
    with pytest.raises(InputError, match=r"is a compiled program, not a float network  fix: give it to `snn2hw run`"):
        from_nir(tmp_path / "p.nir", dt=DT)


# the faults of exporters, by name


def norse_export(net, sample):
    import norse.torch as norse

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Norse calls what nirtorch has deprecated
        return norse.to_nir(net, sample)


def test_norse_leaves_dt_times_tau_and_gains_behind_and_is_put_right():
    """Norse 1.1.0: every tau times dt, w_in = 1, r = 1 of an IF, no sizes, an Input that counts the batch."""
    torch = pytest.importorskip("torch")
    import norse.torch as norse

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 6), norse.LIFCell(), torch.nn.Linear(6, 5), norse.LIFBoxCell()]
    net = norse.SequentialState(
        *layers, torch.nn.Linear(5, 5), norse.IAFCell(), torch.nn.Linear(5, 3), norse.LIBoxCell()
    )
    for index in (0, 2, 4):
        net[index].weight.data.mul_(12)
    read = from_nir(norse_export(net, torch.rand(1, 4)), dt=1e-3, dialect="norse")
    x = (torch.rand(3, 60, 4) < 0.4).double()
    net, state, outputs = net.double(), None, []
    for t in range(60):
        y, state = net(x[:, t], state)
        outputs.append(y.detach().numpy())
    trace = float_reference(read, x.numpy())
    assert all(z.sum() > 3 for z in trace.spikes.values())
    np.testing.assert_allclose(trace.output, np.stack(outputs, 1), rtol=0, atol=1e-6)
    notes = "\n".join(read.notes)
    for fault in (
        "Norse 1.1.0 writes dt * tau, divided by dt again",
        "Norse writes w_in = 1 for an input of weight 1, read as tau_syn / dt",
        "Norse writes r = 1 for an input of weight 1, read as 1 / dt",
        "Input counts batch or time axes, (1, 4) read as (4,)",
        "the exporter wrote no size",
    ):
        assert fault in notes


def test_modules_that_an_exporter_left_out_are_refused_by_place():
    torch = pytest.importorskip("torch")
    import norse.torch as norse

    graph = norse_export(norse.SequentialState(torch.nn.Linear(4, 6), norse.LIF()), torch.rand(7, 1, 4))
    with pytest.raises(ProblemsError, match="node '1': nothing: its exporter knows no NIR for this module"):
        from_nir(graph, dt=1e-3, dialect="norse")


def test_a_flatten_that_counts_the_batch_is_put_right():
    nodes = {
        "input": nir.Input(np.array([2, 3, 3])),
        "flat": nir.Flatten(None, 1, -1),
        "fc": nir.Linear(np.ones((4, 18))),
        "output": nir.Output(None),
    }
    order = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(order)), type_check=False)
    read = from_nir(graph, dt=DT)
    assert shape_in(read.nodes["fc"]) == (18,)
    assert any("Flatten counts a batch axis" in note for note in read.notes)


def test_spyx_leads_the_input_of_a_recurrent_layer_astray(tmp_path):
    read = from_nir(written(tmp_path, recorded("spyx/rlif").file), dialect="spyx", dt=DT)
    assert any("Spyx leads its input into" in note for note in read.notes)


def test_spyx_flattens_channels_last(tmp_path):
    read = from_nir(written(tmp_path, recorded("spyx/conv").file), dialect="spyx", dt=DT)
    assert any("Spyx flattens channels last" in note for note in read.notes)


@pytest.mark.parametrize(("case", "dt"), [("rockpool/lif", 1e-3), ("spyx/cubalif", 1e-3), ("spikingjelly/if", 1e-4)])
def test_a_file_may_betray_its_dt(case, dt, tmp_path):
    path = written(tmp_path, recorded(case).file)
    dialect = case.split("/")[0]
    assert from_nir(path, dialect=dialect).dt == dt
    with pytest.raises(InputError, match=rf"was written with dt = {dt:g} s, asked for is 0.01 s"):
        from_nir(path, dialect=dialect, dt=0.01)


def test_a_file_that_is_not_snntorchs_is_not_read_as_such():
    with pytest.raises(ProblemsError, match=r"tau / r = 0.01 s, which snnTorch writes as dt; dt is 0.0001"):
        from_nir(chain(lif(2), shape=(2,)), dialect="snntorch")


def test_spyx_sum_pool_padding_is_refused():
    graph = chain(nir.SumPool2d(3, 1, np.array([2, 2])), nir.IF(*full(1, 1.0, 1.0, 0.0)), shape=(1, 4, 4))
    with pytest.raises(ProblemsError, match="is Spyx's total for both ends, and NIR's for each"):
        from_nir(graph, dialect="spyx", dt=DT)


# broken and hostile files


def test_a_type_that_is_not_nir_is_refused(tmp_path):
    path = typed_file(tmp_path, chain(lif(2), shape=(2,)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n0/type"]
        file["node/nodes/n0/type"] = "Izhikevich"
    with pytest.raises(ProblemsError, match=r"node 'n0': type 'Izhikevich' is no NIR primitive  fix: use one of"):
        from_nir(path, dt=DT)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([np.nan, 1.0]), "tau holds numbers that are not finite"),
        (np.array([b"a", b"b"]), "tau holds no numbers"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(tmp_path, value, message):
    path = typed_file(tmp_path, chain(lif(2), shape=(2,)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n0/tau"]
        file["node/nodes/n0/tau"] = value
    with pytest.raises(ProblemsError, match=message):
        from_nir(path, dt=DT)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("stride", np.array([0, 1]), "kernel, stride and dilation count from 1"),
        ("padding", np.array([-1, 0]), "padding from 0"),
        ("groups", np.array(0), "groups 0  fix: write"),
        ("groups", np.array(3), "out a multiple of groups"),
        ("weight", np.ones(4), r"weight \(4,\) with groups 1  fix: write \(out, in / groups, height, width\)"),
        ("stride", np.array([1.5, 1.0]), "stride: expected one or two whole numbers"),
        ("bias", np.ones(7), "bias of shape"),
    ],
)
def test_geometry_that_is_none_is_refused(tmp_path, field, value, message):
    conv = nir.Conv2d((4, 4), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2))
    path = typed_file(tmp_path, chain(conv, lif((2, 2, 2)), shape=(1, 4, 4)))
    with h5py.File(path, "r+") as file:
        del file[f"node/nodes/n0/{field}"]
        file[f"node/nodes/n0/{field}"] = value
    with pytest.raises(ProblemsError, match=message):
        from_nir(path, dt=DT)


@pytest.mark.parametrize("shape", [(10**9,), (0,), (-3,), (2**40, 2**40)])
def test_absurd_shapes_are_refused_before_memory_is(tmp_path, shape):
    one = nir.LIF(*(np.array(x) for x in (0.01, 1.0, 0.0, 0.3)))
    nodes = {"input": nir.Input(np.array(shape)), "lif": one, "output": nir.Output(np.array(shape))}
    graph = nir.NIRGraph(nodes, [("input", "lif"), ("lif", "output")], type_check=False)
    with pytest.raises(ProblemsError, match="at most 67,108,864 elements in one node"):
        from_nir(graph, dt=DT)


@pytest.mark.parametrize(("key", "value"), [("reset", "zero"), ("reset_at", "later")])
def test_metadata_that_means_nothing_is_refused(key, value):
    node = lif(2)
    node.metadata[key] = value
    with pytest.raises(ProblemsError, match=f"metadata {key} is '{value}'  fix: use one of"):
        chain(node, shape=(2,))


def test_a_missing_parameter_is_named(tmp_path):
    path = typed_file(tmp_path, chain(lif(2), shape=(2,)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n0/v_threshold"]
    with pytest.raises(ProblemsError, match="node 'n0': LIF without v_threshold"):
        from_nir(path, dt=DT)


@pytest.mark.parametrize("missing", ["node", "node/nodes", "node/edges", "node/type", "node/nodes/n0/type"])
def test_files_with_holes_are_refused(tmp_path, missing):
    path = typed_file(tmp_path, chain(lif(2), shape=(2,)))
    with h5py.File(path, "r+") as file:
        del file[missing]
    with pytest.raises(FileError, match="fix: "):
        from_nir(path, dt=DT)


def test_a_file_that_reaches_outside_itself_is_refused(tmp_path):
    path = typed_file(tmp_path, chain(lif(2), shape=(2,)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n0/tau"]
        file["node/nodes/n0/tau"] = h5py.ExternalLink("/etc/hostname", "x")
    with pytest.raises(FileError, match="link"):
        from_nir(path, dt=DT)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        from_nir(tmp_path / "nothing.nir", dt=DT)


# recordings that nobody here made


def test_lif_norse_reproduces_its_recording():
    folder = recordings("cases", "lif_single")
    read = from_nir(folder / "lif_norse.nir", dt=1e-4)
    given, v, spikes = np.loadtxt(folder / "lif_norse.csv", delimiter=",").T
    trace = float_reference(read, given[None, :, None])
    assert np.abs(trace.v["1"][0, :, 0] - v).max() < 1e-6
    np.testing.assert_array_equal(trace.output[0, :, 0], spikes)
    assert spikes.sum() == 4


@pytest.mark.parametrize(
    ("name", "how", "neurons"),
    [
        ("braille_bias_zero.nir", {"dialect": "snntorch", "reset": "value"}, 45),
        ("braille_nobias_subtract.nir", {"dialect": "snntorch", "reset": "subtract"}, 47),
        ("cnn_sinabs.nir", {"dialect": "sinabs"}, 8970),
    ],
)
def test_the_corpus_is_read_and_run(name, how, neurons):
    from snn2hw.chips.preflight import measure

    read = from_nir(recordings("cases", "nir_corpus", name), **how)
    assert measure(read).spiking == neurons
    x = rasters(np.random.default_rng(0), read.input_shape, batch=2, steps=12)
    trace = float_reference(read, x)
    assert all(z.any() for z in trace.spikes.values())
