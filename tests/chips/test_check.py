"""Preflight: all problems at once, the size of a network, and the command line."""

import json
from importlib import resources

import nir
import numpy as np
import pytest

from exporters.program_file import read_program
from sim.errors import InputError
from snn2hw.chips.preflight import check, measure, rounded
from snn2hw.commands import main
from snn2hw.commands.model import load_source
from snn2hw.compiler.compile import compile
from snn2hw.network.to_nir import write_nir
from snn2hw.problems import ProblemsError
from snn2hw.sources import Semantics
from snn2hw.sources.graph import assemble
from tests.golden.sources import CHECKPOINT
from tests.sources.nir_nets import DT, chain, cuba, full, lif, source

LOIHI_FILE = resources.files("snn2hw.chips").joinpath("loihi1.toml").read_text(encoding="utf-8")


def good():
    rng = np.random.default_rng(0)
    nodes = (nir.Conv2d(None, rng.normal(size=(4, 1, 3, 3)), 1, 1, 1, 1, None), lif(4), nir.AvgPool2d(2, 2, 0))
    return source(
        chain(*nodes, nir.Flatten(None, 0, -1), nir.Linear(rng.normal(size=(3, 64))), lif(3), shape=(1, 8, 8))
    )


def test_a_network_without_problems_has_none_and_compiles():
    assert check(good(), "loihi1") == []
    assert compile(good(), "loihi1").output.shape == (3,)


def test_every_problem_is_listed_with_its_place_and_its_cure():
    readout = nir.LI(*full(2, 0.01, 1, 0))
    nodes = (lif(2, tau=DT / 2), lif(2), lif(2, v_threshold=-0.5), cuba(2, r=-1.0), readout, lif(2))
    s = source(chain(*nodes, shape=(2,)), semantics=Semantics(spikes_per_step="many", fires_at=">="))
    problems = check(s)
    assert [p.where for p in problems] == ["node 'n0'", "node 'n2'", "node 'n3'", "node 'n5'"]
    assert all(p.fix for p in problems)
    text = {p.where: p.what for p in problems}
    assert "unstable" in text["node 'n0'"]
    assert "v_threshold below" in text["node 'n2'"]
    assert "r or w_in of zero or below" in text["node 'n3'"]
    assert "reads the membrane of 'n4', which never fires" in text["node 'n5'"]


def test_a_time_constant_of_zero_is_a_problem_and_nothing_is_computed_with_it():
    s = source(chain(lif(2, tau=0.0), cuba(2, tau_syn=0.0), shape=(2,)))
    assert [p.where for p in check(s)] == ["node 'n0'", "node 'n1'"]
    assert rounded(s) == []


def test_what_a_register_rounds_is_said_and_stops_nothing():
    neurons = (lif(2, tau=100.0), cuba(2, tau_syn=50.0), lif(2, tau=DT), lif(2))
    s = source(chain(*neurons, shape=(2,)))
    assert check(s) == []
    assert [(p.where, p.what) for p in rounded(s)] == [
        ("node 'n0'", "tau of 100,000 steps is beyond the decay register: it does not leak"),
        (
            "node 'n1'",
            "tau_syn of 50,000 steps is beyond the decay register: its current leaks 1/4096 a step all the same",
        ),
        ("node 'n2'", "tau of one step: a 4096th of v stays, where all of it should go"),
    ]
    dv, du = (compile(s, "fixed", steps=5).by_name[n] for n in ("n0", "n1"))
    assert (dv.dv == 0).all()
    assert (du.du == 0).all()


def test_a_problem_of_lowering_is_a_problem(monkeypatch):
    from snn2hw.network import maps

    monkeypatch.setattr(maps, "LARGEST_MATRIX", 100)
    conv = nir.Conv2d(None, np.ones((2, 1, 3, 3)), 1, 1, 1, 1, None)
    s = source(chain(nir.AvgPool2d(2, 2, 0), conv, lif(2), shape=(1, 7, 7)))
    (problem,) = check(s)
    assert problem.where == "node 'n2'"
    assert "pool that covers its input exactly" in problem.fix


def test_a_loop_that_nothing_orders_is_a_problem():
    nodes = {"input": nir.Input(np.array([2])), "a": lif(2), "b": lif(2), "output": nir.Output(None)}
    edges = [("input", "a"), ("input", "b"), ("a", "b"), ("b", "a"), ("b", "output")]
    (problem,) = check(source(assemble(nodes, edges)))
    assert "several places" in problem.what


