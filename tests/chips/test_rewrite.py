"""What a chip lacks, said in other words: the same spikes in real numbers, and a cost that is counted."""

import numpy as np
import pytest

from sim.engines import run
from snn2hw.chips import rewrite
from snn2hw.chips.preflight import check
from snn2hw.chips.rewrite import rewritten
from snn2hw.chips.target import get_target
from snn2hw.commands import main
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.report import measure
from snn2hw.costs.energy import energy
from snn2hw.files.rasters import write_raster
from snn2hw.network.float_reference import float_reference, run_network
from snn2hw.network.lowering import network_of
from snn2hw.network.to_nir import write_nir
from snn2hw.problems import ProblemsError
from snn2hw.sources.from_nir import from_nir
from tests.sources.nir_nets import chain, cuba, lif, recorded, source, written

LOIHI1 = get_target("loihi1")
LEAKY = ("snntorch/leaky_subtract", "snntorch/rleaky_subtract", "snntorch/conv", "spyx/lif", "spyx/conv")
INTEGRATORS = ("spyx/if", "spyx/rif")


def read(case, folder):
    kept = recorded(case)
    return from_nir(written(folder, kept.file), **kept.how), kept.rasters.astype(np.int32)


def spikes_of_both(case, folder):
    """Every layer's spikes of the network, and of the network in the chip's words."""
    source, x = read(case, folder)
    other, done = rewritten(network_of(source), LOIHI1)
    return float_reference(source, x).spikes, run_network(other, x).spikes, done


@pytest.mark.parametrize("case", LEAKY)
def test_a_subtraction_by_inhibition_gives_the_same_spikes_in_the_same_steps(case, tmp_path):
    before, after, done = spikes_of_both(case, tmp_path)
    assert done
    assert all(one.exact for one in done)
    for name, spikes in before.items():
        assert spikes.any()
        np.testing.assert_array_equal(spikes, after[name])


@pytest.mark.parametrize("case", INTEGRATORS)
def test_an_integrator_loses_a_4096th_a_step_and_says_so(case, tmp_path):
    before, after, done = spikes_of_both(case, tmp_path)
    assert not done[0].exact
    assert "loses 1/4096 a step" in str(done[0])
    assert all((before[name] == after[name]).mean() >= 0.99 for name in before)


def test_several_spikes_become_one_a_step_and_the_others_follow(tmp_path):
    before, after, done = spikes_of_both("sinabs/conv", tmp_path)
    assert all(one.what.startswith("sends one spike a step, and the others in the steps after it") for one in done)
    assert after["1"].max() == 1 < before["1"].max()
    assert abs(after["1"].sum() - before["1"].sum()) <= 0.01 * before["1"].sum()


@pytest.mark.parametrize("planted", ["keep", "lag", "sign"])
def test_a_rewrite_with_a_slip_in_it_gives_other_spikes(planted, monkeypatch, tmp_path):
    right = rewrite._inhibition

    def wrong(layer, neuron):
        link = right(layer, neuron)
        if planted == "lag":
            return rewrite.Link(link.source, link.map, link.lag + 1, link.name)
        factor = -1.0 if planted == "sign" else 0.9
        return rewrite.Link(link.source, rewrite.Diagonal(factor * link.map.scale, layer.shape), link.lag, link.name)

    monkeypatch.setattr(rewrite, "_inhibition", wrong)
    before, after, _ = spikes_of_both("snntorch/leaky_subtract", tmp_path)
    assert any((before[name] != after[name]).any() for name in before)


@pytest.mark.parametrize("case", ["snntorch/leaky_subtract", "snntorch/conv", "spyx/if", "spyx/lif", "spyx/conv"])
def test_the_program_for_loihi_1_agrees_with_the_network_and_with_every_engine(case, tmp_path):
    source, x = read(case, tmp_path)
    assert check(source, "loihi1")
    assert check(source, "loihi1", rewrite=True) == []
    with pytest.raises(ProblemsError, match="resets by subtraction"):
        compile_source(source, "loihi1", x)
    made = compile_source(source, "loihi1", x, rewrite=True)
    assert {p.reset for p in made.program.populations} == {"zero"}
    slow, fast = (run(made.program, x, engine=name, record=("spikes",)) for name in ("reference", "fast"))
    wanted = float_reference(source, x).spikes
    for part in (one for one in made.layers if one.population.fires):
        spikes = slow.spikes[part.population.name]
        np.testing.assert_array_equal(spikes, fast.spikes[part.population.name])
        assert (spikes == wanted[part.layer.node].reshape(spikes.shape)).mean() >= 0.95


def test_the_added_synops_stand_in_the_report_and_in_the_energy(tmp_path):
    source, x = read("snntorch/leaky_subtract", tmp_path)
    made = compile_source(source, "loihi1", x, rewrite=True)
    assert made.program.record["rewritten"] == {"1": [1], "3": [1]}
    spikes = run(made.program, x, record=("spikes",)).spikes
    each = sum(spikes[name][:, :-1].sum() for name in ("1", "3")) / len(x)  # those of the last step reach nobody
    said = f"{each:,.1f} synops of an inference are the rewrite's, not the network's (1, 3)"
    report = measure(made, x)
    assert said in report.notes
    assert any("rewritten: node '1': subtracts by inhibiting itself" in note for note in report.notes)
    assert said in energy(made.program, x).notes


def test_a_network_that_needs_no_rewrite_gets_none():
    s = source(chain(lif(2), shape=(2,)))
    made = compile_source(s, "loihi1", rewrite=True, steps=8)
    assert made.program.digest == compile_source(s, "loihi1", steps=8).program.digest
    assert "rewritten" not in made.program.record


def test_a_neuron_that_needs_its_current_register_stays_refused_without_an_offer():
    s = source(chain(cuba(2), shape=(2,)), reset="subtract")
    (problem,) = check(s, "loihi1", rewrite=True)
    assert "resets by subtraction" in problem.what
    assert "--rewrite" not in problem.fix


def test_check_names_what_comes_nearest_with_its_cost(tmp_path, capsys):
    write_nir(source(chain(lif(3), shape=(3,)), reset="subtract"), tmp_path / "net.nir")
    write_raster(tmp_path / "x.npz", np.ones((2, 8, 3), np.uint8))
    asked = ["check", str(tmp_path / "net.nir"), "--target", "loihi1"]
    assert main(asked) == 1
    assert "--rewrite: subtracts by inhibiting itself one step later" in capsys.readouterr().out
    assert main([*asked, "--rewrite"]) == 0
    assert "3 synapses more, a synop more for every spike; the same spikes" in capsys.readouterr().out
    compiled = ["compile", *asked[1:], "--data", str(tmp_path / "x.npz"), "-o", str(tmp_path / "p.nir")]
    assert main(compiled) == 1
    capsys.readouterr()
    assert main([*compiled, "--rewrite"]) == 0
    assert "synops of an inference are the rewrite's" in capsys.readouterr().out


def test_a_rewrite_for_no_chip_is_refused(tmp_path, capsys):
    write_nir(source(chain(lif(3), shape=(3,))), tmp_path / "net.nir")
    assert main(["check", str(tmp_path / "net.nir"), "--rewrite"]) == 2
    assert "name the chip: --target loihi1" in capsys.readouterr().err
