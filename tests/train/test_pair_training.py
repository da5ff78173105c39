"""Published pairs trained by the command: both kinds, a decay that is learnt, weights taken over, runs that go on."""

import json

import numpy as np
import pytest
import torch

from sim.errors import FileError, InputError
from snn2hw.commands import main
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.in_time import in_time
from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.pair_fit import fit_pair, pair_answers, pair_clips, pair_model, taken_over
from snn2hw.train.pair_recipe import PairRecipe, pair_recipe_from
from snn2hw.train.pairs import answer_of
from snn2hw.train.recipe import recipe_to
from tests.train.toy import Interrupted, stop_after
from tests.train.toy_pair import WIDTHS, pair_recipe


def train(table, run, *options):
    return main(["train", "folder", "--data", str(table), "-o", str(run), "--batch", "16", *options])


@pytest.mark.parametrize("learnt", [{}, {"learnt": True}, {"learnt_threshold": True}], ids=str)
@pytest.mark.parametrize("network", WIDTHS)
def test_all_steps_at_once_are_step_by_step(network, learnt, short_corpus):
    recipe = pair_recipe(network, **learnt, steps=3)
    inputs, _ = pair_clips(short_corpus, recipe)
    torch.manual_seed(0)
    model = pair_model(recipe, inputs.shape[1:], 2).eval()
    x = 3 * torch.from_numpy(inputs[:4])
    with torch.no_grad():
        torch.testing.assert_close(in_time(model, x[None], 3).sum(0), answer_of(model, x, 3), rtol=1e-4, atol=1e-5)


def test_a_wave_has_a_peak_of_one_and_a_picture_sixty_decibels(short_corpus):
    waves, labels = pair_clips(short_corpus, pair_recipe("m5"))
    assert waves.shape == (40, 1, 3200)
    assert np.array_equal(np.abs(waves).max(axis=(1, 2)), np.ones(40, np.float32))
    assert labels.tolist() == short_corpus.labels.tolist()
    pictures, _ = pair_clips(short_corpus, pair_recipe("tcy"))
    assert pictures.shape == (40, 1, 60, 30)
    assert pictures.max() == 2
    assert pictures.min() == 0
    low, high = (pictures[labels == k].mean(axis=(0, 1, 3)).argmax() for k in (1, 0))
    assert low < high  # classes stand in the order of their names: high, low


def test_a_long_clip_is_cut_to_its_loudest_stretch(short_corpus):
    from dataclasses import replace

    quiet = np.zeros(9000, np.float32)
    quiet[5000:6000] = short_corpus.samples[0][:1000]
    waves, _ = pair_clips(replace(short_corpus, samples=(quiet, *short_corpus.samples[1:])), pair_recipe("m5"))
    assert np.count_nonzero(waves[0]) == np.count_nonzero(quiet)
    with pytest.raises(InputError, match="corpus at 16000 Hz, network at 8000 Hz"):
        pair_clips(replace(short_corpus, rate_hz=16000), pair_recipe("m5"))


def test_seconds_and_rate_are_those_of_the_clips(short_tones, tmp_path):
    """At 16 kHz window and hop last as long as at 8, bands reach to 7.6 kHz, and the run says so."""
    heard = ("--seconds", "0.5", "--rate-hz", "16000", "--epochs", "1", "--width", "0.03125")
    assert train(short_tones, tmp_path / "wave", "--model", "m5-ann", *heard) == 0
    stored = read_checkpoint(tmp_path / "wave" / "model.pt")
    recipe = pair_recipe_from(stored["recipe"], "model.pt")
    assert stored["shape"] == [1, 8000]
    spectra = recipe.spectra
    assert (recipe.seconds, spectra.rate_hz, spectra.window, spectra.hop) == (0.5, 16000, 512, 200)
    assert (spectra.highest_hz, spectra.bins) == (7600, 512)
    assert train(short_tones, tmp_path / "picture", "--model", "tcy-ann", *heard[:6]) == 0
    assert read_checkpoint(tmp_path / "picture" / "model.pt")["shape"] == [1, 60, 30]  # 38 frames, in tens


