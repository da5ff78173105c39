"""What is looked at is what is classified: short sounds, long ones, every kind of network, and pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from sim.errors import FileError, InputError, UnsupportedError
from snn2hw.audio.corpus import Corpus
from snn2hw.commands import main
from snn2hw.commands.relevance import draw_relevance
from snn2hw.files.tensor_file import write_tensors
from snn2hw.models.layout import layout_of
from snn2hw.train import looks
from snn2hw.train.checkpoint import SCHEMA, build, load_trained
from snn2hw.train.looks import look
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.pair_recipe import PairRecipe
from snn2hw.train.recipe import recipe_to
from snn2hw.train.relevance import image_answer, image_relevance
from snn2hw.train.stream_data import spoken, spoken_clip, stream_recipe_for
from snn2hw.train.stream_fit import plain_messages, stream_model
from snn2hw.train.stream_recipe import StreamRecipe

KINDS = ("snn", "ann", "xylo", "vgg", "baseline", "esc-vgg", "lstm", "crnn-a", "extractor")


def run_of(folder, recipe, stored=None):
    torch.manual_seed(0)
    best = {"epoch": 1, "weights": stream_model(recipe, 3).state_dict()} if isinstance(recipe, StreamRecipe) else {}
    write_tensors(folder / "last.pt", {"schema": SCHEMA, "recipe": recipe_to(recipe), "best": best} | (stored or {}))
    (folder / "summary.json").write_text(json.dumps({"classes": ["a", "b", "c"]}))
    return folder / "last.pt"


def sound_of(path, seconds, rate_hz=16000, loud=None):
    samples = np.random.default_rng(0).normal(0, 0.01, round(seconds * rate_hz))
    if loud is not None:
        samples[round(loud * rate_hz) :][: rate_hz // 2] *= 20
    soundfile.write(path, samples, rate_hz)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_shorter_than_the_samples_of_training_ends_in_silence(kind, tmp_path):
    usual = stream_recipe_for("keywords", kind)
    quiet = (-60.0,) * usual.front.width
    recipe = replace(usual, front=replace(usual.front, centre_db=quiet))
    seen = look(run_of(tmp_path, recipe), sound_of(tmp_path / "x.wav", 0.3))
    frames = recipe.front.spectra.count(round(0.3 * 16000))
    assert seen.shown.shape == seen.found.shape == (recipe.frames, recipe.front.width)
    assert np.abs(seen.shown[:frames]).sum() > 0
    assert not seen.shown[frames:].any()
    assert not seen.found[frames:].any()
    assert seen.start == 0.0


@pytest.mark.parametrize("kind", ["snn", "baseline"])
def test_of_a_longer_sound_the_loudest_stretch_is_looked_at(kind, tmp_path):
    recipe = stream_recipe_for("keywords", kind)
    path = sound_of(tmp_path / "x.wav", 3.0, loud=2.0)
    seen = look(run_of(tmp_path, recipe), path)
    samples = soundfile.read(path, dtype="float32")[0]
    corpus = Corpus("x", ("",), 16000, (samples,), np.zeros(1, np.int64), ("",), ("",), ("",))
    classified = plain_messages(spoken(corpus, recipe), recipe)[0]
    np.testing.assert_array_equal(seen.shown, classified * recipe.front.step_db)
    assert 1.4 < seen.start <= 2.0
    assert seen.start + recipe.frames * seen.step <= 3.0


def test_one_clip_is_made_as_a_corpus_of_one():
    recipe = stream_recipe_for("keywords")
    samples = np.random.default_rng(1).normal(0, 0.1, 48000).astype(np.float32)
    samples[:30000] *= 0.01
    clip, first = spoken_clip(samples, recipe)
    alone = samples[first * recipe.front.spectra.hop :]
    np.testing.assert_array_equal(spoken_clip(alone, recipe)[0].power, clip.power)
    assert first > 0


@pytest.mark.parametrize("kind", ["snn", "xylo"])
def test_integrated_gradients_of_what_spikes_are_refused(kind, tmp_path):
    path, sound = run_of(tmp_path, stream_recipe_for("keywords", kind)), sound_of(tmp_path / "x.wav", 1.0)
    with pytest.raises(UnsupportedError, match="use the method gradient"):
        look(path, sound, method="integrated")


@pytest.mark.parametrize(
    ("features", "shows", "across"),
    [
        ("log-mel", "dB over the mean", "band"),
        ("mfcc", "MFCC less its mean", "coefficient"),
        ("pcen", "PCEN less its mean", "band"),
        ("stft", "STFT magnitude less its mean", "bin"),
    ],
)
def test_decibels_are_said_of_decibels_alone(features, shows, across, tmp_path):
    usual = stream_recipe_for("keywords")
    recipe = replace(usual, front=replace(usual.front, features=features))
    seen = look(run_of(tmp_path, recipe), sound_of(tmp_path / "x.wav", 1.0))
    assert (seen.shows, seen.across) == (shows, across)
    assert seen.shown.shape[1] == recipe.front.width


def test_events_are_said_to_be_above_where_they_begin(tmp_path):
    recipe = stream_recipe_for("keywords", "xylo")
    seen = look(run_of(tmp_path, recipe), sound_of(tmp_path / "x.wav", 1.0))
    assert seen.shows == "dB over where events begin"


def image_run(folder, **choices):
    from snn2hw.audio.front import FrontEnd, to_json
    from snn2hw.audio.logmel import Normaliser
    from snn2hw.train.network_recipe import encoder_of

    recipe = NetworkRecipe(layout=layout_of("hardware"), **choices)
    torch.manual_seed(0)
    normaliser = Normaliser((-60.0,) * 32, (0.0,) * 32, recipe.levels)
    front = FrontEnd(recipe.mel, normaliser, encoder_of(recipe), recipe.decoder, ("a", "b", "c"))
    model = build(recipe, 3)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.bias, std=0.5)
    values = {"recipe": recipe_to(recipe), "weights": model.state_dict(), "front": to_json(front)}
    write_tensors(folder / "model.pt", {"schema": SCHEMA, "accuracy": {"test": 1.0}, **values})
    return folder / "model.pt"


@pytest.mark.parametrize(
    "choices", [{"model": "scnn"}, {"model": "scnn", "encoder": "lif", "steps": 12}, {"model": "cnn"}]
)
def test_networks_of_images_are_looked_at(choices, tmp_path):
    path = image_run(tmp_path, **choices)
    seen = look(path, sound_of(tmp_path / "x.wav", 0.6, 8000), "b")
    assert seen.shown.shape == seen.found.shape == (32, 32)
    assert np.abs(seen.found).sum() > 0
    assert not seen.found[seen.shown == 0].any()
    assert (seen.looked_at, seen.along) == ("b", "frame, evenly over the clip")


def test_what_an_image_says_is_its_slope_times_the_input(tmp_path):
    trained = load_trained(image_run(tmp_path, model="cnn"))
    image = np.random.default_rng(0).integers(1, 31, (32, 32)).astype(np.uint8)
    found = image_relevance(trained.model, trained.recipe, image, 1)
    model = trained.model.double()
    x = torch.from_numpy(image / trained.recipe.levels)[None, None]

    def answer(moved):
        with torch.no_grad():
            return float(model(moved)[0, 1])

    for place in [(3, 5), (20, 20)]:
        moved = x.clone()
        moved[0, 0, place[0], place[1]] += 1e-6
        slope = (answer(moved) - answer(x)) / 1e-6
        assert found[place] == pytest.approx(slope * float(x[0, 0][place]), rel=1e-2, abs=1e-6)


def test_integrated_gradients_of_an_image_add_up(tmp_path):
    pytest.importorskip("captum")
    trained = load_trained(image_run(tmp_path, model="cnn"))
    image = np.random.default_rng(0).integers(0, 31, (32, 32)).astype(np.uint8)
    found = image_relevance(trained.model, trained.recipe, image, 2, "integrated")
    added = image_answer(trained.model, trained.recipe, image)[2]
    added -= image_answer(trained.model, trained.recipe, 0 * image)[2]
    assert found.sum() == pytest.approx(added, rel=0.1)


def test_integrated_gradients_of_a_spiking_network_of_images_are_refused(tmp_path):
    path = image_run(tmp_path, model="scnn")
    with pytest.raises(UnsupportedError, match="use the method gradient"):
        look(path, sound_of(tmp_path / "x.wav", 0.6, 8000), method="integrated")


def test_the_command_draws_an_image(tmp_path, capsys):
    path, sound = image_run(tmp_path), sound_of(tmp_path / "x.wav", 0.6, 8000)
    assert main(["relevance", str(path), str(sound), "-o", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "what speaks for" in capsys.readouterr().out
    assert main(["relevance", str(path), str(sound), "-o", str(tmp_path / "x.png"), "--label", "d"]) == 2


def test_what_is_no_classifier_of_sounds_is_refused_with_what_can_be_looked_at(tmp_path):
    from snn2hw.train.denoising.recipe import DenoiseRecipe

    sound = sound_of(tmp_path / "x.wav", 0.6, 8000)
    for recipe, kind in ((PairRecipe(), "a published pair"), (DenoiseRecipe(), "a denoiser")):
        with pytest.raises(InputError, match=f"is {kind}") as refused:
            look(run_of(tmp_path, recipe), sound)
        assert refused.value.fix == looks.LOOKED_AT
    with pytest.raises(InputError, match="holds no recipe"):
        look(run_of(tmp_path, PairRecipe(), {"recipe": 3}), sound)
    with pytest.raises(FileError, match="is the state of a run"):
        look(run_of(tmp_path, NetworkRecipe()), sound)


def test_the_picture_begins_where_the_stretch_does(tmp_path, monkeypatch):
    from snn2hw import drawing

    drawn = []
    monkeypatch.setattr(drawing, "save_figure", lambda figure, _: drawn.append(figure))
    sound = sound_of(tmp_path / "x.wav", 3.0, loud=2.0)
    path = run_of(tmp_path, stream_recipe_for("keywords"))
    draw_relevance(path, sound, tmp_path / "x.png")
    above, below = drawn[0].axes
    seen = look(path, sound)
    assert above.images[0].get_extent()[0] == below.images[0].get_extent()[0] == seen.start > 0
    assert "dB over the mean" in above.get_title()
