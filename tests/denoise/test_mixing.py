"""Mixtures have the ratio that was asked for, and layouts of others are read as they are."""

import numpy as np
import pytest
import soundfile

from sim.errors import FileError, InputError
from snn2hw.audio.noise import added
from snn2hw.denoise.layouts import read_noisy
from snn2hw.denoise.mixing import SNRS_DB, Mixing, SpeechAndNoise, drawn, fixed_pairs
from tests.denoise.conftest import RATE, hiss, syllables


def ratio_db(noisy, clean):
    return 10 * np.log10(np.sum(clean.astype(float) ** 2) / np.sum((noisy.astype(float) - clean) ** 2))


@pytest.mark.parametrize("snr_db", [-5, 0, 20, 40])
def test_a_mixture_has_its_ratio(snr_db):
    clean = syllables(0)
    assert ratio_db(added(clean, hiss(0), snr_db), clean) == pytest.approx(snr_db, abs=0.01)


def test_silence_on_either_side_leaves_the_speech_as_it_is():
    clean = syllables(0)
    assert (added(clean, np.zeros_like(clean), 0) == clean).all()
    assert (added(np.zeros_like(clean), clean, 0) == 0).all()


def test_training_mixtures_come_from_the_generator_alone(material):
    one, other, third = (drawn(material, Mixing(), RATE, 4, np.random.default_rng(k)) for k in (1, 1, 2))
    assert (one[0] == other[0]).all()
    assert (one[1] == other[1]).all()
    assert (one[0] != third[0]).any()
    assert one[0].shape == (4, 2 * RATE)


def test_a_share_of_the_mixtures_is_clean(material):
    noisy, clean = drawn(material, Mixing(clean=1.0), RATE, 5, np.random.default_rng(0))
    assert (noisy == clean).all()
    noisy, clean = drawn(material, Mixing(clean=0.0), RATE, 5, np.random.default_rng(0))
    assert (noisy != clean).any(1).all()


def test_fixed_pairs_are_fixed_and_cover_every_ratio(material):
    pairs, again = fixed_pairs(material, RATE, 2, 3), fixed_pairs(material, RATE, 2, 3)
    assert [p.snr_db for p in pairs] == [*SNRS_DB, *SNRS_DB]
    for pair, other in zip(pairs, again, strict=True):
        assert (pair.noisy == other.noisy).all()
        assert ratio_db(pair.noisy, pair.clean) == pytest.approx(pair.snr_db, abs=0.05)
    assert fixed_pairs(SpeechAndNoise(), RATE, 2, 3) == ()


def test_parts_are_read_and_their_test_part_makes_the_pairs(parts):
    speech = read_noisy(parts, RATE)
    assert (len(speech.train.clean), len(speech.train.noise)) == (2, 2)
    assert {p.snr_db for p in speech.validate} == {p.snr_db for p in speech.test} == set(SNRS_DB)


@pytest.mark.parametrize("name", ["validation", "dev"])
def test_parts_have_the_names_that_people_give_them(parts, name):
    usual = read_noisy(parts, RATE)
    for kind in ("clean", "noise"):
        (parts / kind / "val").rename(parts / kind / name)
        (parts / kind / "train").rename(parts / kind / "training")
    speech = read_noisy(parts, RATE)
    assert len(speech.validate) == len(usual.validate) > 0
    assert len(speech.train.clean) == 2


def test_sounds_in_no_part_are_refused(parts):
    (parts / "clean" / "val").rename(parts / "clean" / "spare")
    with pytest.raises(InputError, match=r"spare: 2 sound files in no part  fix: .*train, training, validate, val"):
        read_noisy(parts, RATE)


def test_pairs_that_come_with_the_parts_are_the_test(parts):
    for kind in ("noisy", "clean"):
        (parts / "pairs_test" / kind).mkdir(parents=True)
        soundfile.write(
            parts / "pairs_test" / kind / "000.wav", syllables(0) + (hiss(0) if kind == "noisy" else 0), RATE
        )
    (parts / "pairs_test.csv").write_text("file,snr_db\n000.wav,5\n")
    (pair,) = read_noisy(parts, RATE).test
    assert (pair.name, pair.snr_db) == ("000.wav", 5.0)
    (parts / "pairs_test.csv").write_text("file,other\n000.wav,5\n")
    with pytest.raises(FileError, match=r"no column snr_db \(it has file, other\)"):
        read_noisy(parts, RATE)


def as_microsoft(folder, count, seconds=2.0):
    """Lay out so many sounds of every kind as MS-SNSD does."""
    for kind, make in {"clean": syllables, "noise": hiss}.items():
        for part in ("train", "test"):
            (folder / f"{kind}_{part}").mkdir()
            for k in range(count):
                soundfile.write(folder / f"{kind}_{part}" / f"{k}.wav", make(k, seconds), RATE)


def test_the_layout_of_ms_snsd_is_read(tmp_path):
    as_microsoft(tmp_path, 2)
    speech = read_noisy(tmp_path, RATE)
    assert (speech.name, len(speech.train.clean), len(speech.test)) == ("MS-SNSD", 2, 42)
    few = "2 sounds of speech and 2 of noise, fewer than 10 of each"
    assert speech.notes == (f"{few}: it is validated on the sounds that it is trained on",)
    (tmp_path / "clean_test").rename(tmp_path / "elsewhere")
    assert read_noisy(tmp_path, RATE).notes[1].startswith("there is no test part")