def test_clips_too_many_for_memory_are_refused(short_corpus, monkeypatch):
    monkeypatch.setattr("snn2hw.train.memory.memory_here", lambda: 40 * 3200 * 4 - 1)
    with pytest.raises(InputError, match="clips, 40 of 3200 numbers each, take at least 512 kB"):
        pair_clips(short_corpus, pair_recipe("m5"))


def test_a_pair_learns(short_corpus, tmp_path):
    recipe = PairRecipe(network="m5", width=1 / 16, epochs=12, batch=8, seconds=0.4, steps=3)
    clips = pair_clips(short_corpus, recipe)
    model, state = fit_pair(recipe, clips, clips, 2, tmp_path / "run")
    assert state.epoch == 12
    assert state.rows[-1]["validate_accuracy"] >= 0.9
    assert (pair_answers(model, recipe, clips[0]).argmax(1) == clips[1]).mean() >= 0.9


def test_a_learnt_decay_moves_and_is_not_pulled_to_zero_by_the_optimiser(short_corpus, tmp_path):
    recipe = pair_recipe("m5", learnt=True, decay=0.5)
    model, _ = fit_pair(recipe, pair_clips(short_corpus, recipe), None, 2, tmp_path / "run")
    decays = [m.decay for m in model.modules() if isinstance(m, LearntLeak)]
    assert len(decays) == 4
    assert all(0.4 < d < 0.6 and d != 0.5 for d in decays)


def test_a_learnt_threshold_moves_is_not_pulled_and_is_stored(short_corpus, tmp_path):
    recipe = pair_recipe("m5", learnt_threshold=True, decay=0.5)
    model, _ = fit_pair(recipe, pair_clips(short_corpus, recipe), None, 2, tmp_path / "run")
    leaks = [m for m in model.modules() if isinstance(m, LearntLeak)]
    assert len(leaks) == 4
    assert all(0.8 < leak.threshold < 1.25 and leak.threshold != 1 for leak in leaks)
    assert all(leak.decay == 0.5 for leak in leaks)
    stored = read_checkpoint(tmp_path / "run" / "last.pt")["recipe"]
    assert pair_recipe_from(stored, "last.pt") == recipe


def test_a_recipe_without_it_has_the_form_it_always_had():
    assert "learnt_threshold" not in recipe_to(PairRecipe())
    assert recipe_to(PairRecipe(learnt_threshold=True))["learnt_threshold"] is True


def test_the_command_trains_a_pair_and_takes_its_twin_over(short_tones, tmp_path, capsys):
    sizes = ("--width", "0.03125", "--epochs", "1", "--class-weights", "balanced", "--validation", "0.2")
    assert train(short_tones, tmp_path / "twin", "--model", "m5-ann", *sizes) == 0
    start = ("--start", str(tmp_path / "twin" / "last.pt"))
    learns = ("--learnt-decay", "--learnt-threshold")
    assert train(short_tones, tmp_path / "pair", "--model", "m5", "--steps", "2", *learns, *sizes, *start) == 0
    assert "test, float: " in capsys.readouterr().out
    summary = json.loads((tmp_path / "pair" / "summary.json").read_text())
    assert (summary["task"], summary["epochs"]) == ("folder", 1)
    assert summary["accuracy"]["test"]["float"]["clips"] == 8
    assert summary["accuracy"]["validate"]["float"]["clips"] == 6
    counts = np.array(summary["confusion"])
    assert (counts.sum(), counts.trace()) == (8, summary["accuracy"]["test"]["float"]["right"])
    for picture in ("curves.png", "confusion.png"):
        assert (tmp_path / "pair" / picture).read_bytes().startswith(b"\x89PNG")
    stored = read_checkpoint(tmp_path / "pair" / "last.pt")["recipe"]
    recipe = pair_recipe_from(stored, "last.pt")
    assert recipe.learnt
    assert recipe.learnt_threshold
    assert len(recipe.start) == 64
    assert recipe_to(recipe) == stored
    assert train(short_tones, tmp_path / "pair", "--model", "m5", "--steps", "3", *sizes) == 2  # another recipe


def test_the_command_says_what_of_a_hybrid_goes_onto_a_chip(short_tones, tmp_path, capsys):
    sizes = ("--model", "hjh-hybrid", "--width", "0.5", "--epochs", "1", "--steps", "2")
    assert train(short_tones, tmp_path / "run", *sizes) == 0
    assert "only the neurons at the input go onto a chip" in capsys.readouterr().out


