"""TIMIT's layout: every segment of a .PHN file is a clip, folded to 39 phones, or what its speaker is."""

import numpy as np
import pytest
import soundfile

from sim.errors import FileError, InputError
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import official
from tests.audio.written import write

TIMIT = {  # phones of a sentence: first and last sample, as in the files
    "SI1": [(0, 2000, "h#"), (2000, 3600, "ix"), (3600, 4000, "tcl"), (4000, 4400, "t"), (4400, 5000, "q")],
    "SX2": [(0, 1000, "pau"), (1000, 2500, "ao"), (2500, 4000, "ax-h"), (4000, 6000, "axr")],
    "SA1": [(0, 4000, "iy")],
}


@pytest.fixture
def timit(tmp_path):
    for part, speakers in (("TRAIN", ("FAAA0", "MBBB0")), ("TEST", ("FCCC0",))):
        for k, speaker in enumerate(speakers):
            for sentence, phones in TIMIT.items():
                path = tmp_path / part / f"DR{k + 1}" / speaker / f"{sentence}.WAV"
                write(path, seed=k, seconds=0.5)
                path.with_suffix(".PHN").write_text("".join(f"{a} {b} {phone}\n" for a, b, phone in phones))
    return tmp_path


def test_timit_is_its_segments_folded_to_39(timit):
    corpus = read_corpus("timit", timit, None)
    assert len(corpus.classes) == 39
    said = [corpus.classes[label] for label in corpus.labels[:8]]
    assert said == ["sil", "ih", "sil", "t", "sil", "aa", "ah", "er"]  # neither the glottal stop nor SA
    assert [samples.size for samples in corpus.samples[:4]] == [2000, 1600, 400, 400]
    whole, _ = soundfile.read(timit / "TRAIN" / "DR1" / "FAAA0" / "SI1.WAV", dtype="float32")
    assert np.array_equal(corpus.samples[1], whole[2000:3600])
    split = official(corpus)
    assert (len(split.train), len(split.test)) == (16, 8)
    assert {corpus.speakers[i] for i in split.test} == {"FCCC0"}


def test_timit_has_other_labels(timit):
    assert read_corpus("timit", timit, None, label="gender").classes == ("F", "M")
    assert read_corpus("timit", timit, None, label="dialect").classes == ("DR1", "DR2")
    assert "ax-h" in read_corpus("timit", timit, None, label="phone61").classes
    with pytest.raises(InputError, match="choose one of phone, phone61, speaker, gender, dialect"):
        read_corpus("timit", timit, None, label="word")


def test_timit_by_speaker_is_split_by_clip(timit):
    corpus = read_corpus("timit", timit, None, label="speaker")
    split = official(corpus)
    assert set(corpus.labels[split.test]) == set(corpus.labels[split.train]) == {0, 1, 2}
    assert corpus.notes[0].startswith("split by clip, not by speaker")


PHN, WAV = "TRAIN/DR1/FAAA0/SI1.PHN", "TRAIN/DR1/FAAA0/SI1.WAV"


def test_a_segment_beyond_its_sound_is_refused_by_its_line(timit):
    (timit / PHN).write_text("0 2000 h#\n2000 8000 iy\n")  # to the last sample
    assert read_corpus("timit", timit, None).samples[1].size == 6000
    (timit / PHN).write_text("0 2000 h#\n7000 8002 iy\n")
    what = r"SI1\.PHN, line 2: a segment from 0\.4375 to 0\.500125 s is not in SI1\.WAV, which lasts 0\.5 s"
    with pytest.raises(FileError, match=f"{what}.*--skip-damaged"):
        read_corpus("timit", timit, None)
    corpus = read_corpus("timit", timit, None, skip_damaged=True)
    assert len(corpus) == 21
    assert "SI1.PHN, line 2" in corpus.notes[0]


def test_a_segment_of_no_sample_at_another_rate_is_refused(timit):
    (timit / PHN).write_text("0 2000 h#\n2000 2001 iy\n")
    with pytest.raises(FileError, match=r"SI1\.PHN, line 2: a segment of no samples"):
        read_corpus("timit", timit, 4000)


def test_only_a_phone_of_silence_may_be_silent(timit):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    sound[:4000] = 0
    soundfile.write(timit / WAV, sound, 16000)
    (timit / PHN).write_text("0 2000 h#\n2000 3000 tcl\n5000 6000 iy\n")
    assert [samples.any() for samples in read_corpus("timit", timit, None).samples[:3]] == [False, False, True]
    (timit / PHN).write_text("0 2000 h#\n2000 3000 iy\n")
    with pytest.raises(FileError, match=r"SI1\.PHN, line 2: a segment of digital silence"):
        read_corpus("timit", timit, None)


@pytest.mark.parametrize("damage", ["unreadable", "missing"])
def test_a_sentence_without_its_sound_is_left_out_on_demand(timit, damage):
    (timit / WAV).unlink()
    if damage == "unreadable":
        (timit / WAV).write_bytes(b"NIST nothing")
    with pytest.raises(FileError, match=r"SI1\.(WAV|PHN).*--skip-damaged"):
        read_corpus("timit", timit, None)
    corpus = read_corpus("timit", timit, None, skip_damaged=True)
    assert len(corpus) == 20
    (note,) = corpus.notes
    assert note.startswith("left out: ")
    assert "SI1." in note


def test_sixty_phones_count_as_thirty_nine():
    from snn2hw.audio.timit import FOLDED, LEFT_OUT, PHONES_39

    assert (len(FOLDED), len(PHONES_39)) == (60, 39)
    assert LEFT_OUT not in FOLDED
    assert set(FOLDED.values()) == set(PHONES_39)


@pytest.mark.parametrize("line", ["0 100", "0 100 xx", "100 100 iy", "a b iy"])
def test_a_line_that_is_no_segment_is_refused(timit, line):
    table = timit / "TRAIN" / "DR1" / "FAAA0" / "SI1.PHN"
    table.write_text(f"0 2000 h#\n{line}\n")
    with pytest.raises(FileError, match=r"SI1\.PHN, line 2: no segment"):
        read_corpus("timit", timit, None)


def test_timit_without_its_parts_or_sounds_is_refused(timit):
    with pytest.raises(InputError, match="has no TRAIN and TEST"):
        read_corpus("timit", timit / "TRAIN", None)
    (timit / "TRAIN" / "DR1" / "FAAA0" / "SI1.WAV").unlink()
    with pytest.raises(FileError, match=r"SI1\.PHN: no sound beside it"):
        read_corpus("timit", timit, None)
