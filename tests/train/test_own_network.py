"""A Norse module of the user's own is trained as ours are, or refused before anything is computed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sim.errors import FileError, InputError, Snn2hwError
from snn2hw.codec.encode import encode
from snn2hw.commands import main
from snn2hw.compiler.answers import float_answers
from snn2hw.files.rasters import read_raster
from snn2hw.network.lowering import network_of
from snn2hw.sources import named_module
from snn2hw.sources.named_module import is_named, made_module
from snn2hw.train.answers import forward
from snn2hw.train.checkpoint import build, deployable, load_trained, read_checkpoint, write_checkpoint
from snn2hw.train.deployed import deployed_source
from snn2hw.train.feed import feed_of
from snn2hw.train.fit import fit
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of, recipe_from
from snn2hw.train.own_network import decaying, outputs_of, read_own
from snn2hw.train.recipe import recipe_to
from tests.train import own_nets
from tests.train.toy import CLASSES, CPU, RECIPE, Interrupted, assert_same_weights, stop_after, toy_data

NETS = "tests.train.own_nets"
SHAPE = (1, 32, 32)
CALLED = {"sequence": "step", "stepped": "step", "looped": "time_first", "batch_first": "batch_first"}


def recipe_for(name, **change):
    own = {"model": f"{NETS}:{name}", "called": CALLED[name], "layout": NetworkRecipe().layout, "epochs": 8}
    return replace(RECIPE, **own | change)


def made(name, classes=3):
    return made_module(f"{NETS}:{name}", classes, SHAPE)


@pytest.mark.parametrize("name", CALLED)
def test_it_is_read_as_it_is_called(name):
    read = read_own(made(name), name, SHAPE, 6, 3)
    assert read.called == CALLED[name]
    assert read.size.weights == sum(p.numel() for p in made(name).parameters())
    assert read.size.neurons >= 24


def test_a_sequence_computed_layer_by_layer_answers_as_its_own_forward_does():
    model = made("sequence").eval()
    x = torch.rand(5, 4, *SHAPE, generator=torch.Generator().manual_seed(0)) * 3
    found = outputs_of(model, x, 5, "step")
    state, expected = None, []
    for step in x:
        out, state = model(step, state)
        expected.append(out)
    assert torch.equal(found, torch.stack(expected))


@pytest.mark.parametrize("name", CALLED)
def test_one_image_for_all_steps_is_the_image_in_every_step(name):
    model = made(name).eval()
    x = torch.rand(1, 4, *SHAPE, generator=torch.Generator().manual_seed(0)) * 3
    assert torch.equal(
        outputs_of(model, x, 5, CALLED[name]), outputs_of(model, x.expand(5, 4, *SHAPE), 5, CALLED[name])
    )


@pytest.mark.parametrize(
    ("name", "change"), [(n, {}) for n in CALLED] + [("sequence", {"encoder": "lif", "steps": 12})]
)
def test_it_learns_and_what_is_deployed_answers_as_it_does(tmp_path, name, change):
    recipe, data = recipe_for(name, **change), toy_data()
    finished = fit(recipe, data, CLASSES, tmp_path, device=CPU)
    assert finished.accuracy["test"] >= 0.8
    trained = load_trained(finished.checkpoint)
    assert trained.recipe == recipe
    images = data.test.images
    with torch.no_grad():
        here = forward(trained.model, feed_of(recipe, CPU)(images), recipe).mean(0).numpy()
    network = network_of(deployed_source(finished.checkpoint))
    there = float_answers(network, encode(images[:, None], encoder_of(recipe)), "mean")
    alike = np.isclose(here, there, atol=1e-4 * np.abs(here).max()).all(axis=1)
    assert alike.mean() >= 0.9  # a spike on its threshold parts the others
    assert (here.argmax(1) == data.test.labels).mean() == finished.accuracy["test"]


def test_a_decay_of_its_own_is_learnt_and_read():
    model = made("looped")
    groups = decaying(model, 0.5)
    assert [id(p) for p in groups[1]["params"]] == [id(model.rate)]
    assert groups[1]["weight_decay"] == 0
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    model.rate.data.fill_(250.0)
    (cell,) = [n for n in read_own(model, "looped", SHAPE, 6, 3).source.nodes.values() if type(n).__name__ == "LIF"]
    assert (cell.tau == 1e-3 / np.float64(np.float32(1e-3) * np.float32(250.0))).all()


def test_the_decay_moves_in_training(tmp_path):
    finished = fit(recipe_for("looped", epochs=2), toy_data(), CLASSES, tmp_path, device=CPU)
    assert float(read_checkpoint(finished.checkpoint)["weights"]["rate"]) != 400.0


@pytest.mark.parametrize("name", ["sequence", "looped"])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, name):
    data, recipe = toy_data(), recipe_for(name, epochs=5)
    fit(recipe, data, CLASSES, tmp_path / "whole", device=CPU)
    with pytest.raises(Interrupted):
        fit(recipe, data, CLASSES, tmp_path / "torn", device=CPU, on_epoch=stop_after(3))
    fit(recipe, data, CLASSES, tmp_path / "torn", device=CPU)
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")


CHILD = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.train.test_own_network import recipe_for
from tests.train.toy import CLASSES, CPU, toy_data
from snn2hw.train.fit import fit
fit(recipe_for("sequence", epochs=6, patience=6), toy_data(), CLASSES, Path(sys.argv[1]), device=CPU)
"""