def test_weights_taken_over_are_those_of_the_twin(short_corpus, tmp_path):
    recipe = pair_recipe("hjh", model="ann", steps=1)
    inputs, labels = pair_clips(short_corpus, recipe)
    twin, _ = fit_pair(recipe, (inputs, labels), None, 2, tmp_path / "twin")
    spiking = pair_recipe("hjh", learnt=True)
    found = taken_over(tmp_path / "twin" / "last.pt", spiking, inputs.shape[1:], 2)
    assert any(name.endswith("pressed") for name in found)
    assert all(torch.equal(found[name], tensor) for name, tensor in twin.state_dict().items())
    hybrid = taken_over(tmp_path / "twin" / "last.pt", pair_recipe("hjh-hybrid"), inputs.shape[1:], 2)
    assert all(torch.equal(hybrid[name], tensor) for name, tensor in twin.state_dict().items())
    with pytest.raises(InputError, match=r"hjh of width 0\.5, not tcy of 1"):
        taken_over(tmp_path / "twin" / "last.pt", pair_recipe("tcy"), inputs.shape[1:], 2)


@pytest.mark.parametrize("change", [{}, {"steps": 2, "weight_bits": 3}], ids=str)
def test_a_run_that_was_stopped_ends_in_the_same_weights(short_corpus, tmp_path, change):
    recipe = pair_recipe("tcy", epochs=3, **change)
    clips = pair_clips(short_corpus, recipe)
    with pytest.raises(Interrupted):
        fit_pair(recipe, clips, None, 2, tmp_path / "stopped", on_epoch=stop_after(2))
    one, _ = fit_pair(recipe, clips, None, 2, tmp_path / "stopped")
    two, _ = fit_pair(recipe, clips, None, 2, tmp_path / "whole")
    for name, tensor in two.state_dict().items():
        assert torch.equal(one.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--model m5 --levels 15", "--levels 15: means nothing to a published pair"),
        ("--model m5 --width 2", "width 2"),
        ("--model m5 --steps 0", "steps 0"),
        ("--model m5 --seconds 0", "seconds 0"),
        ("--model m5 --seconds nan", "seconds nan"),
        ("--model m5 --seconds inf", "seconds inf"),
        ("--model m5 --seconds 1e308", "seconds 1e+308"),
        ("--model m5 --seconds 1e12", "clips, 1 of 8000000000000000 numbers each, take at least"),
        ("--model tcy --seconds 0.1", "seconds 0.1: 6 frames of a picture"),
        ("--model m5 --rate-hz 100", "a rate of 100 Hz"),
        ("--seconds 2", "--seconds 2.0: is of a stream"),
        ("--stream --seconds 0", "seconds 0  fix: give a number of seconds above 0"),
        ("--stream --seconds 0.02", "seconds 0.02: no frame of 200 samples, 25 ms  fix: ask for more"),
        ("--stream --seconds nan", "seconds nan  fix: give a number"),
        ("--stream --seconds 1e308", "seconds 1e+308  fix: give a number"),
        ("--stream --seconds 1e12", "numbers each, take at least"),
        ("--model hjh-ann --learnt-decay", "of a network of ReLUs"),
        ("--model hjh-ann --learnt-threshold", "of a network of ReLUs"),
        ("--learnt-threshold", "are of published networks"),
        ("--model hjh-ann --steps 4", "it sees its input once"),
        ("--model hjh-hybrid --steps 0", "steps 0"),
        ("--width 0.5", "are of published networks"),
        ("--stream --width 0.5", "--width 0.5: means nothing to a streaming network"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, said, short_tones, tmp_path, capsys):
    assert train(short_tones, tmp_path / "run", *options.split()) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change",
    [{"network": "m6"}, {"network": "hjh-hybrid", "model": "ann", "steps": 1}, {"model": "cnn"}, {"seconds": 0.0}],
)
def test_recipes_that_cannot_be_are_refused(change):
    with pytest.raises(InputError):
        PairRecipe(**change)


def test_another_recipe_is_no_pairs():
    with pytest.raises(FileError, match="not the recipe of a published pair"):
        pair_recipe_from({"spectra": {}, "layout": 3}, "last.pt")
