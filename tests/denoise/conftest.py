"""Noisy speech of a few seconds, and programs that say a mask."""

import numpy as np
import pytest
import soundfile

from exporters.program_file import ProgramFile
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.denoise.mask_front import MaskFront
from snn2hw.denoise.mixing import SpeechAndNoise
from snn2hw.denoise.stream import Hearing

RATE = 16000


def syllables(seed, seconds=2.0):
    """Return something with the rhythm of speech: a gliding tone with harmonics that comes and goes."""
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 1.3 * t + random.uniform(0, 6))) / RATE
    voice = sum(np.sin(k * pitch) / k for k in range(1, 15))
    loud = np.maximum(0, np.sin(2 * np.pi * 3 * t + random.uniform(0, 6)))
    return (0.1 * voice * loud).astype(np.float32)


def hiss(seed, seconds=2.0):
    return (0.05 * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


@pytest.fixture
def material():
    return SpeechAndNoise(tuple(syllables(k) for k in range(4)), tuple(hiss(k) for k in range(3)))


@pytest.fixture
def parts(tmp_path):
    """Lay out speech and noise in parts, with no fixed pairs."""
    for k, part in enumerate(("train", "val", "test")):
        for kind, make in (("clean", syllables), ("noise", hiss)):
            folder = tmp_path / "data" / kind / part / "someone"
            folder.mkdir(parents=True)
            for j in range(2):
                soundfile.write(folder / f"{j}.wav", make(10 * k + j), RATE)
    return tmp_path / "data"


def said_mask(front, value):
    """Return a program that says the same mask for every frame whatever it hears, and what it means."""
    n = front.spectra.bands
    readout = Population(
        "readout",
        (n,),
        (Connection("input", Dense(np.zeros((n, front.features), int))),),
        fires=False,
        dv=4095,
        bias_mantissa=round(60 * value),
        bias_exponent=6,
    )
    program = Program(Input((front.features,), -front.limit, front.limit), (readout,))
    return ProgramFile(program, {}), Hearing(front, 60 * 64.0)


@pytest.fixture
def front():
    return MaskFront()
