"""The hours of benchmarks/listening.py: noise at its level, words where they were drawn, and nothing else."""

import numpy as np
from listening import mixture, spoken_seconds


def test_an_hour_is_noise_at_its_level_and_words_in_their_seconds():
    rate = 800
    rng = np.random.default_rng(0)
    noises = [rng.normal(0, 0.3, rate).astype(np.float32), rng.normal(0, 3, rate).astype(np.float32)]
    words = [np.full(rate, 0.5, np.float32)]
    spoken = spoken_seconds(0.1, 130)
    assert spoken.sum() == 13
    minutes = list(mixture(words, noises, rate, spoken))
    assert [len(minute) for minute in minutes] == [60 * rate, 60 * rate, 10 * rate]
    levels = 10 * np.log10((np.concatenate(minutes).reshape(-1, rate) ** 2).mean(axis=1))
    assert ((levels > -10) == spoken).all()
    assert np.abs(levels[~spoken] + 55).max() < 8
    quiet = np.concatenate(list(mixture(words, noises, rate, np.zeros(130, bool))))
    again = np.concatenate(list(mixture(words, noises, rate, np.zeros(130, bool))))
    np.testing.assert_array_equal(quiet, again)
