"""Every broken file is refused with its name; every other file comes out mono and at the rate asked for."""

import numpy as np
import pytest
import soundfile

from sim.errors import FileError
from snn2hw.audio.clip import read_clip, sound_pieces, stored_rate_hz
from snn2hw.audio.shortfall import shortfall
from snn2hw.commands import main

RATE_HZ = 8000


def tone(seconds, rate_hz=RATE_HZ, hz=440.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_reads_the_formats_people_have(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(0.5), RATE_HZ)
    clip = read_clip(path, RATE_HZ)
    assert clip.samples.dtype == np.float32
    assert clip.samples.shape == (4000,)
    assert clip.changes == ()


def test_mixes_channels_and_says_so(tmp_path):
    left, right = tone(0.5), tone(0.5, hz=880.0)
    soundfile.write(tmp_path / "s.wav", np.stack([left, right], 1), RATE_HZ, subtype="FLOAT")
    clip = read_clip(tmp_path / "s.wav", RATE_HZ)
    np.testing.assert_array_equal(clip.samples, (left + right) / np.float32(2))
    assert clip.changes == ("2 channels mixed to one",)


def test_resamples_and_says_so(tmp_path):
    soundfile.write(tmp_path / "r.wav", tone(0.5, 44100), 44100)
    clip = read_clip(tmp_path / "r.wav", RATE_HZ)
    assert clip.changes == ("resampled from 44100 to 8000 Hz",)
    spectrum = np.abs(np.fft.rfft(clip.samples))
    assert np.fft.rfftfreq(clip.samples.size, 1 / RATE_HZ)[spectrum.argmax()] == 440.0


@pytest.mark.parametrize(
    "read", [lambda path: read_clip(path, RATE_HZ), stored_rate_hz, lambda path: list(sound_pieces(path, RATE_HZ))]
)
def test_what_is_said_of_a_damaged_file_is_the_same_every_time(tmp_path, read):
    path = tmp_path / "torn.wav"
    path.write_bytes(b"RIFF nothing")
    with pytest.raises(FileError) as error:
        read(path)
    assert error.value.what == f"{path}: not a readable sound file (Format not recognised)"


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(0), "holds no samples"),
        (np.zeros(4000), "is digital silence"),
        (tone(0.02), "lasts 0.020 s, a word needs 0.05 s"),
        (np.full(4000, np.nan), "holds samples that are not finite"),
    ],
)
def test_refuses_what_holds_no_word(tmp_path, samples, said):
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(FileError) as error:
        read_clip(path, RATE_HZ)
    assert error.value.what == f"{path}: {said}"
    assert error.value.fix == "remove it, or replace it by a good copy"


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"no sound at all" * 100])
def test_refuses_what_is_no_sound_file(tmp_path, content):
    path = tmp_path / "torn.wav"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"torn\.wav: not a readable sound file"):
        read_clip(path, RATE_HZ)


def test_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"gone\.wav: not a readable sound file"):
        read_clip(tmp_path / "gone.wav", RATE_HZ)


def test_a_file_cut_to_a_third_is_played_and_said_to_be_short(tmp_path, capsys):
    whole, cut = tmp_path / "whole.wav", tmp_path / "cut.wav"
    soundfile.write(whole, tone(1.5, 16000), 16000)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    said = "holds 15970 of the 48000 bytes of sound that its header promises"
    clip = read_clip(cut, 16000)
    assert clip.samples.size == 7985
    assert clip.changes == (said,)
    assert main(["listen", "zoo:keywords", str(cut), str(whole)]) == 0
    assert capsys.readouterr().err == f"note: {cut}: {said}\n"


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF])
def test_a_recorder_that_did_not_know_the_length_promised_nothing(tmp_path, promised):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.5), RATE_HZ)
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:at] + promised.to_bytes(4, "little") + data[at + 4 :])
    assert shortfall(path) is None


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\x04\0\0\0WAVE", b"RIFF\x04\0\0\0WAVEfmt \xff\xff\xff\xff", b"fLaC"]
)
def test_a_file_without_sound_promises_none(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert shortfall(tmp_path / "a.wav") is None


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_pieces_of_a_sound_are_the_sound(tmp_path, suffix):
    random = np.random.default_rng(0)
    soundfile.write(tmp_path / f"x{suffix}", random.normal(0, 0.1, (150_000, 2)), 16000)
    pieces = list(sound_pieces(tmp_path / f"x{suffix}", 16000))
    assert max(map(len, pieces)) < 70_000
    assert (np.concatenate(pieces) == read_clip(tmp_path / f"x{suffix}", 16000).samples).all()


def test_pieces_at_another_rate_are_as_long_as_the_clip(tmp_path):
    t = np.arange(150_000) / 16000
    soundfile.write(tmp_path / "x.wav", 0.5 * np.sin(2 * np.pi * 440 * t), 16000)
    joined, whole = np.concatenate(list(sound_pieces(tmp_path / "x.wav", 8000))), read_clip(tmp_path / "x.wav", 8000)
    assert joined.size == whole.samples.size
    assert np.abs(joined - whole.samples).max() < 1e-3


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(16000), "is digital silence"),
        (np.ones(100), "lasts 0.006 s"),
        (np.zeros(0), "holds no samples"),
        (np.full(16000, np.nan), "not finite"),
    ],
)
def test_pieces_are_refused_as_clips_are(tmp_path, samples, said):
    soundfile.write(tmp_path / "x.wav", samples.astype(np.float32), 16000, subtype="FLOAT")
    with pytest.raises(FileError, match=said) as by_pieces:
        list(sound_pieces(tmp_path / "x.wav", 16000))
    with pytest.raises(FileError, match=said) as at_once:
        read_clip(tmp_path / "x.wav", 16000)
    assert str(by_pieces.value) == str(at_once.value)
