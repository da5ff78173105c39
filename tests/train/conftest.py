"""Norse is imported before the tests do, and torch keeps to one thread."""

import numpy as np
import pytest
import soundfile
import torch

import tests.norse_first  # noqa: F401
from snn2hw.audio.corpora import read_corpus
from tests.train.tones import write_tones

RATE_HZ = 8000

torch.set_num_threads(1)  # small networks lose by more, and the most where other work shares the cores


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Two words of three tones each, by ten speakers."""
    monkeypatch.setenv("SNN2HW_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for part, speakers in (("train", 12), ("test", 5)):
        for word, tones in (("down", (2000, 1000, 500)), ("up", (500, 1000, 2000))):
            folder = tmp_path / "words" / part / word
            folder.mkdir(parents=True)
            for k in range(speakers):
                time = np.arange(RATE_HZ // 10) / RATE_HZ
                sound = np.concatenate([np.sin(2 * np.pi * hz * random.uniform(0.9, 1.1) * time) for hz in tones])
                soundfile.write(folder / f"{k}.wav", 0.5 * sound + random.normal(0, 0.01, sound.size), RATE_HZ)
    return tmp_path / "words"


@pytest.fixture(scope="session")
def short_tones(tmp_path_factory):
    """Return the table of high and low tones at 8 kHz."""
    return write_tones(tmp_path_factory.mktemp("tones"), rate_hz=RATE_HZ, samples=3000)


@pytest.fixture(scope="session")
def short_corpus(short_tones):
    return read_corpus("folder", short_tones, RATE_HZ)
