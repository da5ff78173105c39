"""The corpus that needs no download: the same sound every time, split by voice."""

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.audio import digits
from snn2hw.audio.clip import trimmed
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.digits import ACCENTS, WORDS, spoken_digits
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak, voice_variants


@pytest.fixture(scope="module")
def english():
    return spoken_digits("en", takes=1)


def test_every_voice_says_every_digit(english):
    voices = set(english.speakers)
    assert len(voices) >= 70
    assert len(english) == 10 * len(voices)
    assert np.bincount(english.labels).tolist() == [len(voices)] * 10


def test_no_voice_is_in_both_parts(english):
    parts = {}
    for voice, part in zip(english.speakers, english.parts, strict=True):
        parts.setdefault(voice, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())
    assert 0.15 < sum(found == {"test"} for found in parts.values()) / len(parts) < 0.25


def test_clips_are_heard_and_of_a_length_to_be_words(english):
    seconds = np.array([samples.size / english.rate_hz for samples in english.samples])
    assert seconds.min() > 0.1
    assert seconds.max() < 2.0
    assert all(0.29 < np.abs(samples).max() < 0.96 for samples in english.samples)


def test_digits_are_said_at_the_rate_that_is_asked_for(english):
    twice = spoken_digits("en", takes=1, rate_hz=16000)
    assert (english.rate_hz, twice.rate_hz) == (8000, 16000)
    assert all(abs(long.size - 2 * short.size) <= 2 for long, short in zip(twice.samples, english.samples, strict=True))
    assert all(0.29 < np.abs(samples).max() < 0.96 for samples in twice.samples)


@pytest.mark.parametrize(("asked", "rate_hz"), [(None, 8000), (8000, 8000), (16000, 16000)])
def test_the_door_to_all_corpora_hands_the_rate_on(monkeypatch, english, asked, rate_hz):
    given = []
    monkeypatch.setattr(digits, "spoken_digits", lambda *_, **named: given.append(named["rate_hz"]) or english)
    read_corpus("digits", None, asked)
    assert given == [rate_hz]


def test_two_processes_say_the_same():
    voices = [v for v in voice_variants() if v in ("m1", "f1", "f4", "Andy", "klatt2", "Storm", "f2")]
    assert set(voices) == {"m1", "f1", "f4", "Andy", "klatt2"}, "a voice with breath is never the same twice"
    said = [Utterance(word, f"ru+{voice}", 150) for voice in voices for word in WORDS["ru"]]
    for one, two in zip(speak(said), speak(said), strict=True):
        np.testing.assert_array_equal(one, two)


def test_rate_and_voice_are_heard():
    slow, fast, other = speak(
        [Utterance("seven", "en", 100), Utterance("seven", "en", 220), Utterance("seven", "en+f1", 100)]
    )
    assert fast.size < 0.75 * slow.size
    assert not np.array_equal(slow[: other.size], other[: slow.size])


@pytest.mark.parametrize(
    ("voice", "said"),
    [("tlh-none", "there is no voice 'tlh-none'"), ("en+nobody", "there is no voice variant 'nobody'")],
)
def test_an_unknown_voice_is_refused(voice, said):
    with pytest.raises(InputError, match=said):
        speak([Utterance("one", voice)])


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="choose one of en, ru"):
        spoken_digits("tlh")


def test_trimming_keeps_the_word_and_10_ms_around_it():
    block = RATE_HZ // 100
    word = np.full(30 * block, 0.5, np.float32)
    sound = np.concatenate([np.zeros(20 * block, np.float32), word, np.zeros(15 * block, np.float32)])
    assert trimmed(sound, RATE_HZ).size == 32 * block
    np.testing.assert_array_equal(trimmed(sound[: block // 2], RATE_HZ), sound[: block // 2])


def test_a_voice_speaks_in_several_accents():
    plain, accented = (spoken_digits("en", takes=1, accents=accents) for accents in ((), ACCENTS))
    assert (plain.name, accented.name) == ("digits-en", "digits-en-accents")
    assert plain.names == accented.names
    same = [a.size == b.size and (a == b).all() for a, b in zip(plain.samples, accented.samples, strict=True)]
    first = np.array([plain.speakers.index(speaker) // 10 for speaker in plain.speakers]) % len(ACCENTS)
    assert not any(same[k] for k in np.flatnonzero(first == 0)), "American"
    assert accented.columns["accent"] == tuple(ACCENTS[k] for k in first)
    assert not plain.columns


@pytest.mark.parametrize(("word", "phonemes"), [("two", "[[t'u:]]"), ("five", "[[f'aIv]]")])
def test_a_word_by_its_phonemes_is_that_word(word, phonemes):
    (written,), (spelt,) = (speak([Utterance(text, "en-us+m3")]) for text in (word, phonemes))
    assert np.array_equal(written, spelt)
