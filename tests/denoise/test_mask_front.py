"""The front end of masks: windows that add up, a floor that follows the noise, frames as in training."""

import json

import numpy as np
import pytest

from sim.errors import FileError, InputError
from snn2hw.audio.spectra import Spectra
from snn2hw.denoise.mask_front import (
    MaskFront,
    Tracker,
    back_to_bins,
    mask_front_from,
    mask_front_to,
    messages_of,
    root_window,
)
from tests.denoise.conftest import hiss, syllables


def test_the_window_twice_adds_up_to_one(front):
    square = root_window(front.spectra) ** 2
    hop = front.spectra.hop
    assert np.allclose(square[:hop] + square[hop:], 1.0)


def test_a_mask_of_one_in_every_band_is_one_in_every_bin(front):
    rows = back_to_bins(front.spectra)
    assert rows.shape == (257, 64)
    assert np.allclose(rows.sum(1), 1.0)
    assert (rows >= 0).all()


def test_the_floor_finds_steady_noise_and_not_the_speech_in_it(front):
    random = np.random.default_rng(0)
    state = Tracker()
    for t in range(300):
        decibels = -50 + random.normal(0, 0.5, 64) + (30 if t % 8 < 3 else 0)
        messages = messages_of(decibels, front, state)
    assert np.abs(state.noise + 50).max() < 6
    assert messages[128] == np.rint((state.peak - np.sort(state.noise)[-16:].mean())[0] / 40 * front.unit)


def test_a_sound_and_a_louder_copy_give_the_same_messages(front):
    random = np.random.default_rng(1)
    one, other = Tracker(), Tracker()
    for _ in range(40):
        decibels = random.uniform(-60, -20, 64)
        assert (messages_of(decibels, front, one) == messages_of(decibels + 12.0, front, other)).all()


def test_many_sounds_at_once_are_each_by_itself(front):
    random = np.random.default_rng(2)
    frames = random.uniform(-60, -20, (20, 3, 64))
    together = Tracker()
    many = np.stack([messages_of(frame, front, together) for frame in frames])
    for k in range(3):
        alone = Tracker()
        assert (many[:, k] == np.stack([messages_of(frame[k], front, alone) for frame in frames])).all()


def test_training_hears_what_the_stream_hears(front):
    pytest.importorskip("torch")
    from snn2hw.audio.spectra import warped_bank
    from snn2hw.train.denoising.sounds import heard_frames, messages_in

    noisy = np.stack([syllables(3) + hiss(4)])
    trained = messages_in(heard_frames(noisy, front), front).numpy()[0] * front.unit
    spec, state = front.spectra, Tracker()
    held = np.concatenate([np.zeros(spec.hop), noisy[0].astype(float), np.zeros(spec.hop)])
    streamed = []
    for k in range(0, held.size - spec.window + 1, spec.hop):
        power = np.abs(np.fft.rfft(held[k : k + spec.window] * root_window(spec))) ** 2
        streamed.append(messages_of(10 * np.log10(warped_bank(spec) @ power + spec.floor), front, state))
    assert trained.shape == np.array(streamed).shape
    assert np.abs(trained - streamed).max() <= 1
    assert (np.rint(trained) != streamed).mean() < 0.01


def test_a_front_end_is_read_as_it_was_written(front):
    assert mask_front_from(json.loads(json.dumps(mask_front_to(front))), "x") == front
    with pytest.raises(FileError, match=r"p\.nir: does not say how it denoises"):
        mask_front_from({"schema": "another"}, "p.nir")
    with pytest.raises(FileError, match=r"p\.nir: not a front end of masks"):
        mask_front_from({**mask_front_to(front), "unknown": 1}, "p.nir")


@pytest.mark.parametrize("wrong", [{"least": 1.0}, {"limit": 0}, {"unit": 0.0}, {"spectra": Spectra()}])
def test_a_front_end_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="keep"):
        MaskFront(**wrong)
