"""Layouts with more to say than words, trained by the command: a speaker's attribute, and phones of sentences."""

import json

import numpy as np
import pytest
import soundfile

from snn2hw.commands import main
from snn2hw.train.relevance import read_stream, relevance
from snn2hw.train.stream_fit import answers_to

RATE = 16000
PITCHES = {"female": 210.0, "male": 110.0}
FORMANTS = ((500.0, 1500.0), (300.0, 2300.0))
"""Of the digits 0 and 1."""


def voice(pitch, formants, random, seconds=0.4):
    """Return a voiced sound: harmonics of a pitch, loud near two formants."""
    t = np.arange(round(seconds * RATE)) / RATE
    pitch *= random.uniform(0.92, 1.08)
    sound = np.zeros(t.size)
    for k in range(1, int(4000 / pitch)):
        loud = sum(np.exp(-(((k * pitch - f) / 250.0) ** 2)) for f in formants) + 0.3 * (k <= 2)
        sound += loud * np.sin(2 * np.pi * k * pitch * t + random.uniform(0, 6))
    return 0.3 * sound / np.abs(sound).max() + random.normal(0, 0.002, t.size)


@pytest.fixture(scope="module")
def spoken_digits(tmp_path_factory):
    """A set in the shape of AudioMNIST: ten speakers, two digits, three takes."""
    root, random = tmp_path_factory.mktemp("audiomnist"), np.random.default_rng(0)
    about = {}
    for k in range(1, 11):
        gender = "male" if k % 2 == 0 else "female"
        about[f"{k:02d}"] = {"gender": gender, "age": "30", "accent": "none"}
        (root / "data" / f"{k:02d}").mkdir(parents=True)
        for digit, formants in enumerate(FORMANTS):
            for take in range(3):
                path = root / "data" / f"{k:02d}" / f"{digit}_{k:02d}_{take}.wav"
                soundfile.write(path, voice(PITCHES[gender], formants, random), RATE)
    (root / "data" / "audioMNIST_meta.txt").write_text(json.dumps(about))
    return root


@pytest.mark.parametrize("label", [pytest.param("digit", marks=pytest.mark.full), "gender"])
def test_digits_and_an_attribute_of_the_speaker_are_learnt(label, spoken_digits, tmp_path):
    run = tmp_path / label
    sizes = ("--size", "small", "--epochs", "10", "--batch", "12", "--rate", "0.01")
    command = ["train", "audiomnist", "--data", str(spoken_digits), "--label", label, "-o", str(run), *sizes]
    assert main([*command, "--class-weights", "balanced"]) == 0
    summary = json.loads((run / "summary.json").read_text())
    counts = np.array(summary["confusion"])
    assert summary["classes"] == (["0", "1"] if label == "digit" else ["female", "male"])
    assert counts.sum(1).tolist() == [6, 6]  # speakers 05 and 10, one of each
    assert counts.trace() >= 10
    assert summary["accuracy"]["test"]["integer"]["right"] >= 10
    take = spoken_digits / "data" / "05" / "0_05_0.wav"
    assert main(["relevance", str(run / "last.pt"), str(take), "-o", str(run / "x.png")]) == 0
    assert (run / "x.png").read_bytes().startswith(b"\x89PNG")
    model, recipe = read_stream(run / "last.pt", 2)
    from snn2hw.audio.clip import read_clip
    from snn2hw.audio.mel_stream import heard

    messages = heard(read_clip(take, RATE).samples, recipe.front)
    chosen = int(answers_to(model, recipe, messages[None])[0].argmax())
    assert np.abs(relevance(model, recipe, messages, chosen)).sum() > 0


def test_phones_of_sentences_are_learnt(tmp_path):
    """Two vowels and silence, in the shape of TIMIT."""
    random = np.random.default_rng(1)
    for part, speakers in (("TRAIN", ("FAAA0", "MBBB0", "FDDD0")), ("TEST", ("MCCC0",))):
        for speaker in speakers:
            folder = tmp_path / "timit" / part / "DR1" / speaker
            folder.mkdir(parents=True)
            pitch = PITCHES["female" if speaker[0] == "F" else "male"]
            for k in range(3):
                hush = random.normal(0, 0.002, 2400)
                pieces, phones = [hush], ["h#"]
                for vowel in random.permutation([0, 1, 0, 1]):
                    pieces.append(voice(pitch, FORMANTS[vowel], random, 0.15))
                    phones.append(("ao", "iy")[vowel])
                ends = np.cumsum([piece.size for piece in pieces])
                lines = [f"{end - p.size} {end} {name}" for end, p, name in zip(ends, pieces, phones, strict=True)]
                soundfile.write(folder / f"SX{k}.wav", np.concatenate(pieces), RATE)
                (folder / f"SX{k}.phn").write_text("\n".join(lines) + "\n")
    run = tmp_path / "run"
    command = ["train", "timit", "--data", str(tmp_path / "timit"), "-o", str(run), "--size", "small", "--rate", "0.01"]
    assert main([*command, "--epochs", "10", "--batch", "9"]) == 0
    summary = json.loads((run / "summary.json").read_text())
    counts = np.array(summary["confusion"])
    assert counts.shape == (39, 39)
    assert counts.sum() == 15
    names = summary["classes"]
    assert {names[k] for k in np.flatnonzero(counts.sum(1))} == {"aa", "iy", "sil"}
    assert counts.trace() >= 11
