"""The streaming network: Norse's cells, one description for both twins, the same meaning as a Source and a program."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from exporters.program_file import read_program
from sim.errors import FileError
from snn2hw.audio.mel_stream import front_from, heard
from snn2hw.audio.spectra import KINDS
from snn2hw.commands import main
from snn2hw.commands.train import configure
from snn2hw.commands.train_stream import recipe_for
from snn2hw.models.stream import StreamLayout
from snn2hw.network.float_reference import float_reference
from snn2hw.purpose import read_purpose
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.pruning import Pruner
from snn2hw.train.recipe import recipe_to
from snn2hw.train.stream_data import Spoken, centred, spoken, stream_recipe_for
from snn2hw.train.stream_fit import plain_messages
from snn2hw.train.stream_net import stream_net
from snn2hw.train.stream_recipe import stream_recipe_from
from snn2hw.train.stream_source import stream_source
from tests.rows import a_third
from tests.train.tones import trained, write_tones

SMALL = StreamLayout(channels=(3, 4), hidden=6, spread=(1, 2, 3), dropout=0.0)
BANDS = 12


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = stream_net(SMALL, BANDS, 3)
    for norm in model.norms:
        torch.nn.init.normal_(norm.bias, std=0.5)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model.eval()


def by_norse(model, x):
    """Step Norse's own cells through time, the maps one tap at a time."""
    signal = x[:, None]
    for i, (linear, norm, cell) in enumerate(zip(model.maps, model.norms, model.cells, strict=True)):
        reach = (SMALL.taps - 1) * SMALL.spread[i]
        padded = torch.nn.functional.pad(signal, (0, 0, reach, 0))
        drive, state, spikes = norm(linear(padded)), None, []
        for t in range(drive.shape[2]):
            z, state = cell(drive[:, :, t], state)
            spikes.append(z)
        signal = torch.stack(spikes, 2)
    return model.readout(signal[..., 0].transpose(1, 2))


def test_the_network_computes_what_norse_computes(model):
    x = torch.randn(2, 15, BANDS)
    with torch.no_grad():
        wanted, found = by_norse(model, x), model(x)
    assert found.abs().sum() > 0
    assert torch.equal(wanted, found)


