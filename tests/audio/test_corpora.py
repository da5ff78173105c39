"""Corpora from folders: labels, speakers and parts come from names; splits never share a clip."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from sim.errors import FileError, InputError
from snn2hw.audio.corpus import Corpus, holdout, joined, leave_out, official
from snn2hw.audio.folder import read_folder, read_sounds
from snn2hw.audio.fsdd import read_fsdd

RATE_HZ = 8000


def write(path, seed=0, rate_hz=RATE_HZ):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, rate_hz // 4), rate_hz)


@pytest.fixture
def fsdd_folder(tmp_path):
    for digit in range(10):
        for speaker in ("ann", "bob"):
            for take in (0, 4, 5, 49):
                write(tmp_path / "recordings" / f"{digit}_{speaker}_{take}.wav", seed=digit)
    (tmp_path / "README.md").write_text("not a recording")
    return tmp_path


def test_fsdd_takes_0_to_4_are_the_test_part(fsdd_folder):
    corpus = read_fsdd(fsdd_folder)
    assert len(corpus) == 80
    assert {name.split("_")[2]: part for name, part in zip(corpus.names, corpus.parts, strict=True)} == {
        "0.wav": "test",
        "4.wav": "test",
        "5.wav": "train",
        "49.wav": "train",
    }
    assert [int(name[0]) for name in corpus.names] == corpus.labels.tolist()


def test_fsdd_is_found_with_and_without_its_recordings_folder(fsdd_folder):
    assert read_fsdd(fsdd_folder).digest == read_fsdd(fsdd_folder / "recordings").digest


def test_fsdd_says_what_it_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"no file called DIGIT_SPEAKER_TAKE\.wav"):
        read_fsdd(tmp_path)


def test_the_digest_changes_with_one_sample(fsdd_folder):
    before = read_fsdd(fsdd_folder).digest
    write(fsdd_folder / "recordings" / "0_ann_0.wav", seed=99)
    assert read_fsdd(fsdd_folder).digest != before


def test_leaving_a_speaker_out_tests_on_that_speaker_alone(fsdd_folder):
    corpus = read_fsdd(fsdd_folder)
    split = leave_out(corpus, "bob")
    assert {corpus.speakers[i] for i in split.test} == {"bob"}
    assert {corpus.speakers[i] for i in split.train} == {"ann"}


def test_an_unknown_speaker_is_answered_with_the_known_ones(fsdd_folder):
    with pytest.raises(InputError, match="name one of: ann, bob"):
        leave_out(read_fsdd(fsdd_folder), "eve")


def test_holdout_takes_some_of_every_class_and_nothing_from_the_test_part(fsdd_folder):
    corpus = read_fsdd(fsdd_folder)
    whole = official(corpus)
    split = holdout(corpus, whole, 0.25, seed=0)
    assert sorted(corpus.labels[split.validate].tolist()) == list(range(10))
    assert set(split.train) | set(split.validate) == set(whole.train)
    assert not set(split.validate) & (set(split.train) | set(split.test))
    assert split.test is whole.test
    np.testing.assert_array_equal(split.validate, holdout(corpus, whole, 0.25, seed=0).validate)


def test_a_folder_of_classes_is_split_by_speaker(tmp_path):
    for k in range(60):
        for word in ("no", "yes"):
            write(tmp_path / word / f"{k:08x}_nohash_0.wav", seed=k)
            write(tmp_path / word / f"{k:08x}_nohash_1.wav", seed=k + 100)
    corpus = read_folder(tmp_path)
    assert corpus.classes == ("no", "yes")
    assert len(set(corpus.speakers)) == 60
    parts = {
        speaker: {p for s, p in zip(corpus.speakers, corpus.parts, strict=True) if s == speaker}
        for speaker in corpus.speakers
    }
    assert all(len(found) == 1 for found in parts.values())
    assert 4 <= sum(found == {"test"} for found in parts.values()) <= 22


def test_a_folder_with_parts_keeps_them(tmp_path):
    for part in ("train", "validate", "test"):
        for word in ("no", "yes"):
            write(tmp_path / part / word / "a.wav")
    split = official(read_folder(tmp_path))
    assert [len(part) for part in split] == [2, 2, 2]


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "dev", "evaluation")])
def test_parts_of_a_folder_have_the_names_that_people_give_them(tmp_path, names):
    for k, part in enumerate(names):
        for word in ("no", "yes"):
            for take in range(k + 1):
                write(tmp_path / part / word / f"{take}.wav")
    corpus = read_folder(tmp_path)
    assert [len(part) for part in official(corpus)] == [2, 4, 6]
    assert corpus.notes == ()


def test_two_folders_of_one_part_are_refused(tmp_path):
    for part in ("train", "test", "val", "dev"):
        for word in ("no", "yes"):
            write(tmp_path / part / word / "a.wav")
    with pytest.raises(InputError, match="dev and val are both the part validate"):
        read_folder(tmp_path)


def test_a_class_may_be_called_as_a_part_is(tmp_path):
    for word in ("dog", "train"):
        write(tmp_path / word / "a.wav")
    assert read_folder(tmp_path).classes == ("dog", "train")


def test_sounds_beside_the_classes_are_left_out_and_counted(tmp_path):
    for word in ("no", "yes"):
        write(tmp_path / "plain" / word / "a.wav")
        for part in ("train", "test"):
            write(tmp_path / "parts" / part / word / "a.wav")
    assert read_folder(tmp_path / "plain").notes == read_folder(tmp_path / "parts").notes == ()
    write(tmp_path / "plain" / "stray.wav")
    for name in ("stray.wav", "train/one.wav", "noise/hum.wav", "noise/hiss.wav"):
        write(tmp_path / "parts" / name)
    assert read_folder(tmp_path / "plain").notes == ("left out: 1 sound files that lie beside the classes (stray.wav)",)
    names = "noise/hiss.wav, noise/hum.wav, stray.wav and 1 more"
    assert read_folder(tmp_path / "parts").notes == (f"left out: 4 sound files that lie beside the classes ({names})",)


def test_a_folder_of_classes_that_is_no_part_is_refused(tmp_path):
    for part in ("train", "test", "spare"):
        for word in ("no", "yes"):
            write(tmp_path / part / word / "a.wav")
    with pytest.raises(InputError, match=r"spare: 2 sound files in a folder that is no part  fix: call it one"):
        read_folder(tmp_path)


def test_converted_files_are_named(tmp_path):
    write(tmp_path / "no" / "a.wav", rate_hz=16000)
    write(tmp_path / "yes" / "b.wav")
    assert read_folder(tmp_path).notes == ("no/a.wav: resampled from 16000 to 8000 Hz",)


def test_damaged_sounds_without_labels_are_left_out_on_demand(tmp_path):
    write(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(FileError, match=r"b\.wav.*--skip-damaged"):
        read_sounds(tmp_path, RATE_HZ, 9)
    sounds, notes = read_sounds(tmp_path, RATE_HZ, 9, skip_damaged=True)
    assert [len(sounds), len(notes)] == [1, 1]
    (tmp_path / "a.wav").unlink()
    with pytest.raises(InputError, match="every file is damaged"):
        read_sounds(tmp_path, RATE_HZ, 9, skip_damaged=True)


@pytest.mark.parametrize("make", [lambda root: None, lambda root: write(root / "only" / "a.wav")])
def test_a_folder_without_two_classes_is_refused(tmp_path, make):
    make(tmp_path)
    with pytest.raises(InputError, match="put each class into its own folder"):
        read_folder(tmp_path)


def test_half_a_set_of_parts_is_refused(tmp_path):
    write(tmp_path / "train" / "no" / "a.wav")
    with pytest.raises(InputError, match="needs train and test, or no parts"):
        read_folder(tmp_path)


def test_a_corpus_refuses_labels_it_has_no_class_for():
    with pytest.raises(InputError, match=r"a label outside 0\.\.0"):
        Corpus("c", ("a",), 8000, (np.ones(9, np.float32),), np.array([1]), ("s",), ("train",), ("n",))


def test_all_clips_of_a_joined_corpus_are_for_training(fsdd_folder):
    corpus = read_fsdd(fsdd_folder)
    both = joined(corpus, corpus)
    assert both.name == "fsdd+fsdd"
    assert len(both) == 2 * len(corpus)
    np.testing.assert_array_equal(official(both).test, official(corpus).test)
    speaker = corpus.speakers[0]
    assert leave_out(both, speaker).test.max() < len(corpus), "who is left out is of the first corpus"
    assert f"fsdd:{speaker}" in both.speakers


def test_corpora_of_other_classes_are_not_joined(fsdd_folder):
    corpus = read_fsdd(fsdd_folder)
    with pytest.raises(InputError, match="other classes or another rate  fix: join what is of the same classes"):
        joined(corpus, replace(corpus, rate_hz=16000))
