"""Frames of a sound in pieces are those of the whole sound, bit for bit, and variants repeat bit for bit."""

import numpy as np
import pytest

from sim.errors import FileError, InputError
from snn2hw.audio.disturb import Disturbance, disturbed, holes, louder, mixed
from snn2hw.audio.mel_stream import MelFront, MelStream, front_from, front_to, heard, less_mean
from snn2hw.audio.spectra import KINDS, Energy, Spectra, cepstrum, energy_normalised, kind_of, warped_bank
from tests.audio.pieces import pushed_in_pieces


@pytest.fixture
def sound():
    return np.random.default_rng(1).normal(0, 0.1, 12345).astype(np.float32)


@pytest.mark.parametrize(
    "spec", [Spectra(), Spectra(8000, 200, 80, highest_hz=3900), Spectra(44100, 1024, 1024, bands=64)]
)
@pytest.mark.parametrize("mean", ["running", "none"])
def test_pieces_give_the_frames_of_the_whole(sound, spec, mean):
    front = MelFront(spec, centre_db=(-20.0,) * spec.bands, mean=mean)
    whole = heard(sound, front)
    assert len(whole) == spec.count(sound.size)
    assert (pushed_in_pieces(MelStream(front).push, sound) == whole).all()


def test_a_batch_takes_the_running_mean_that_a_stream_takes():
    front = MelFront(prior=4, memory=9)
    values = np.random.default_rng(0).normal(-30, 10, (3, 20, 40))
    batch = less_mean(values, front)
    level = front.centre
    for t in range(20):
        level = level + (values[1, t] - level) / min(4 + t + 1.0, 9)
        assert (batch[1, t] == values[1, t] - level).all()


def test_the_mean_of_an_utterance_is_zero_and_needs_its_end(sound):
    front = MelFront(mean="utterance")
    assert np.abs(less_mean(np.random.default_rng(0).normal(size=(30, 40)), front).mean(0)).max() < 1e-12
    with pytest.raises(InputError, match="not known before its end"):
        MelStream(front)
    assert heard(sound, front).shape == (60, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_features_has_one_row_a_frame(sound, kind):
    spec = Spectra()
    width = {"stft": 257, "mfcc": 13}.get(kind, 40)
    assert kind_of(sound, spec, kind).shape == (spec.count(sound.size), width)


def test_mfcc_keep_the_length_of_the_spectrum():
    values = np.random.default_rng(0).normal(size=40)
    assert np.isclose((cepstrum(values, 40) ** 2).sum(), (values**2).sum())


def test_pcen_of_a_steady_sound_does_not_know_its_level():
    quiet, loud = Energy(alpha=1.0, eps=1e-12), Energy(alpha=1.0, eps=1e-12)
    for _ in range(5):
        a, b = energy_normalised(np.full(4, 1.0), quiet), energy_normalised(np.full(4, 1000.0), loud)
    assert np.allclose(a, b)


def test_every_band_hears_something_and_weighs_one():
    for warp in (0.8, 1.0, 1.25):
        bank = warped_bank(Spectra(8000, 64, 32, bands=64, highest_hz=4000), warp)
        assert np.allclose(bank.sum(1), 1)


def test_a_front_end_comes_back_from_json():
    front = MelFront(Spectra(8000, 200, 100, highest_hz=3900), centre_db=tuple(np.linspace(-9, 9, 40)))
    assert front_from(front_to(front), "file") == front
    with pytest.raises(FileError, match=r"file: .*front end"):
        front_from({"schema": "other"}, "file")


def test_variants_repeat_bit_for_bit_and_differ_by_seed():
    power = np.random.default_rng(0).exponential(size=(4, 30, 257)).astype(np.float32)
    lengths, how = np.array([30, 20, 10, 1]), Disturbance(noise=1.0)

    def drawn(seed):
        random = np.random.default_rng(seed)
        values, inside = disturbed(power, lengths, Spectra(), how, random)
        return holes(np.where(inside[..., None], values, 0), how, random)

    assert (drawn(3) == drawn(3)).all()
    assert (drawn(3) != drawn(4)).any()


def test_no_disturbance_leaves_the_clip():
    power = np.random.default_rng(0).exponential(size=(2, 30, 257)).astype(np.float32)
    none = Disturbance(0, 0, 0, 0, 0, noise=0, mask_bands=0, mask_frames=0)
    values, inside = disturbed(power, np.array([30, 30]), Spectra(), none, np.random.default_rng(0))
    plain = 10 * np.log10(power @ warped_bank(Spectra()).T.astype(np.float32) + 1e-5)
    assert inside.all()
    assert np.allclose(values, plain, atol=1e-4)


def test_a_background_is_mixed_at_the_ratio_that_was_asked_for(sound):
    background = np.random.default_rng(9).normal(0, 0.3, 500).astype(np.float32)
    noise = mixed(sound, background, 10.0, np.random.default_rng(0)).astype(float) - sound
    assert np.isclose(10 * np.log10((sound.astype(float) ** 2).mean() / (noise**2).mean()), 10.0, atol=1e-3)
    assert (louder(sound, 20.0) == 10 * sound).all()