def test_a_target_adds_its_own_limits():
    nodes = (nir.Delay(np.full(2, 100 * DT)), nir.Linear(np.eye(2)), lif(2))
    s = source(chain(*nodes, shape=(2,)), reset="subtract")
    assert check(s) == []
    texts = [str(p) for p in check(s, "loihi1")]
    assert len(texts) == 2
    assert any("delays by 100 steps" in t for t in texts)
    assert any("resets by subtraction, which Intel Loihi 1 cannot" in t for t in texts)
    assert [p.where for p in check(s, "loihi2")] == ["node 'n0'"]


def test_a_chip_says_which_orders_of_events_it_lacks():
    many = Semantics("sinabs", spikes_per_step="many", fires_at=">=")
    s = source(chain(lif(2), shape=(2,)), semantics=many)
    assert check(s, "fixed") == check(s, "loihi2") == []
    (problem,) = check(s, "loihi1")
    assert problem.what == "sends several spikes in one step, which Intel Loihi 1 cannot"
    assert "one message on loihi2" in problem.fix


def test_size_counts_synapses_border_exactly():
    s = source(chain(nir.Conv2d(None, np.ones((2, 1, 3, 3)), 1, 1, 1, 1, None), lif(2), shape=(1, 4, 4)))
    size = measure(s)
    touched = sum(min(y + 2, 4) - max(y - 1, 0) for y in range(4)) ** 2
    assert (size.spiking, size.synapses, size.weights, size.depth) == (32, 2 * touched, 18, 1)


def test_size_agrees_with_the_compiled_program():
    from sim.wiring import synapse_count

    program = compile(good(), "fixed", weight_bits=16)
    synapses = sum(
        synapse_count(c.wiring, program.shape_of(c.source), p.shape) for p in program.populations for c in p.inputs
    )
    assert measure(good()).synapses == synapses
    assert measure(good()).depth == 2


def test_recurrence_adds_no_depth():
    nodes = {"input": nir.Input(np.array([2])), "a": lif(2), "w": nir.Linear(np.eye(2)), "output": nir.Output(None)}
    edges = [("input", "a"), ("a", "w"), ("w", "a"), ("a", "output")]
    assert measure(source(assemble(nodes, edges))).depth == 1


@pytest.fixture
def file(tmp_path):
    write_nir(good(), tmp_path / "net.nir")
    return str(tmp_path / "net.nir")


def test_the_command_says_what_it_read_and_exits_0(file, capsys):
    assert main(["check", file, "--target", "loihi1"]) == 0
    out = capsys.readouterr().out
    assert "dt 0.001 s, euler, reset to v_reset, fires at v > v_threshold" in out
    assert "259 spiking and 0 readout neurons in 2 populations" in out
    assert out.rstrip().endswith("no problem found")