def test_kill_9_and_a_second_start_end_in_the_same_weights(tmp_path):
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "torn")], cwd=root)
    log, deadline = tmp_path / "torn" / "log.jsonl", time.monotonic() + 120
    while not (log.exists() and log.read_text().count("\n") >= 2):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    recipe = recipe_for("sequence", epochs=6, patience=6)
    fit(recipe, toy_data(), CLASSES, tmp_path / "torn", device=CPU)
    fit(recipe, toy_data(), CLASSES, tmp_path / "whole", device=CPU)
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("normalised_over_features", "2 (LayerNorm): layer_norm is not an operation of a spiking network"),
        ("of_ten", "x:of_ten: answers (6, 8, 10) to 6 steps of 8 samples, not (6, 8, 3)"),
        ("decided", "x:decided: its forward decides over time itself (mean over time)"),
        ("encoding", "runs in 6 of 4 steps"),
        ("remembering", "x:remembering: its forward remembers earlier calls, or draws"),
        ("four_steps", "x:four_steps: answers (4, 8, 3) to 6 steps of 8 samples, not (6, 8, 3)"),
    ],
)
def test_what_cannot_be_trained_or_compiled_is_refused_untrained(name, said):
    model = made(name)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(Snn2hwError) as caught:
        read_own(model, f"x:{name}", SHAPE, 6, 3)
    assert said in str(caught.value)
    assert "fix: " in str(caught.value)
    assert model.training
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("failing", "failing': stops with RuntimeError: no such thing"),
        ("needing", "needing': stops with TypeError: needing() missing 1 required positional argument: 'width'"),
        ("NUMBER", "NUMBER': is a int, and its weights are there already"),
        ("READY", "READY': is a SequentialState, and its weights are there already"),
        ("missing", f"{NETS} has no 'missing'"),
    ],
)
def test_what_makes_no_module_is_refused(name, said):
    with pytest.raises(InputError) as caught:
        made(name)
    assert said in str(caught.value)


def test_nothing_of_pythons_own_is_called_for_a_file():
    for name in ("os:abort", "os.path:exists", "sys:exit"):
        with pytest.raises(InputError, match="is of Python itself, and makes no network"):
            made_module(name, 3, SHAPE)


def test_a_class_makes_modules_and_a_function_is_told_what_it_names():
    assert made("Stepped", 7).answer.out_features == 7
    assert made("sequence", 5)[7].out_features == 5
    assert not is_named("model.pt")
    assert is_named("a.b:c")
    assert not is_named("a.b:c d")


def test_the_recipe_says_the_function_and_nothing_of_a_layout():
    recipe = recipe_for("looped")
    values = json.loads(json.dumps(recipe_to(recipe)))
    assert values["model"] == f"{NETS}:looped"
    assert values["called"] == "time_first"
    assert "layout" not in values
    assert recipe_from(values, "x") == recipe
    assert "called" not in recipe_to(RECIPE)
    for damaged in ({**values, "model": 5}, {**values, "model": "os"}, {**values, "called": "static"}):
        with pytest.raises((FileError, InputError)):
            recipe_from(damaged, "x")


@pytest.mark.parametrize("change", [{"quiet": 0.1}, {"prune": 0.5}])
def test_what_needs_our_layers_is_refused(change):
    with pytest.raises(InputError, match="its layers are its own"):
        recipe_for("looped", **change)