def test_the_twin_has_the_same_weights_and_shapes(model):
    twin = stream_net(SMALL, BANDS, 3, spiking=False)
    assert {k: v.shape for k, v in twin.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert twin(torch.randn(2, 15, BANDS)).shape == (2, 15, 3)


def test_the_source_means_what_the_network_computes(model):
    messages = np.random.default_rng(0).integers(-20, 21, (2, 15, 1, 1, BANDS))
    source = stream_source(model, SMALL, BANDS, 0.05, "test")
    with torch.no_grad():
        wanted = model(torch.from_numpy(messages[:, :, 0, 0] * 0.05).float()).numpy()
    found = float_reference(source, messages).output
    steady = np.isclose(found, wanted, atol=1e-4)
    assert steady.mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_the_stream_hear_the_same(tmp_path, kind):
    from snn2hw.audio.corpora import read_corpus

    write_tones(tmp_path)
    recipe = stream_recipe_for("keywords")
    recipe = replace(recipe, front=replace(recipe.front, features=kind))
    corpus = read_corpus("folder", tmp_path / "list.csv", 16000)
    data = spoken(corpus, recipe)
    recipe = centred(recipe, data)
    batch = plain_messages(data, recipe)
    assert np.abs(batch).max() > 3
    for k, samples in enumerate(corpus.samples):
        alone = heard(samples, recipe.front)
        assert (np.abs(batch[k, : len(alone)].astype(int) - alone) <= 1).all()  # float32 products: half a step at most
        assert (batch[k, : len(alone)] != alone).mean() < 0.01


@pytest.mark.parametrize("model_name", ["scnn", "cnn"])
def test_train_leaves_a_program_that_listens(tmp_path, capsys, model_name):
    write_tones(tmp_path / "data")
    where = ["--data", str(tmp_path / "data" / "list.csv"), "-o", str(tmp_path / "run")]
    command = ["train", "folder", "--stream", *where, "--epochs", "1", "--batch", "16", "--model", model_name]
    assert main(command) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["accuracy"]["test"]["float"]["clips"] == 8
    if model_name == "scnn":
        capsys.readouterr()
        assert main(["listen", str(tmp_path / "run" / "program.nir"), str(tmp_path / "data" / "0.wav"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["files"][0]["label"] in ("low", "high")


@pytest.mark.parametrize("features", a_third(["mfcc", "pcen", "stft"]))
def test_other_features_are_trained_on_and_listened_to(tmp_path, capsys, features):
    assert trained(tmp_path, "--features", features, "--pitch", "1", "--epochs", "1", "--size", "small") == 0
    run = tmp_path / "run"
    program = read_program(run / "program.nir")
    front = front_from(read_purpose(run / "program.nir").front, "program.nir")
    assert front.features == features
    assert program.input.shape == (1, 1, front.width)
    capsys.readouterr()
    assert main(["listen", str(run / "program.nir"), str(tmp_path / "data" / "0.wav"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["label"] in ("low", "high")
    assert main(["run", str(run / "program.nir"), "--input", str(run / "test.npz"), "--json"]) == 0
    recipe = stream_recipe_from(read_checkpoint(run / "last.pt")["recipe"], "last.pt")
    assert (recipe.front, recipe.how.pitch) == (front, 1.0)
    assert recipe_to(recipe) == read_checkpoint(run / "last.pt")["recipe"]


def asked(tmp_path, *options, dataset="folder"):
    parser = argparse.ArgumentParser()
    configure(parser)
    words = [dataset, "--stream", "--data", str(tmp_path), "-o", str(tmp_path / "run"), *options]
    return recipe_for(parser.parse_args(words))


def test_a_stream_hears_own_sounds_at_the_rate_that_is_asked_for(tmp_path):
    usual, other = asked(tmp_path), asked(tmp_path, "--rate-hz", "44100")
    spectra = other.front.spectra
    assert (spectra.rate_hz, spectra.window, spectra.hop, spectra.highest_hz) == (44100, 1102, 551, 16000.0)
    assert abs(spectra.step_s - usual.front.spectra.step_s) < 1e-5
    assert replace(other, front=usual.front) == usual
    assert asked(tmp_path, "--rate-hz", "8000") == usual
    assert asked(tmp_path, "--rate-hz", "16000", dataset="esc").front.spectra.highest_hz == 7600.0
    assert stream_recipe_from(recipe_to(other), "here").front == other.front


def test_a_stream_hears_as_many_frames_as_lie_in_the_seconds(tmp_path):
    usual, longer = asked(tmp_path), asked(tmp_path, "--seconds", "2.5")
    assert longer.frames == (20000 - 200) // 100 + 1
    assert replace(longer, frames=usual.frames) == usual
    assert asked(tmp_path, "--seconds", "1", "--rate-hz", "44100").frames == (44100 - 1102) // 551 + 1
    assert asked(tmp_path, "--seconds", "1", dataset="keywords").frames == usual_frames("keywords")


def usual_frames(task):
    return stream_recipe_for(task).frames


def test_a_streams_current_lasts_as_long_as_is_asked_for(tmp_path):
    usual, other = asked(tmp_path), asked(tmp_path, "--synapse", "0.25")
    assert other == replace(usual, layout=replace(usual.layout, synapse_kept=0.75))
    sized = asked(tmp_path, "--size", "medium-recurrent", "--synapse", "1")
    assert sized.layout == replace(StreamLayout(recurrent=True), synapse_kept=0.0)
    assert asked(tmp_path, "--synapse", "0.5") == usual


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("keywords --rate-hz 8000", "--rate-hz 8000: keywords is heard at 16000 Hz"),
        ("folder --stream --rate-hz 10", "a rate of 10 Hz  fix: ask for 4000 to 96000"),
        ("folder --rate-hz 16000", "--rate-hz 16000: is of a stream"),
        ("folder --model m5 --rate-hz 160", "a rate of 160 Hz  fix: ask for 4000 to 96000"),
        ("denoise --seconds 2", "--seconds 2.0: means nothing to a denoiser"),
        ("denoise --rate-hz 16000", "--rate-hz 16000: means nothing to a denoiser"),
    ],
)
def test_a_rate_that_means_nothing_is_refused(tmp_path, capsys, words, said):
    assert main(["train", *words.split(), "--data", str(tmp_path), "-o", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err


def test_a_recipe_of_mel_bands_has_the_form_it_always_had():
    stored = recipe_to(stream_recipe_for("keywords"))
    assert not {"features", "coefficients"} & stored["front"].keys()
    assert "pitch" not in stored["how"]
    assert stream_recipe_from(stored, "x") == stream_recipe_for("keywords")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--stream", "--target", "xylo2", "--features", "pcen"), "features pcen: events are of decibels"),
        (("--stream", "--pitch", "30"), "pitch 30.0: not from 0 to 24"),
        (("--features", "pcen"), "--features pcen: is of a stream"),
        (("--pitch", "1"), "--pitch 1.0: is of a stream"),
    ],
)
def test_features_that_nothing_hears_are_refused(tmp_path, capsys, options, said):
    assert main(["train", "folder", "--data", str(tmp_path), "-o", str(tmp_path / "run"), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_teacher_of_other_features_is_refused(tmp_path, capsys):
    assert trained(tmp_path, "--model", "baseline", "--epochs", "1") == 0
    (tmp_path / "run").rename(tmp_path / "teacher")
    teacher = str(tmp_path / "teacher" / "last.pt")
    assert trained(tmp_path, "--epochs", "1", "--features", "mfcc", "--teacher", teacher) == 2
    assert "hears other frames" in capsys.readouterr().err


def test_parts_of_clips_stay_together():
    data = Spoken(np.zeros((3, 2, 1), np.float32), np.array([1, 2, 2]), np.array([0, 1, 2]))
    part = data.part(np.array([2, 0]))
    assert (part.lengths.tolist(), part.labels.tolist()) == ([2, 1], [2, 0])


def test_a_teacher_hears_the_same_clips_and_its_answers_are_learnt(tmp_path):
    teacher = tmp_path / "teacher" / "last.pt"
    assert trained(tmp_path, "--model", "vgg", "--epochs", "1") == 0
    (tmp_path / "run").rename(tmp_path / "teacher")
    assert trained(tmp_path, "--epochs", "1", "--teacher", str(teacher), "--mixup", "0.2") == 0
    taught = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    (tmp_path / "run").rename(tmp_path / "taught")
    assert trained(tmp_path, "--epochs", "1", "--mixup", "0.2") == 0
    alone = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert taught[0]["loss"] != alone[0]["loss"]


def test_a_teacher_of_all_the_weight_is_what_is_learnt(model):
    from snn2hw.train.stream_fit import _training

    recipe = replace(stream_recipe_for("keywords"), teacher_weight=1.0)
    data = Spoken(np.ones((4, recipe.frames, 257), np.float32), np.full(4, 70), np.array([0, 1, 2, 0]))
    net = stream_net(SMALL, 40, 3)
    said = torch.tensor([[0.2, 0.5, 0.3]]).repeat(4, 1)
    training = _training(net, recipe, data, None, 3, lambda loud, inside, key: said)
    batch = training.draw(np.arange(4), np.random.default_rng(0))
    assert torch.equal(batch.answers, said)
    scores = torch.log(said)
    entropy = -(said * scores).sum(1).mean()
    assert torch.isclose(training.objective(scores, batch.labels, batch.answers), entropy)


def test_mixed_clips_are_taken_for_both_in_equal_shares():
    from snn2hw.train.stream_fit import _training

    recipe = replace(stream_recipe_for("keywords"), mixup=0.4, smoothing=0.0)
    random = np.random.default_rng(3)
    data = Spoken(random.random((8, recipe.frames, 257), np.float32), np.full(8, 70), np.arange(8) % 3)
    batch = _training(stream_net(SMALL, 40, 3), recipe, data, None, 3, None).draw(np.arange(8), random)
    assert torch.allclose(batch.answers.sum(1), torch.ones(8))
    assert ((batch.answers > 0).sum(1) <= 2).all()
    assert ((batch.answers > 0).sum(1) == 2).any()


def test_a_recipe_is_read_as_it_was_written():
    from snn2hw.train.recipe import recipe_to

    for task, kind in (("keywords", "vgg"), ("esc10", "snn"), ("fsdd", "ann")):
        recipe = replace(stream_recipe_for(task, kind), teacher="abc")
        assert stream_recipe_from(json.loads(json.dumps(recipe_to(recipe))), "x") == recipe
    with pytest.raises(FileError, match=r"x\.pt: not the recipe of a streaming network"):
        stream_recipe_from({"model": "snn"}, "x.pt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--levels 15", "--levels 15: means nothing to a streaming network  fix: leave it out"),
        ("--encoder lif", "--encoder lif: means nothing to a streaming network"),
        ("--start x.pt", "x.pt: no such file"),
        ("--weights x.pt", "--weights x.pt: for a network of torchvision"),
        ("--device cpu", "--device cpu: means nothing to a streaming network"),
        ("--ends-db -30", "--ends-db -30.0: means nothing to a streaming network"),
        ("--width 0.5", "--width 0.5: means nothing"),
        ("--size large --model vgg", "--size large: vgg has a size of its own  fix: leave it out"),
        ("--synapse 0", "--synapse 0.0: must lie in (0, 1]  fix: give dt/tau"),
        ("--synapse 0.2 --model cnn", "--synapse 0.2: of ann, which has no current"),
        ("--synapse 0.2 --target xylo2", "--synapse 0.2: of xylo, which has no current"),
        ("--threads 0", "--threads 0"),
        ("--size seed", "--size seed: is no size of a streaming network  fix: choose small, medium"),
        ("--teacher-weight 0.2", "there is no teacher"),
        ("--model cr-ced", "there is no model 'cr-ced'"),
    ],
)
def test_options_that_mean_nothing_to_a_stream_are_refused(options, said, tmp_path, capsys):
    assert trained(tmp_path, *options.split()) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_what_is_pruned_stays_zero_down_to_the_program(tmp_path, scope):
    assert trained(tmp_path, "--epochs", "4", "--size", "small", "--prune", "0.6", "--prune-scope", scope) == 0
    values = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    recipe = stream_recipe_from(values["recipe"], "last.pt")
    assert (recipe.prune, recipe.prune_scope) == (0.6, scope)
    weights = values["best"]["weights"]
    maps = [weights[f"maps.{i}.weight"] for i in range(4)] + [weights["readout.weight"]]
    zeros = [int((w == 0).sum()) for w in maps]
    if scope == "layer":
        assert zeros == [int(0.6 * w.numel()) for w in maps]
    else:
        assert sum(zeros) == int(0.6 * sum(w.numel() for w in maps))
        assert len({round(z / w.numel(), 2) for z, w in zip(zeros, maps, strict=True)}) > 1
    rows = [json.loads(line)["pruned"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert rows == sorted(rows)
    assert rows[-1] == sum(zeros) / sum(w.numel() for w in maps)
    program = read_program(tmp_path / "run" / "program.nir")
    for layer, (population, weight) in enumerate(zip(program.populations, maps, strict=True)):
        for connection in population.inputs:
            held = connection.wiring.weight
            if layer < 4:  # the last tap is that of lag 0
                weight_of = weight[:, :, recipe.layout.taps - 1 - connection.lag // recipe.layout.spread[layer]]
            else:
                weight_of = weight
            gone = weight_of.reshape(held.shape).numpy() == 0
            assert gone.any()
            assert not held[gone].any()
            assert held[~gone].any()


def test_a_twin_is_pruned_by_the_same_share(tmp_path):
    options = ("--model", "cnn", "--epochs", "3", "--size", "small", "--prune", "0.6")
    assert trained(tmp_path, *options) == 0
    weights = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["best"]["weights"]
    maps = [w for name, w in weights.items() if w.ndim > 1]
    assert sum(int((w == 0).sum()) for w in maps) == int(0.6 * sum(w.numel() for w in maps))


def test_an_interrupted_stream_prunes_the_same(tmp_path):
    """Four epochs at once, and the same command again after Ctrl-C at the third."""
    options = ("--epochs", "4", "--size", "small", "--prune", "0.8")
    assert trained(tmp_path, *options) == 0
    whole = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["best"]["weights"]
    (tmp_path / "run").rename(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        began = Pruner.begin

        def stops(self, epoch):
            if epoch == 3:
                raise KeyboardInterrupt
            began(self, epoch)

        patch.setattr(Pruner, "begin", stops)
        assert trained(tmp_path, *options) == 130
    assert trained(tmp_path, *options) == 0
    torn = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["best"]["weights"]
    assert all(torch.equal(whole[name], torn[name]) for name in whole)


def test_the_options_that_mean_something_are_obeyed(tmp_path):
    options = ("--epochs", "1", "--size", "small", "--balanced", "--validation", "0.25", "--seed", "3")
    options += ("--mean", "utterance")
    assert trained(tmp_path, *options) == 0
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert "validate_accuracy" in row
    assert trained(tmp_path, *options, "--more-epochs", "1") == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["epochs"] == 2
    assert read_purpose(tmp_path / "run" / "program.nir").front["mean"] == "utterance"
