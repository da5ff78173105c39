"""The front end of masks: windows that add up, a floor that follows the noise, frames as in training."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sim.errors import FileError, InputError
from snn2hw.audio.spectra import Spectra
from snn2hw.denoise.mask_front import (
    MaskFront,
    Tracker,
    back_to_bins,
    laid_over,
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"least": 1.0},
        {"limit": 0},
        {"unit": 0.0},
        {"spectra": Spectra()},
        {"release": 1.0},
        {"bypass": 1.5},
        {"opens": 0.0},
        {"opens": 1.1},
    ],
)
def test_a_front_end_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="keep"):
        MaskFront(**wrong)


def frames_of_clear(front, clear_db):
    """Messages whose last one says how far speech stands above the noise."""
    messages = np.zeros((len(clear_db), front.features))
    messages[:, -1] = np.array(clear_db) / 40 * front.unit
    return messages


def test_a_mask_opens_at_once_and_closes_slowly(front):
    slow = replace(front, release=0.5)
    answers = np.repeat([[0.2], [1.4], [0.0], [0.0], [0.8]], slow.spectra.bands, axis=1)
    masks, held = laid_over(answers, frames_of_clear(slow, [0] * 5), slow, None)
    least = slow.least
    closing = [0.5 + 0.5 * least, 0.25 + 0.75 * least]
    assert masks[:, 3] == pytest.approx([0.2, 1.0, *closing, 0.8])
    assert (held == masks[-1]).all()
    first, between = laid_over(answers[:3], frames_of_clear(slow, [0] * 3), slow, None)
    second, _ = laid_over(answers[3:], frames_of_clear(slow, [0] * 2), slow, between)
    assert (np.concatenate([first, second]) == masks).all()


def test_a_mask_that_is_nearly_open_is_open(front):
    early = replace(front, opens=0.8)
    answers = np.repeat([[-1.0], [0.0], [0.2], [0.4], [0.8], [0.9], [1.4]], early.spectra.bands, axis=1)
    masks, _ = laid_over(answers, frames_of_clear(early, [0] * 7), early, None)
    assert masks[:, 3] == pytest.approx([early.least, early.least, 0.25, 0.5, 1.0, 1.0, 1.0])
    assert "opens" not in mask_front_to(front)
    assert mask_front_from(mask_front_to(early), "x") == early


def test_where_speech_is_clear_a_share_passes(front):
    open_ = replace(front, bypass=0.6)
    messages = frames_of_clear(open_, [0, 30, 35, 40, 70])
    masks, _ = laid_over(np.zeros((5, open_.spectra.bands)), messages, open_, None)
    shares = np.array([0.0, 0.0, 0.3, 0.6, 0.6])
    assert masks[:, 0] == pytest.approx(shares + (1 - shares) * open_.least)
    plain, _ = laid_over(np.zeros((5, front.spectra.bands)), messages, front, None)
    assert (plain == front.least).all()


def test_many_sounds_are_masked_as_each_alone(front):
    both = replace(front, release=0.4, bypass=0.5)
    random = np.random.default_rng(0)
    answers = random.normal(0.5, 0.5, (3, 7, both.spectra.bands))
    messages = np.stack([frames_of_clear(both, random.uniform(20, 50, 7)) for _ in range(3)])
    many, held = laid_over(answers, messages, both, None)
    for k in range(3):
        alone, last = laid_over(answers[k], messages[k], both, None)
        assert (many[k] == alone).all()
        assert (held[k] == last).all()
