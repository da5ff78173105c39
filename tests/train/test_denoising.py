"""The denoiser in training: Norse's cells, the Source, resuming, and that a little training takes some noise out."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.errors import InputError
from snn2hw.audio.noise import added
from snn2hw.commands import main
from snn2hw.denoise.layouts import read_noisy
from snn2hw.denoise.mask_front import MaskFront, back_to_bins, laid_over
from snn2hw.denoise.mixing import Mixing, Pair
from snn2hw.models.mask import MaskLayout
from snn2hw.network.float_reference import float_reference
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.denoising.crced import WideMap
from snn2hw.train.denoising.envelopes import likeness, unlike_decibels
from snn2hw.train.denoising.fit import _mask, _training, cleaned, denoiser, fit_denoiser, gains
from snn2hw.train.denoising.mask_net import MaskNet, leaky
from snn2hw.train.denoising.program import source_of_denoiser
from snn2hw.train.denoising.recipe import DENOISERS, DenoiseRecipe
from snn2hw.train.denoising.sounds import decibels_less, heard_frames, joined, laid_in
from snn2hw.train.denoising.source import mask_source
from tests.denoise.conftest import hiss, syllables
from tests.denoise.conftest import parts as parts  # a fixture

SMALL = MaskLayout(hidden=(10, 8), spread=(1, 2))
RECIPE = DenoiseRecipe(layout=SMALL, mixtures=24, batch=8, epochs=3, mixing=Mixing(seconds=0.5))


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = MaskNet(SMALL, 9, 4, spiking=True)
    for norm in net.norms:
        torch.nn.init.normal_(norm.bias, std=0.5)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    torch.nn.init.normal_(net.skip.weight, std=0.3)
    return net.eval()


def test_the_network_computes_what_norse_computes(model):
    x = torch.randn(2, 15, 9)
    y = x.transpose(1, 2)
    for i, (linear, norm, cell) in enumerate(zip(model.maps, model.norms, model.cells, strict=True)):
        drive = norm(linear(torch.nn.functional.pad(y, (2 * SMALL.spread[i], 0))))
        state, spikes = None, []
        for t in range(drive.shape[2]):
            z, state = cell(drive[:, :, t], state)
            spikes.append(z)
        y = torch.stack(spikes, 2)
    assert y.sum() > 0
    wanted, held = [], torch.zeros(2, 4)
    for t in range(15):
        held = 0.5 * held + 0.5 * (model.readout(y[:, :, t]) + model.skip(x[:, t]))
        wanted.append(held)
    with torch.no_grad():
        assert torch.allclose(torch.stack(wanted, 1), model(x), atol=1e-5)


def test_the_source_means_what_the_network_computes(model):
    messages = np.random.default_rng(0).integers(-20, 21, (2, 15, 9))
    with torch.no_grad():
        wanted = model(torch.from_numpy(messages / 16).float()).numpy()
    found = float_reference(mask_source(model, SMALL, 16.0, "test"), messages).output
    assert np.isclose(found, wanted, atol=1e-4).mean() > 0.99


@pytest.mark.parametrize("kind", ["cr-ced-snn", "crnn-snn"])
def test_the_source_of_a_network_along_the_bands_means_what_it_computes(kind):
    recipe, random = replace(RECIPE, model=kind), np.random.default_rng(1)
    torch.manual_seed(0)
    net = denoiser(recipe).eval()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.bias, std=0.3)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.3, 1)
    for part in (net.skip, net.readout):
        torch.nn.init.normal_(part.weight, std=0.1)
    messages = random.integers(-20, 21, (2, 12, recipe.front.features))
    with torch.no_grad():
        wanted = net(torch.from_numpy(messages / 16).float()).numpy()
    found = float_reference(source_of_denoiser(net, recipe), messages[..., None, None]).output
    assert wanted.std() > 0.1
    assert np.isclose(found, wanted, atol=1e-4).mean() > 0.99


def test_a_leaky_sum_has_gain_one():
    assert torch.allclose(leaky(torch.ones(1, 60, 2), 0.6)[0, -1], torch.ones(2))
    impulse = torch.zeros(1, 4, 1)
    impulse[0, 1] = 1.0
    assert leaky(impulse, 0.5)[0, :, 0].tolist() == [0.0, 0.5, 0.25, 0.125]


def test_spectra_that_nothing_masks_are_the_sound():
    sound = np.stack([syllables(0)[:7001]])
    back = joined(heard_frames(sound, RECIPE.front), RECIPE.front, 7001).numpy()
    assert np.abs(back - sound).max() < 1e-6


def test_the_loss_is_in_decibels_and_ends_where_it_is_clean_enough():
    clean, noise = torch.from_numpy(syllables(1))[None], torch.from_numpy(hiss(1))[None]
    expected = 10 * torch.log10(noise.square().sum() / clean.square().sum())
    assert decibels_less(clean + noise, clean, 50.0).item() == pytest.approx(expected.item(), abs=0.05)
    assert decibels_less(clean, clean, 50.0).item() == pytest.approx(-50.0, abs=0.01)


def test_masks_in_training_are_those_that_are_laid_over_sounds():
    front, random = MaskFront(release=0.4, bypass=0.5), np.random.default_rng(0)
    masks = random.random((3, 20, 64))
    heard = random.integers(-32, 33, (3, 20, front.features)) / front.unit
    wanted, _ = laid_over(masks, heard * front.unit, front, None)
    found = laid_in(torch.from_numpy(masks).clamp(front.least, 1.0), torch.from_numpy(heard), front)
    assert (found.numpy() == wanted).all()


def test_a_network_is_judged_with_the_mask_that_opens_early_and_trained_without():
    front = replace(RECIPE.front, release=0.0, bypass=0.0, opens=0.5)
    said = torch.tensor([0.0, 0.25, 0.5, 1.0]).repeat(16)

    class Says(torch.nn.Module):
        def forward(self, heard):
            return said.expand(*heard.shape[:2], -1)

    recipe, spectra = replace(RECIPE, front=front), heard_frames(syllables(0)[None], RECIPE.front)
    with torch.no_grad():
        learnt, judged = (_mask(Says().train(mode), recipe, spectra) for mode in (True, False))
    turn = back_to_bins(front.spectra)
    for mask, masks in ((learnt, [0.0, 0.25, 0.5, 1.0]), (judged, [0.0, 0.5, 1.0, 1.0])):
        wanted = turn @ np.maximum(np.tile(masks, 16), front.least)
        assert np.abs(mask[0, 3].numpy() - wanted).max() < 0.01


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_likeness_is_near_stoi_and_rises_with_it(snr_db):
    stoi = pytest.importorskip("pystoi").stoi
    clean = np.concatenate([syllables(k) for k in range(3)])
    noisy = added(clean, hiss(0, 6.0), snr_db)
    found = likeness(*(torch.from_numpy(x)[None] for x in (noisy, clean)), 16000, 512).item()
    assert abs(found - stoi(clean, noisy, 16000)) < 0.05
    worse = added(clean, hiss(0, 6.0), snr_db - 6.0)
    assert likeness(*(torch.from_numpy(x)[None] for x in (worse, clean)), 16000, 512).item() < found


def test_a_sound_is_wholly_like_itself_at_any_level_and_no_silence_breaks_the_gradient():
    clean = torch.from_numpy(syllables(0) + hiss(0))
    sounds = torch.stack([clean, torch.cat([clean[:16000], torch.zeros(16000)]), torch.zeros(32000)])
    assert likeness(0.1 * sounds[:2], sounds[:2], 16000, 512).sub(1.0).abs().max() < 1e-3
    for estimate in (sounds.clone(), torch.zeros_like(sounds), sounds[:, :100].clone()):
        estimate.requires_grad_()
        unlike_decibels(estimate, sounds[:, : estimate.shape[1]], 16000, 512).mean().backward()
        assert estimate.grad.isfinite().all()


def test_a_loss_without_envelopes_is_the_error_alone(parts, tmp_path):
    speech = replace(read_noisy(parts, 16000), validate=())
    losses = [
        fit_denoiser(replace(RECIPE, epochs=1, stoi_weight=weight), speech, tmp_path / str(weight))[1].rows[0]["loss"]
        for weight in (0.0, 0.5, 1.0)
    ]
    assert losses[0] > losses[1] > losses[2]
    for wrong in ({"stoi_weight": -1.0}, {"harm_weight": float("nan")}):
        with pytest.raises(InputError, match="must not be negative"):
            replace(RECIPE, **wrong)


def test_what_is_made_worse_counts_again_and_what_is_made_better_does_not(parts):
    speech, noisy = read_noisy(parts, 16000), torch.from_numpy(syllables(1) + hiss(1))[None]
    clean, worse, better = (torch.from_numpy(syllables(1) + share * hiss(1))[None] for share in (0.0, 2.0, 0.5))
    plain, harmed = (
        _training(denoiser(RECIPE), replace(RECIPE, stoi_weight=0.0, harm_weight=weight), speech).objective
        for weight in (0.0, 2.0)
    )
    assert plain(better, clean, noisy) == harmed(better, clean, noisy)
    apart = (plain(worse, clean, noisy) - plain(noisy, clean, noisy)).item()
    assert apart == pytest.approx(20 * np.log10(2), abs=0.01)
    assert (harmed(worse, clean, noisy) - plain(worse, clean, noisy)).item() == pytest.approx(2 * apart, abs=1e-4)


def test_envelopes_that_are_made_worse_count_again_too(parts):
    speech, noisy = read_noisy(parts, 16000), torch.from_numpy(syllables(1) + hiss(1))[None]
    clean, worse, better = (torch.from_numpy(syllables(1) + share * hiss(1))[None] for share in (0.0, 2.0, 0.5))
    ways = {
        (stoi, harm): _training(denoiser(RECIPE), replace(RECIPE, stoi_weight=stoi, harm_weight=harm), speech).objective
        for stoi in (0.0, 3.0)
        for harm in (0.0, 2.0)
    }

    def of_envelopes(estimate, harm):
        return (ways[3.0, harm](estimate, clean, noisy) - ways[0.0, harm](estimate, clean, noisy)).item() / 3.0

    unlike = {x: unlike_decibels(x, clean, 16000, 512).item() for x in (noisy, worse, better)}
    assert unlike[better] < unlike[noisy] < unlike[worse]
    for estimate, again in ((better, 0.0), (worse, 2.0 * (unlike[worse] - unlike[noisy]))):
        assert of_envelopes(estimate, 0.0) == pytest.approx(unlike[estimate], abs=1e-3)
        assert of_envelopes(estimate, 2.0) == pytest.approx(unlike[estimate] + again, abs=1e-3)


@pytest.mark.parametrize(("bins", "taps"), [(5, 3), (20, 9), (7, 21)])
def test_a_wide_map_as_one_product_is_the_convolution(bins, taps):
    random = np.random.default_rng(bins)
    wide = WideMap(8, 1, taps, padding=taps // 2)
    for value in wide.parameters():
        value.data = torch.from_numpy(random.integers(-9, 10, value.shape).astype(np.float32))
    heard = torch.from_numpy(random.integers(-9, 10, (2, 3, bins, 8)).astype(np.float32))
    wanted = torch.nn.functional.conv1d(heard.flatten(0, 1).mT, wide.weight, wide.bias, padding=taps // 2)
    assert torch.equal(wide(heard), wanted.reshape(2, 3, bins))


@pytest.mark.parametrize("kind", DENOISERS)
def test_every_kind_learns_a_step(kind, parts, tmp_path):
    recipe = replace(RECIPE, model=kind, epochs=1, mixtures=4, batch=2, mixing=Mixing(seconds=0.1))
    torch.manual_seed(recipe.seed)
    before = {name: value.clone() for name, value in denoiser(recipe).named_parameters()}
    model, state = fit_denoiser(recipe, replace(read_noisy(parts, 16000), validate=()), tmp_path / "run")
    assert np.isfinite(state.rows[-1]["loss"])
    assert all((value != before[name]).any() for name, value in model.named_parameters())


def test_a_run_that_was_stopped_ends_in_the_same_weights(parts, tmp_path):
    speech = read_noisy(parts, 16000)
    whole, _ = fit_denoiser(RECIPE, speech, tmp_path / "whole")

    def stopping(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_denoiser(RECIPE, speech, tmp_path / "stopped", on_epoch=stopping)
    resumed, state = fit_denoiser(RECIPE, speech, tmp_path / "stopped")
    assert state.epoch == 3
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_little_training_takes_some_noise_out(parts, tmp_path):
    speech = read_noisy(parts, 16000)
    recipe = replace(RECIPE, epochs=8, mixtures=64, mixing=Mixing(seconds=1.0, snr_db=(-5.0, 10.0), clean=0.0))
    model, _ = fit_denoiser(recipe, speech, tmp_path / "run")
    assert gains(speech.test, cleaned(model, recipe, speech.test))[0.0] > 3.0


def test_pairs_of_unknown_ratio_are_one_mean_and_come_last():
    clean, noise = syllables(0), hiss(0)
    pairs = [Pair("a", clean + noise, clean, ratio) for ratio in (float("nan"), 5.0, float("nan"), 0.0)]
    found = gains(pairs, [clean + share * noise for share in (0.1, 0.5, 1.0, 1.0)])
    assert [f"{ratio:g}" for ratio in found] == ["0", "5", "nan"]
    assert list(found.values()) == pytest.approx([0.0, 20 * np.log10(2), 10.0], abs=0.1)


@pytest.fixture
def few(monkeypatch):
    """Have an epoch of every recipe be of few mixtures."""
    assert DenoiseRecipe.__init__.__kwdefaults__["mixtures"] == 800
    monkeypatch.setitem(DenoiseRecipe.__init__.__kwdefaults__, "mixtures", 64)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", ["scnn", pytest.param("crnn-snn", marks=pytest.mark.full)])
def test_train_leaves_a_program_that_denoises(kind, parts, tmp_path, capsys):
    command = ["train", "denoise", "--data", str(parts), "-o", str(tmp_path / "run"), "--epochs", "1", "--batch", "32"]
    assert main([*command, "--model", kind]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    ratios = {"0", "5", "10", "15", "20", "30", "40"}
    for judged in ("validate_gain_db", "gain_db"):
        gained = summary[judged]
        assert set(gained["integer"]) == set(gained["float"]) == ratios
        assert max(abs(gained["integer"][k] - gained["float"][k]) for k in ratios) < 0.5
    assert summary["validate_gain_db"] != summary["gain_db"]
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    noisy = str(parts / "clean" / "test" / "someone" / "0.wav")
    assert main(["denoise", str(tmp_path / "run" / "program.nir"), noisy, str(tmp_path / "out.wav")]) == 0
    assert "wrote" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--levels 15", "--teacher x.pt", "--mixup 0.2", "--size large", "--fold 1"])
def test_options_that_mean_nothing_to_a_denoiser_are_refused(option, tmp_path, capsys):
    assert main(["train", "denoise", "-o", str(tmp_path / "run"), *option.split()]) == 2
    assert "means nothing to a denoiser  fix: leave it out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("few")
def test_ratios_and_weights_of_the_loss_are_options_of_a_denoiser_alone(parts, tmp_path, capsys):
    run, given = tmp_path / "run", ["--stoi-weight", "0", "--harm-weight", "2", "--snr-db", "0,10"]
    command = ["train", "denoise", "--data", str(parts), "--epochs", "1", "--batch", "64", "--model", "crnn"]
    assert main([*command, "-o", str(run), *given]) == 0
    stored = read_checkpoint(run / "last.pt")["recipe"]
    assert (stored["stoi_weight"], stored["harm_weight"], stored["mixing"]["snr_db"]) == (0.0, 2.0, [0.0, 10.0])
    capsys.readouterr()
    for option in (given[:2], given[2:4], given[4:]):
        assert main(["train", "folder", "--data", str(parts), "-o", str(tmp_path / "other"), *option]) == 2
        assert f"{option[0]} " in capsys.readouterr().err
    assert main([*command, "-o", str(tmp_path / "other"), "--snr-db", "9,0"]) == 2
    assert "a range from low to high" in capsys.readouterr().err
