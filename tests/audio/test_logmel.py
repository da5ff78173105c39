"""Log-mel images against the formula written out, and their properties."""

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.audio.augment import Augmentation, masked, shifted, variant
from snn2hw.audio.logmel import LogMel, Normaliser, decibels, fit_normaliser, mel_bank, quantised

MEL = LogMel()


def noise(size, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, size).astype(np.float32)


def by_the_formula(samples, mel):
    """One frame, one band, one bin at a time."""
    image = np.empty((mel.bands, mel.frames))
    bank = mel_bank(mel)
    for t in range(mel.frames):
        start = round(t * (samples.size - mel.window) / (mel.frames - 1))
        n = np.arange(mel.window)
        windowed = samples[start : start + mel.window] * (0.5 - 0.5 * np.cos(2 * np.pi * n / (mel.window - 1)))
        power = [
            abs(np.sum(windowed * np.exp(-2j * np.pi * f * n / mel.window))) ** 2 for f in range(mel.window // 2 + 1)
        ]
        image[:, t] = bank @ power
    return np.maximum(10 * np.log10(image / image.max()), mel.floor_db)


@pytest.mark.parametrize("size", [4321, 1000])
def test_the_image_is_the_formula(size):
    mel = LogMel(frames=5, bands=8, window=64)
    samples = noise(size)
    np.testing.assert_allclose(decibels(samples, mel), by_the_formula(samples, mel), atol=2e-5)


def test_a_tone_lights_the_band_around_it():
    samples = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000).astype(np.float32)
    image = decibels(samples, MEL)
    band = image.mean(axis=1).argmax()
    bins_hz = np.fft.rfftfreq(MEL.window, 1 / MEL.rate_hz)
    inside = bins_hz[mel_bank(MEL)[band] > 0]
    assert inside.min() <= 1000 <= inside.max()
    assert image.max() == 0


def test_every_band_hears_something_even_with_a_short_window():
    assert (mel_bank(LogMel(window=64)).sum(axis=1) > 0).all()


def test_loudness_does_not_matter():
    samples = noise(3000)
    np.testing.assert_allclose(decibels(samples, MEL), decibels(samples * np.float32(0.01), MEL), atol=1e-3)


def test_a_clip_shorter_than_a_window_is_padded():
    assert decibels(noise(100), MEL).shape == (32, 32)


def test_ends_are_cut_before_the_image_and_the_mean_of_every_band_is_taken_off_after_it():
    silence, word = np.zeros(800, np.float32), noise(3200)
    cut = replace(MEL, ends_db=-35.0)
    held = np.concatenate([silence[-80:], word, silence[:80]])
    np.testing.assert_array_equal(decibels(np.concatenate([silence, word, silence]), cut), decibels(held, MEL))
    plain = decibels(word, MEL)
    less = plain - plain.astype(np.float64).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(decibels(word, replace(MEL, mean="utterance")), less, atol=1e-4)


@pytest.mark.parametrize("wrong", [{"mean": "running"}, {"ends_db": 3.0}])
def test_a_mean_is_known_and_ends_are_quieter_than_the_loudest(wrong):
    with pytest.raises(InputError, match="none or utterance; 0 or below"):
        replace(MEL, **wrong)


def test_silence_is_refused():
    with pytest.raises(InputError, match="no power in any mel band"):
        decibels(np.zeros(4000, np.float32), MEL)


def test_integers_span_0_to_levels_and_are_monotonic():
    images = np.stack([decibels(noise(4000, k) * np.hanning(4000).astype(np.float32), MEL) for k in range(5)])
    scale = fit_normaliser(images, 31)
    values = quantised(images, scale)
    assert values.dtype == np.uint8
    assert (values.min(), values.max()) == (0, 31)
    order = np.argsort(images[:, 3].ravel())
    assert (np.diff(values[:, 3].ravel()[order].astype(int)) >= 0).all()


def test_a_band_that_never_changes_still_has_a_scale():
    scale = fit_normaliser(np.full((2, 3, 4), -70, np.float32), 31)
    assert all(low < high for low, high in zip(scale.low_db, scale.high_db, strict=True))


@pytest.mark.parametrize("levels", [0, 256])
def test_levels_must_fit_a_byte(levels):
    with pytest.raises(InputError, match=r"choose 1\.\.255"):
        Normaliser((0.0,), (1.0,), levels)


def test_bands_must_lie_below_half_the_rate():
    with pytest.raises(InputError, match="highest_hz <= rate_hz / 2"):
        LogMel(highest_hz=5000)


def test_no_augmentation_is_the_clip_itself():
    none = Augmentation(speed=0, warp=0, ends=0, noisy=0)
    samples = noise(3000)
    np.testing.assert_array_equal(variant(samples, MEL, none, np.random.default_rng(0)), decibels(samples, MEL))


def test_variants_differ_and_come_back_from_their_seed():
    one, again, other = (variant(noise(3000), MEL, Augmentation(), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_mask_only_silences_one_band_and_one_stretch():
    images = np.ones((50, 32, 32), np.uint8)
    for image in masked(images, 5, np.random.default_rng(0)):
        rows, columns = (image == 0).all(axis=1), (image == 0).all(axis=0)
        np.testing.assert_array_equal(image == 0, rows[:, None] | columns[None, :])
        for gone in (rows, columns):
            assert gone.sum() <= 5
            assert np.diff(np.flatnonzero(gone)).max(initial=1) == 1


def test_a_shift_moves_in_time_and_fills_with_silence():
    image = np.arange(1, 9, dtype=np.uint8)[None, None, :].repeat(40, axis=0)
    for moved in shifted(image, 3, np.random.default_rng(0)):
        row = moved[0].astype(int)
        step = int(np.flatnonzero(row)[0]) if row[0] == 0 else 1 - int(row[0])
        expected = [x if 1 <= x <= 8 else 0 for x in range(1 - step, 9 - step)]
        assert row.tolist() == expected
        assert abs(step) <= 3