def test_the_command_exits_1_with_every_problem(tmp_path, capsys):
    bad = source(chain(lif(2, tau=100.0), lif(2, tau=DT / 2), lif(2, v_threshold=-1.0), shape=(2,)))
    write_nir(bad, tmp_path / "bad.nir")
    assert main(["check", str(tmp_path / "bad.nir"), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "snn2hw.check/1"
    assert [p["where"] for p in answer["problems"]] == ["node 'n1'", "node 'n2'"]
    assert [p["where"] for p in answer["rounded"]] == ["node 'n0'"]
    assert answer["size"]["spiking"] == 6
    assert answer["dt"] == DT


def test_a_file_that_cannot_be_read_as_a_network_is_an_answer_too(tmp_path, capsys):
    nodes = {"input": nir.Input(np.array([2])), "l": nir.Linear(np.ones((2, 3))), "output": nir.Output(np.array([2]))}
    graph = nir.NIRGraph(nodes, [("input", "l"), ("l", "output")], type_check=False)
    nir.write(tmp_path / "odd.nir", graph)
    assert main(["check", str(tmp_path / "odd.nir"), "--dt", "1e-3"]) == 1
    assert "node 'l': weight (2, 3) reads (3,), its source makes (2,)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.nir", "--dt", "1e-3"], "no such file"),
        (["something"], "is no model  fix: name a .nir file, a checkpoint model.pt, or package.module:function"),
        (["no.such.module:f"], "no module 'no'"),
        (["json:no_such_function"], "json has no 'no_such_function'"),
        (["json:JSONDecoder"], "returns a JSONDecoder  fix: return a torch module"),
        (["a:b", "--dt", "1"], "dt is said by the module itself"),
    ],
)
def test_bad_usage_exits_2_with_one_line(words, message, capsys):
    assert main(["check", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_function_that_returns_a_norse_module_is_a_model(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    (tmp_path / "my_net.py").write_text(
        "import torch, norse.torch as n\n"
        "def net():\n    return n.SequentialState(torch.nn.Linear(4, 3), n.LIFBoxCell())\n"
        "def shaped():\n    return net(), (4,)\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load_source("my_net:net", input_shape=(4,)).input_shape == (4,)
    assert measure(load_source("my_net:shaped")).spiking == 3
    with pytest.raises(InputError, match=r"says no input shape  fix: return \(module, shape\), or give --input-shape"):
        load_source("my_net:net")


def test_problems_survive_a_process_boundary():
    import pickle

    error = pickle.loads(pickle.dumps(ProblemsError("net", check(source(chain(lif(2, tau=DT / 2), shape=(2,)))))))
    assert error.problems[0].where == "node 'n0'"


def test_the_command_says_how_many_cores_a_network_takes_at_least(file, capsys):
    assert main(["check", file, "--target", "loihi1"]) == 0
    assert "at least 1 cores, for its neurons; once placed it may take more" in capsys.readouterr().out
    assert main(["check", file, "--target", "loihi1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cores"]["least"] == 1
    assert main(["check", file]) == 0
    assert "cores" not in capsys.readouterr().out


def test_the_command_judges_what_a_checkpoint_is_fed_as_compile_does(tmp_path, capsys):
    spikes_only = LOIHI_FILE.replace("graded_input = true", "graded_input = false")
    (tmp_path / "mine.toml").write_text(spikes_only, encoding="utf-8")
    words = [str(CHECKPOINT), "--target", str(tmp_path / "mine.toml")]
    assert main(["check", *words]) == 1
    assert "Intel Loihi 1 takes 0 and 1" in capsys.readouterr().out
    assert main(["compile", *words, "-o", str(tmp_path / "p.nir")]) == 1
    assert "Intel Loihi 1 takes 0 and 1" in capsys.readouterr().err
    assert main(["check", str(CHECKPOINT), "--target", "loihi1"]) == 0


def test_the_command_answers_for_a_loop_that_nothing_orders(tmp_path, capsys):
    nodes = {"input": nir.Input(np.array([2])), "a": lif(2), "b": lif(2), "output": nir.Output(None)}
    edges = [("input", "a"), ("input", "b"), ("a", "b"), ("b", "a"), ("b", "output")]
    nir.write(tmp_path / "ring.nir", assemble(nodes, edges))
    assert main(["check", str(tmp_path / "ring.nir"), "--dt", "1e-3"]) == 1
    assert "several places" in capsys.readouterr().out


TWO_HEADS = """
import numpy as np
from tests.sources.norse_loops import NamedHeads, TwoHeads


def named():
    return NamedHeads(np.random.default_rng(0)), (6,)


def pair():
    return TwoHeads(np.random.default_rng(0)), (6,)
"""


def test_the_shell_says_of_a_forward_what_the_library_says(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    (tmp_path / "my_heads.py").write_text(TWO_HEADS)
    monkeypatch.chdir(tmp_path)
    for module, words, size in (("pair", [], 4), ("pair", ["1"], 3), ("named", ["where"], 3)):
        chosen = ["--forward-output", *words] if words else []
        assert main(["compile", f"my_heads:{module}", *chosen, "--steps", "8", "-o", "p.nir"]) == 0
        assert read_program(tmp_path / "p.nir").output.shape == (size,)
    assert main(["check", "my_heads:pair", "--layout", "time_first", "--forward-steps", "6"]) == 0
    capsys.readouterr()
    assert main(["check", "my_heads:pair", "--layout", "static"]) == 1
    assert main(["check", "my_heads:pair", "--forward-steps", "1"]) == 2
    assert "run 2 or more" in capsys.readouterr().err


def test_a_file_has_no_forward(tmp_path, capsys):
    write_nir(good(), tmp_path / "net.nir")
    assert main(["check", str(tmp_path / "net.nir"), "--layout", "step"]) == 2
    assert "layout of a forward, and this file holds none" in capsys.readouterr().err
