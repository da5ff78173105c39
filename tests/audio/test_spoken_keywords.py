"""Keywords that need no download: twelve classes, a second each, the same to the sample, split by voice."""

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import joined, official
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak
from snn2hw.audio.noise import coloured_noise
from snn2hw.audio.speech_commands import KEYWORDS, SILENCE, UNKNOWN
from snn2hw.audio.spoken_keywords import COMMANDS, OTHERS, QUIET_DB, in_a_second, spoken_keywords

HZ = 16000


@pytest.fixture(scope="module", params=["en", "ru"])
def corpus(request):
    return spoken_keywords(request.param, HZ, takes=1)


def test_the_words():
    assert COMMANDS["en"] == KEYWORDS[:10]
    for language in ("en", "ru"):
        assert len(set(COMMANDS[language])) == 10
        assert len(set(OTHERS[language])) >= 20
        assert not set(COMMANDS[language]) & set(OTHERS[language])


def test_every_voice_says_every_class(corpus):
    voices = set(corpus.speakers)
    assert len(voices) >= 70
    assert corpus.classes[-2:] == (UNKNOWN, SILENCE)
    assert len(corpus.classes) == 12
    assert np.bincount(corpus.labels).tolist() == [len(voices)] * 12


def test_many_other_words_are_unknown(corpus):
    said = {name.split("_")[0] for name, label in zip(corpus.names, corpus.labels, strict=True) if label == 10}
    assert said == set(OTHERS[corpus.name.removeprefix("keywords-")])


def test_no_voice_is_in_two_parts(corpus):
    split = official(corpus)
    parts = [{corpus.speakers[i] for i in part} for part in split]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert 0.15 < len(parts[2]) / len(set(corpus.speakers)) < 0.25
    assert 0.05 < len(parts[1]) / len(set(corpus.speakers)) < 0.15


def test_a_clip_lasts_a_second_and_its_length_says_nothing(corpus):
    assert {samples.size for samples in corpus.samples} == {HZ}
    assert all(np.isfinite(samples).all() and np.abs(samples).max() <= 1 for samples in corpus.samples)


def test_silence_is_as_loud_as_the_noise_around_a_word(corpus):
    """Quietest tenth of a second of each clip: a word does not fill its second."""
    blocks = [np.sqrt(np.square(samples.reshape(-1, HZ // 10)).mean(1).min()) for samples in corpus.samples]
    level = 20 * np.log10(np.array(blocks))
    silent = corpus.labels == 11
    assert abs(level[silent].mean() - level[~silent].mean()) < 6
    assert QUIET_DB[0] - 12 < level[silent].min()
    assert level[silent].max() < QUIET_DB[1] + 6


def test_another_process_says_the_same(corpus):
    assert spoken_keywords(corpus.name.removeprefix("keywords-"), HZ, takes=1).digest == corpus.digest


def test_a_word_lies_in_its_noise_as_it_was_said():
    (word,) = speak([Utterance("stop", "en+m1", 160)])
    plain = in_a_second(word, HZ, 0.5, None, np.random.default_rng(3))
    noisy = in_a_second(word, HZ, 0.5, -40.0, np.random.default_rng(3))
    at = np.flatnonzero(plain)
    assert np.abs(plain).max() == np.float32(0.5)
    assert at[0] > 0
    assert np.sqrt(np.square(noisy - plain).mean()) == pytest.approx(0.01, rel=1e-3)


def test_a_word_of_more_than_a_second_is_cut_at_its_end():
    long = np.random.default_rng(0).uniform(-1, 1, 2 * RATE_HZ).astype(np.float32)
    assert in_a_second(long, HZ, 0.5, None, np.random.default_rng(0)).size == HZ


def test_coloured_noise_has_its_power_and_its_colour():
    white, brown = (coloured_noise(4096, slope, np.random.default_rng(0)) for slope in (0.0, -2.0))
    for noise in (white, brown):
        assert np.square(noise).mean() == pytest.approx(1)
    power = np.abs(np.fft.rfft(brown)[1:]) ** 2 / np.abs(np.fft.rfft(white)[1:]) ** 2
    falls = power * np.arange(1, power.size + 1) ** 2.0
    assert falls == pytest.approx(falls[0], rel=1e-6)


def test_it_is_read_by_its_name_at_any_rate_and_beside_the_recorded_words():
    corpus = read_corpus("keywords", None, 8000)
    assert corpus.rate_hz == 8000
    assert {samples.size for samples in corpus.samples} == {8000}
    assert corpus.classes == KEYWORDS
    assert set(joined(corpus, corpus).parts) == {"train", "validate", "test"}


def test_what_cannot_be_said_is_refused(tmp_path):
    with pytest.raises(InputError, match="choose one of en, ru"):
        spoken_keywords("tlh", HZ)
    with pytest.raises(InputError, match="keywords-ru are synthesised"):
        read_corpus("keywords-ru", tmp_path)
    with pytest.raises(InputError, match="no folder given"):
        read_corpus("speech-commands")
