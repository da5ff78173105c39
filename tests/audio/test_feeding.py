"""What a network is fed of clips, by a front.json or by a program file; clips in noise at a ratio."""

import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from exporters.program_file import read_program_file, write_program
from sim.engines import run
from sim.errors import InputError
from snn2hw.audio.feeding import feeding_of
from snn2hw.audio.front import read_front, to_json
from snn2hw.audio.hear import Listener, ear_of
from snn2hw.audio.noise import in_noise
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster
from snn2hw.purpose import purpose_attachment, purpose_of_front
from snn2hw.zoo import located

RATE = 8000


def tones(count, seconds=0.4):
    random, t = np.random.default_rng(0), np.arange(round(RATE * seconds)) / RATE
    return [(0.1 * np.sin(2 * np.pi * random.uniform(200, 3000) * t)).astype(np.float32) for _ in range(count)]


def test_a_program_is_fed_what_it_hears_when_it_listens():
    feeding, found = feeding_of("zoo:digits"), read_program_file(located("zoo:digits"))
    ear, clips = ear_of(found, ""), tones(6)
    raster = feeding.raster(clips)
    assert raster.shape == (6, ear.frames, 1, 1, ear.front.width)
    said = run(found.program, raster, engine="fast", record=()).output.sum(axis=1)
    for clip, total in zip(clips, said, strict=True):
        listener = Listener(found, ear)
        listener.push(clip)
        assert listener.end().label == ear.classes[total.argmax()]
        assert (listener._scores.total == total).all()
    assert feeding.classes == ear.classes
    assert len({tuple(total) for total in said}) > 1


def test_of_a_longer_clip_a_program_hears_the_loudest_stretch():
    ear = ear_of(read_program_file(located("zoo:digits")), "")
    spec = ear.front.spectra
    span = spec.window + (ear.frames - 1) * spec.hop
    quiet = np.full(3 * spec.hop, 1e-4, np.float32)
    loud = np.tile(tones(1)[0], 4)[:span]
    long, alone = feeding_of("zoo:digits").raster([np.concatenate([quiet, loud, quiet]), loud])
    assert (long[1:] == alone[1:]).mean() > 0.99  # the first sample is emphasised over silence


@pytest.fixture
def image_front(tmp_path):
    from snn2hw.audio.front import FrontEnd
    from snn2hw.audio.logmel import LogMel, Normaliser
    from snn2hw.codec.encode import Encoder

    normaliser = Normaliser((-80.0,) * 32, (0.0,) * 32, 31)
    front = FrontEnd(LogMel(), normaliser, Encoder("direct", 4, 31), "max", ("a", "b"))
    (tmp_path / "front.json").write_text(to_json(front))
    return tmp_path / "front.json"


def test_a_program_of_images_is_fed_as_its_front_json_says(image_front, tmp_path):
    found = read_program_file(located("zoo:digits"))
    purpose = purpose_of_front(image_front.read_text())
    write_program(found.program, tmp_path / "p.nir", attachments=purpose_attachment(purpose))
    ours, theirs = feeding_of(str(tmp_path / "p.nir")), feeding_of(str(image_front))
    assert (ours.raster(tones(2)) == theirs.raster(tones(2))).all()
    assert (ours.classes, ours.decoder, ours.identity) == (("a", "b"), "max", theirs.identity)
    assert read_front(image_front).classes == theirs.classes


def test_noise_lies_so_far_below_every_clip_and_depends_on_its_place_alone():
    clips = tones(3)
    noisy = in_noise(clips, 5.0, (), 0)
    for clip, found in zip(clips, noisy, strict=True):
        noise = found.astype(np.float64) - clip
        assert 10 * np.log10(np.square(clip, dtype=np.float64).sum() / np.square(noise).sum()) == pytest.approx(
            5, abs=1e-3
        )
    again, other = in_noise(clips[:2], 5.0, (), 0), in_noise(clips, 5.0, (), 1)
    assert all((a == b).all() for a, b in zip(again, noisy, strict=False))
    assert (other[0] != noisy[0]).any()
    hum = np.sin(np.arange(900, dtype=np.float32))
    apart = in_noise(clips, 5.0, [hum], 0)[0] - clips[0]
    assert np.abs(apart).max() < 1.5 * np.sqrt(2 * np.mean(np.square(apart)))  # a sine, no noise by formula


@pytest.fixture
def words(tmp_path):
    for k, clip in enumerate(tones(20)):
        folder = tmp_path / "words" / feeding_of("zoo:digits").classes[k % 10]
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{k}.wav", clip, RATE)
    return tmp_path / "words"


def test_encode_takes_a_program_and_noise(words, tmp_path, capsys):
    command = ["encode", "folder", "--data", str(words), "--front", "zoo:digits", "--part", "all"]
    noise = tmp_path / "noise"
    noise.mkdir()
    soundfile.write(noise / "hum.wav", tones(1)[0], RATE)
    rasters = []
    for name, more in (("plain", []), ("pink", ["--snr-db", "0"]), ("hum", ["--snr-db", "0", "--noise", str(noise)])):
        assert main([*command, *more, "-o", str(tmp_path / f"{name}.npz")]) == 0
        raster = read_raster(tmp_path / f"{name}.npz")
        rasters.append(raster.spikes)
        in_order = sorted(feeding_of("zoo:digits").classes)  # of the folder, whose names come eight, five, four, ..
        assert [in_order[k // 2] for k in range(20)] == [feeding_of("zoo:digits").classes[k] for k in raster.labels]
    assert all((a != b).any() for a, b in pairwise(rasters))
    capsys.readouterr()
    assert main(["run", "zoo:digits", "--input", str(tmp_path / "pink.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--noise x", "nothing says how loud it is  fix: add --snr-db DB"),
        ("--snr-db nan", "--snr-db nan  fix: give decibels"),
        ("--snr-db 3 --noise nowhere", "nowhere: no such folder"),
        ("--front zoo:denoise", "zoo:denoise: does not say which front end feeds it"),
        ("--front zoo:digit", "there is no such program in the zoo"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(options, said, words, tmp_path, capsys):
    command = ["encode", "folder", "--data", str(words), "--front", "zoo:digits", "--part", "all"]
    assert main([*command, *options.split(), "-o", str(tmp_path / "x.npz")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x.npz").exists()


def test_an_error_names_the_file(tmp_path):
    (tmp_path / "front.json").write_text("{}")
    with pytest.raises(InputError, match=r"front\.json"):
        feeding_of(str(tmp_path / "front.json"))
