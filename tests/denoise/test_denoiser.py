"""Denoising as it streams: nothing lost by the window, pieces as the whole, a flat memory, a command."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from exporters.program_file import ProgramFile, read_program_file, write_program
from sim.errors import FileError, InputError
from snn2hw.commands import main
from snn2hw.denoise.mask_front import mask_front_to
from snn2hw.denoise.scores import si_snr
from snn2hw.denoise.stream import Denoiser, denoised, hearing_of
from tests import growth
from tests.denoise.conftest import RATE, hiss, said_mask, syllables


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 5000, 32000])
def test_a_mask_of_one_gives_the_sound_back(front, size):
    sound = (syllables(0) + hiss(0))[:size]
    assert np.abs(denoised(sound, *said_mask(front, 1.0)) - sound).max() < 1e-6


def test_a_smaller_mask_makes_it_quieter_and_least_is_the_least(front):
    sound = syllables(0) + hiss(0)
    half = denoised(sound, *said_mask(front, 0.5))
    assert np.abs(half - sound / 2).max() < 1e-6
    least = denoised(sound, *said_mask(front, -1.0))
    assert np.abs(least - front.least * sound).max() < 1e-6


@pytest.fixture
def trained(front):
    """Return a program with random weights, which says another mask at every frame; masks close slowly."""
    from sim.program import Connection, Dense, Input, Population, Program

    random = np.random.default_rng(0)
    weight = random.integers(-20, 21, (64, front.features))
    hidden = Population("hidden", (64,), (Connection("input", Dense(weight)),), vth=400, du=2000, dv=1000)
    spoken = Connection("hidden", Dense(random.integers(-60, 61, (64, 64))), lag=2)
    readout = Population("readout", (64,), (spoken,), fires=False, du=4095, dv=1500, bias_mantissa=60, bias_exponent=6)
    program = Program(Input((front.features,), -front.limit, front.limit), (hidden, readout))
    attachment = {"front": mask_front_to(replace(front, release=0.4, bypass=0.5)), "one": 6000.0}
    return ProgramFile(program, {"denoise": attachment})


@pytest.mark.parametrize("pieces", [2, 7, 100])
def test_a_sound_in_pieces_is_denoised_as_the_whole(trained, pieces):
    sound, hearing = syllables(1) + hiss(1), hearing_of(trained, "p.nir")
    whole, run = denoised(sound, trained, hearing), Denoiser(trained, hearing)
    parts = [run.push(part) for part in np.array_split(sound, pieces)]
    assert np.abs(whole - sound).max() > 1e-3
    assert (np.concatenate([*parts, run.end()]) == whole).all()


def test_memory_does_not_grow_with_the_sound(trained):
    run = Denoiser(trained, hearing_of(trained, "p.nir"))
    sound = syllables(1) + hiss(1)

    def held():
        return sum(a.nbytes for a in run._run._kept) + run._frames._rest.nbytes + run._waiting.nbytes

    growth.assert_none(run.push, sound, held)


def test_the_command_writes_as_many_samples_as_it_read(tmp_path, trained, capsys):
    clean = syllables(2)
    write_program(trained.program, tmp_path / "p.nir", attachments=trained.attachments)
    soundfile.write(tmp_path / "in.wav", clean + hiss(2), RATE)
    soundfile.write(tmp_path / "clean.wav", clean, RATE)
    words = [str(tmp_path / name) for name in ("p.nir", "in.wav", "out.wav")]
    assert main(["denoise", *words, "--clean", str(tmp_path / "clean.wav")]) == 0
    said = capsys.readouterr().out
    out, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert (out.size, rate_hz) == (clean.size, RATE)
    noisy = soundfile.read(tmp_path / "in.wav", dtype="float32")[0]
    here = denoised(noisy, trained, hearing_of(trained, ""))
    assert np.abs(out - here).max() <= 0.51 / 32768
    assert f"then {si_snr(out, soundfile.read(tmp_path / 'clean.wav', dtype='float32')[0]):.2f} dB" in said


def test_what_does_not_denoise_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match=r"p\.nir: does not say how it denoises"):
        hearing_of(ProgramFile(trained.program, {}), "p.nir")
    wrong = {"denoise": {**trained.attachments["denoise"], "one": 0}}
    with pytest.raises(FileError, match="train the program again"):
        hearing_of(ProgramFile(trained.program, wrong), "p.nir")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, trained, capsys):
    write_program(trained.program, tmp_path / "p.nir", attachments=trained.attachments)
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), RATE)
    assert main(["denoise", str(tmp_path / "p.nir"), str(tmp_path / "silent.wav"), str(tmp_path / "out.wav")]) == 2
    assert "is digital silence" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == []
    assert main(["denoise", str(tmp_path / "p.nir"), str(tmp_path / "silent.wav"), str(tmp_path / "out.mp3")]) == 2
    assert "name it .wav or .flac" in capsys.readouterr().err


def test_a_program_file_keeps_how_it_denoises(tmp_path, trained):
    write_program(trained.program, tmp_path / "p.nir", attachments=trained.attachments)
    assert hearing_of(read_program_file(tmp_path / "p.nir"), "") == hearing_of(trained, "")