def test_the_layout_of_the_ndns_challenge_is_paired_by_fileid(tmp_path):
    for kind, make in (("clean", syllables), ("noise", hiss)):
        (tmp_path / "training_set" / kind).mkdir(parents=True)
        for k in range(2):
            soundfile.write(tmp_path / "training_set" / kind / f"{kind}_fileid_{k}.wav", make(k), RATE)
    for kind in ("noisy", "clean", "noise"):
        (tmp_path / "validation_set" / kind).mkdir(parents=True)
    for k in range(3):
        sound = syllables(k)
        soundfile.write(tmp_path / "validation_set" / "clean" / f"clean_fileid_{k}.wav", sound, RATE)
        if k < 2:
            name = f"book_1_snr{5 * k}_tl-20_fileid_{k}.wav"
            soundfile.write(tmp_path / "validation_set" / "noisy" / name, sound + hiss(k), RATE)
    speech = read_noisy(tmp_path, RATE)
    assert [(p.snr_db, p.name.endswith(f"fileid_{k}.wav")) for k, p in enumerate(speech.test)] == [(0, True), (5, True)]
    assert not any("validation_set" in note for note in speech.notes)
    (tmp_path / "validation_set" / "noisy").rename(tmp_path / "elsewhere")
    speech = read_noisy(tmp_path, RATE)
    assert speech.test == speech.validate
    assert speech.notes[-1] == "validation_set has no pairs: it is tested on the pairs that it is validated on"


def test_a_tenth_is_held_out_of_ten_sounds(tmp_path):
    as_microsoft(tmp_path, 10, 0.5)
    speech = read_noisy(tmp_path, RATE)
    assert (len(speech.train.clean), len(speech.train.noise), speech.notes) == (9, 9, ())


def test_plain_pairs_give_their_own_noise_to_train_with(tmp_path):
    for kind in ("noisy", "clean"):
        (tmp_path / kind).mkdir()
    for k in range(10):
        sound = syllables(k)
        soundfile.write(tmp_path / "clean" / f"clnsp{k}.wav", sound, RATE)
        soundfile.write(tmp_path / "noisy" / f"noisy{k}_SNRdb_10.0_clnsp{k}.wav", sound + hiss(k), RATE)
    speech = read_noisy(tmp_path, RATE)
    assert (len(speech.train.clean), len(speech.validate), len(speech.test)) == (6, 2, 2)
    assert speech.test[0].snr_db == 10
    assert np.abs(speech.train.noise[0] - hiss(0)).max() < 1e-3


def write_pairs(folder, clean_files, ratios):
    for kind in ("noisy", "clean"):
        (folder / kind).mkdir(exist_ok=True)
    for k in range(clean_files):
        sound = syllables(k, 0.5)
        soundfile.write(folder / "clean" / f"clnsp{k}.wav", sound, RATE)
        for ratio in ratios:
            path = folder / "noisy" / f"noisy{k}_SNRdb_{ratio}_clnsp{k}.wav"
            soundfile.write(path, sound + 10 ** (-ratio / 20) * hiss(k + ratio, 0.5), RATE)


def test_clean_speech_of_several_pairs_is_in_one_part(tmp_path):
    write_pairs(tmp_path, 5, (0, 10, 20))
    speech = read_noisy(tmp_path, RATE)
    of = {name: {p.name.split("clnsp")[1] for p in getattr(speech, name)} for name in ("validate", "test")}
    assert of == {"validate": {"3.wav"}, "test": {"4.wav"}}
    assert (len(speech.train.clean), len(speech.validate), len(speech.test)) == (9, 3, 3)
    heard = {sound.tobytes() for sound in speech.train.clean}
    assert len(heard) == 3
    assert not heard & {p.clean.tobytes() for p in speech.validate + speech.test}


def test_pairs_of_too_few_clean_files_are_refused(tmp_path):
    write_pairs(tmp_path, 4, (0, 10))
    with pytest.raises(InputError, match="pairs of 4 clean files, and none may be in two parts  fix: give 5 or more"):
        read_noisy(tmp_path, RATE)


def test_a_damaged_file_is_named_and_left_out_if_asked(parts):
    (parts / "noise" / "train" / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(FileError, match=r"broken\.wav.*--skip-damaged"):
        read_noisy(parts, RATE)
    speech = read_noisy(parts, RATE, skip_damaged=True)
    assert len(speech.train.noise) == 2
    assert "broken.wav" in speech.notes[0]


def test_a_folder_of_another_kind_is_refused_with_what_it_should_have(tmp_path):
    with pytest.raises(InputError, match="clean_train, noise_train"):
        read_noisy(tmp_path, RATE)


def test_synthetic_voices_need_no_data():
    pytest.importorskip("espeakng_loader")
    speech = read_noisy(None, RATE)
    assert min(len(speech.train.clean), len(speech.train.noise), len(speech.validate), len(speech.test)) > 6
