"""Denoising as it streams: nothing lost by the window, pieces as the whole, a flat memory, a command."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import soundfile

from exporters.program_file import ProgramFile, read_program_file, write_program
from sim.errors import FileError, InputError
from snn2hw.commands import main
from snn2hw.denoise.mask_front import mask_front_to
from snn2hw.denoise.scores import si_snr
from snn2hw.denoise.stream import Denoiser, denoised, hearing_of
from snn2hw.schemas import get_schema
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


@pytest.fixture
def spoken(tmp_path, trained):
    """Lay out a program, a noisy sound and the clean one; return the words of the command."""
    clean = syllables(2)
    write_program(trained.program, tmp_path / "p.nir", attachments=trained.attachments)
    soundfile.write(tmp_path / "in.wav", clean + hiss(2), RATE)
    soundfile.write(tmp_path / "clean.wav", clean, RATE)
    return ["denoise", *(str(tmp_path / name) for name in ("p.nir", "in.wav", "out.wav")), "--clean"]


def test_it_is_scored_before_and_after(spoken, tmp_path, capsys):
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    from snn2hw.denoise.scores import pesq_of, stoi_of

    assert main([*spoken, str(tmp_path / "clean.wav"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    jsonschema.validate(answer, get_schema(answer["schema"]))
    clean, noisy, out = (soundfile.read(tmp_path / f"{x}.wav", dtype="float32")[0] for x in ("clean", "in", "out"))
    for name, score in (("pesq", pesq_of), ("stoi", stoi_of)):
        assert answer[name]["noisy"] == pytest.approx(score(noisy, clean, RATE))
        assert answer[name]["denoised"] == pytest.approx(score(out, clean, RATE))
    assert answer["si_snr_db"]["denoised"] == pytest.approx(si_snr(out, clean))


def test_scores_whose_libraries_are_missing_are_named_once(spoken, tmp_path, capsys, monkeypatch):
    import sys

    for name in ("pesq", "pystoi"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([*spoken, str(tmp_path / "clean.wav")]) == 0
    said = capsys.readouterr().out
    assert said.count("snn2hw[scores]") == 1
    assert 'no PESQ and STOI: pip install "snn2hw[scores]"' in said
    assert "SI-SNR" in said


def test_a_clean_sound_of_another_length_is_refused_before_anything_is_written(spoken, tmp_path, capsys):
    soundfile.write(tmp_path / "short.wav", syllables(2)[:-100], RATE)
    assert main([*spoken, str(tmp_path / "short.wav")]) == 2
    assert "give the speech that is in the sound" in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()


def test_a_sound_at_another_rate_is_scored(spoken, tmp_path, capsys):
    for name in ("in", "clean"):
        sound, _ = soundfile.read(tmp_path / f"{name}.wav")
        soundfile.write(tmp_path / f"{name}.wav", sound, 22050)
    assert main([*spoken, str(tmp_path / "clean.wav")]) == 0
    assert "SI-SNR" in capsys.readouterr().out