def test_a_file_does_not_choose_what_is_called_unless_the_user_named_it_too(tmp_path, monkeypatch):
    finished = fit(recipe_for("looped", epochs=1), toy_data(), CLASSES, tmp_path, device=CPU)
    values = read_checkpoint(finished.checkpoint)
    del values["schema"]
    (tmp_path / "strange.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    write_checkpoint(tmp_path / "x.pt", {**values, "recipe": {**values["recipe"], "model": "strange:make"}})
    command = ["compile", "x.pt", "-o", "p.nir"]
    for trusted in ("", "other:make", "strange:mak", "strange"):
        monkeypatch.setenv("SNN2HW_TRUST", trusted)
        with pytest.raises(InputError, match="would import and call strange:make, which only the file names"):
            load_trained(tmp_path / "x.pt")
        assert main(command) == 2
    monkeypatch.setenv("SNN2HW_TRUST", "other:make, strange:make")
    with pytest.raises(SystemExit, match="imported"):
        load_trained(tmp_path / "x.pt")
    monkeypatch.setenv("SNN2HW_TRUST", "")
    monkeypatch.setattr(named_module, "_trusted", set())
    with pytest.raises(InputError, match="SNN2HW_TRUST="):
        load_trained(finished.checkpoint)


def test_a_checkpoint_of_another_module_or_without_its_function_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SNN2HW_TRUST", f"{NETS}:sequence,{NETS}:gone")
    recipe = recipe_for("looped", epochs=1)
    finished = fit(recipe, toy_data(), CLASSES, tmp_path, device=CPU)
    values = read_checkpoint(finished.checkpoint)
    del values["schema"]
    for name, said in (("sequence", "weights of another network"), ("gone", "has no 'gone'")):
        other = {**values, "recipe": {**values["recipe"], "model": f"{NETS}:{name}"}}
        write_checkpoint(tmp_path / "other.pt", other)
        with pytest.raises(Snn2hwError, match=said):
            load_trained(tmp_path / "other.pt")
    with pytest.raises(InputError, match="no sequence of modules to be folded"):
        deployable(load_trained(finished.checkpoint))
    with pytest.raises(InputError, match="leave --input-shape out"):
        deployed_source(finished.checkpoint, (1, 16, 16))


def test_weights_are_drawn_from_the_seed():
    torch.manual_seed(3)
    one = build(recipe_for("sequence"), 3)
    torch.manual_seed(3)
    assert torch.equal(one[0].weight, build(recipe_for("sequence"), 3)[0].weight)
    assert isinstance(own_nets.READY, torch.nn.Module)


def test_from_the_shell_to_a_program_that_runs(words, tmp_path, capsys):
    run, program = tmp_path / "run", tmp_path / "p.nir"
    given = ["folder", "--data", str(words)]
    how = ["--steps", "4", "--epochs", "2", "--variants", "0", "--batch", "8", "--validation", "0.2"]
    assert main(["train", *given, "--model", f"{NETS}:sequence", *how, "-o", str(run)]) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["recipe"]["model"] == f"{NETS}:sequence"
    assert summary["neurons"] == 1350 + 294 + 2
    written = {"model.pt", "last.pt", "test.npz", "front.json", "log.jsonl", "summary.json", "curves.png"}
    assert {f.name for f in run.iterdir()} == written | {"confusion.png"}
    assert main(["compile", str(run / "model.pt"), "-o", str(program)]) == 0
    assert main(["run", str(program), "--input", str(run / "test.npz"), "--engine", "reference"]) == 0
    again = tmp_path / "again.npz"
    assert main(["encode", *given, "--front", str(run / "front.json"), "-o", str(again)]) == 0
    np.testing.assert_array_equal(read_raster(again).spikes, read_raster(run / "test.npz").spikes)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "seed"], "--size seed: means nothing to tests.train.own_nets:looped"),
        (["--synapse", "0.5"], "--synapse 0.5: means nothing to"),
        (["--stream"], "--stream True: means nothing to"),
        (["--target", "xylo2"], "--target xylo2: means nothing to"),
        (["--prune", "0.5"], "prune for tests.train.own_nets:looped: its layers are its own"),
        (["--width", "0.5"], "--width 0.5: means nothing to"),
    ],
)
def test_options_that_mean_nothing_to_it_are_refused(tmp_path, capsys, options, said):
    assert main(["train", "digits", "--model", f"{NETS}:looped", "-o", str(tmp_path / "run"), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_speech_in_noise_takes_no_module_of_images(tmp_path, capsys):
    assert main(["train", "denoise", "--model", f"{NETS}:looped", "-o", str(tmp_path / "run")]) == 2
    assert "fix: " in capsys.readouterr().err
