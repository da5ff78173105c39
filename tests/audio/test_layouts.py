"""Every layout of sounds in wide use is read as its users have it: labels, parts, folds, speakers and rates."""

import json
from dataclasses import replace

import pytest

from sim.errors import FileError, InputError
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import leave_fold_out, leave_out, official, parted
from snn2hw.audio.speech_commands import KEYWORDS
from snn2hw.train.stream_data import STREAMED, stream_recipe_for
from tests.audio.written import write


@pytest.fixture
def audiomnist(tmp_path):
    genders = {"01": "male", "02": "female", "03": "male", "04": "female", "05": "female"}
    for speaker in genders:
        for digit in range(2):
            write(tmp_path / "data" / speaker / f"{digit}_{speaker}_0.wav", seed=digit, rate_hz=48000)
    about = {s: {"gender": g, "accent": "German", "age": "30"} for s, g in genders.items()}
    (tmp_path / "data" / "audioMNIST_meta.txt").write_text(json.dumps(about))
    return tmp_path


def test_audiomnist_keeps_its_rate_and_tests_on_speakers_of_their_own(audiomnist):
    corpus = read_corpus("audiomnist", audiomnist, None)
    assert (corpus.rate_hz, corpus.classes, len(corpus)) == (48000, ("0", "1"), 10)
    split = official(corpus)
    assert {corpus.speakers[i] for i in split.test} == {"05"}


def test_any_fact_about_a_speaker_can_be_the_label(audiomnist):
    assert read_corpus("audiomnist", audiomnist, None, label="gender").classes == ("female", "male")
    with pytest.raises(InputError, match=r"column 'height'.*accent, age, digit, gender, speaker"):
        read_corpus("audiomnist", audiomnist, None, label="height")


def test_where_the_speaker_is_the_class_every_fifth_clip_is_for_testing(audiomnist):
    for k in range(2, 6):
        for speaker in ("01", "02"):
            write(audiomnist / "data" / speaker / f"{k}_{speaker}_0.wav", seed=k, rate_hz=48000)
    corpus = read_corpus("audiomnist", audiomnist, None, label="speaker")
    split = official(corpus)
    assert set(corpus.labels[split.test]) == set(corpus.labels[split.train]) == set(range(5))
    named = {corpus.names[i].split("/")[-1] for i in split.test}
    assert named == {"4_01_0.wav", "4_02_0.wav", "1_03_0.wav", "1_04_0.wav", "1_05_0.wav"}
    assert corpus.notes == ("split by clip, not by speaker, as training lacked classes of the test part: every class",)


def test_a_class_that_one_tested_speaker_has_alone_is_split_by_clip_and_no_other(audiomnist):
    table = audiomnist / "data" / "audioMNIST_meta.txt"
    about = json.loads(table.read_text())
    about["05"]["accent"] = "Tamil"
    write(audiomnist / "data" / "10" / "0_10_0.wav", rate_hz=48000)
    for speaker in ("06", "07", "08", "09"):
        write(audiomnist / "data" / speaker / f"0_{speaker}_0.wav", rate_hz=48000)
    table.write_text(json.dumps(about | {s: {"accent": "German"} for s in ("06", "07", "08", "09", "10")}))
    corpus = read_corpus("audiomnist", audiomnist, None, label="accent")
    tested = {corpus.names[i].split("/")[-1] for i in official(corpus).test}
    assert tested == {"0_10_0.wav", "1_05_0.wav"}
    assert corpus.notes[0].endswith("training lacked classes of the test part: Tamil")


@pytest.fixture
def commands(tmp_path):
    words = [*KEYWORDS[:10], "bed", "cat"]
    for word in words:
        for k, speaker in enumerate(("aa", "bb", "cc")):
            write(tmp_path / word / f"{speaker}_nohash_0.wav", seed=k, seconds=1.0)
    write(tmp_path / "_background_noise_" / "hum.wav", seconds=20.0)
    (tmp_path / "validation_list.txt").write_text("\n".join(f"{w}/bb_nohash_0.wav" for w in words))
    (tmp_path / "testing_list.txt").write_text("\n".join(f"{w}/cc_nohash_0.wav" for w in words))
    return tmp_path


def test_keywords_have_twelve_classes_and_the_official_parts(commands):
    corpus = read_corpus("keywords", commands, None)
    assert corpus.classes == KEYWORDS
    assert corpus.rate_hz == 16000
    found = {
        part: sorted(KEYWORDS[label] for label, p in zip(corpus.labels, corpus.parts, strict=True) if p == part)
        for part in ("train", "validate", "test")
    }
    assert found == dict.fromkeys(("train", "validate", "test"), sorted(KEYWORDS))
    by_speaker = {(s, p) for s, p in zip(corpus.speakers, corpus.parts, strict=True) if len(s) == 2}
    assert by_speaker == {("aa", "train"), ("bb", "validate"), ("cc", "test")}


def test_silence_is_cut_out_of_other_stretches_for_every_part(commands):
    corpus = read_corpus("keywords", commands, None)
    silences = [name for name, label in zip(corpus.names, corpus.labels, strict=True) if KEYWORDS[label] == "_silence_"]
    assert len(set(silences)) == len(silences) == 3
    assert all(len(corpus.samples[corpus.names.index(name)]) == 16000 for name in silences)


def test_a_damaged_background_is_left_out_on_demand(commands):
    (commands / "_background_noise_" / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(FileError, match=r"broken\.wav.*--skip-damaged"):
        read_corpus("keywords", commands, None)
    corpus = read_corpus("keywords", commands, None, skip_damaged=True)
    assert corpus.classes[-1] == "_silence_"
    assert ["broken.wav" in note for note in corpus.notes] == [True]


def test_all_words_are_classes_of_speech_commands(commands):
    assert len(read_corpus("speech-commands", commands, None).classes) == 12


def test_a_table_of_parts_replaces_the_official_lists(commands):
    rows = [
        "path,part",
        *(f"{w}/{s}_nohash_0.wav,{p}" for w in KEYWORDS[:10] for s, p in (("aa", "train"), ("bb", "test"))),
    ]
    (commands / "metadata.csv").write_text("\n".join(rows))
    assert len(read_corpus("speech-commands", commands, None)) == 20


def test_a_table_of_parts_may_call_them_as_others_do_and_what_is_in_none_is_said(commands):
    parts = (("aa", "training"), ("bb", "dev"), ("cc", "testing"), ("aa", "spare"))
    rows = ["path,part", *(f"{w}/{s}_nohash_0.wav,{p}" for w in KEYWORDS[:10] for s, p in parts)]
    (commands / "metadata.csv").write_text("\n".join(rows))
    for name in ("speech-commands", "keywords"):
        corpus = read_corpus(name, commands, None)
        assert {"train", "validate", "test"} == set(corpus.parts)
        assert corpus.notes == ("left out: metadata.csv has rows of parts that are none (10 of 'spare')",)
    (commands / "metadata.csv").write_text("path,part\nyes/aa_nohash_0.wav,spare")
    with pytest.raises(InputError, match=r"no row of a part \(1 of 'spare'\).*train, training, validate, val, dev"):
        read_corpus("speech-commands", commands, None)


def esc_folder(root, table):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2, 3):
        for target, category, ten in ((0, "dog", True), (5, "cat", False), (10, "rain", True)):
            name = f"{fold}-{fold}{target}-A-{target}.wav"
            write(root / "audio" / name, seed=target, rate_hz=44100)
            lines.append(f"{name},{fold},{target},{category},{ten},{fold}{target},A")
    (root / "meta").mkdir()
    (root / "meta" / table).write_text("\n".join(lines))
    return root


def test_esc10_is_the_marked_classes_of_esc50(tmp_path):
    root = esc_folder(tmp_path, "esc50.csv")
    assert read_corpus("esc50", root, None).classes == ("cat", "dog", "rain")
    ten = read_corpus("esc10", root, None)
    assert (ten.classes, ten.rate_hz) == (("dog", "rain"), 44100)


@pytest.mark.parametrize("table", ["esc50.csv", "esc10.csv"])
def test_esc_is_every_class_of_the_table_that_is_there(tmp_path, table):
    corpus = read_corpus("esc", esc_folder(tmp_path, table), None)
    assert (corpus.name, corpus.classes) == ("esc", ("cat", "dog", "rain"))
    assert corpus.folds == read_corpus("esc50", tmp_path, None).folds
    assert read_corpus("esc", tmp_path, None, label="esc10").classes == ("False", "True")


def test_esc_without_a_table_says_which_is_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"esc50\.csv.*as it is distributed"):
        read_corpus("esc", tmp_path, None)


def test_esc_is_heard_as_its_two_parts_are():
    recipes = [stream_recipe_for(task) for task in ("esc", "esc10", "esc50")]
    assert {replace(recipe, task="") for recipe in recipes} == {replace(recipes[0], task="")}
    assert "esc" in STREAMED
    assert "csv" not in STREAMED


def test_a_fold_is_left_out_whole(tmp_path):
    corpus = read_corpus("esc10", esc_folder(tmp_path, "esc10.csv"), None)
    split = leave_fold_out(corpus, "2")
    assert {corpus.folds[i] for i in split.test} == {"2"}
    assert {corpus.folds[i] for i in split.train} == {"1", "3"}
    with pytest.raises(InputError, match="no fold '9'"):
        leave_fold_out(corpus, "9")


def test_urbansound8k_is_read_by_its_folds(tmp_path):
    lines = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold in (1, 2):
        for k, name in enumerate(("siren", "drilling")):
            write(tmp_path / "audio" / f"fold{fold}" / f"{fold}-{k}-0-0.wav", rate_hz=22050)
            lines.append(f"{fold}-{k}-0-0.wav,{fold}{k},0,1,1,{fold},{k},{name}")
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text("\n".join(lines))
    corpus = read_corpus("urbansound8k", tmp_path, None)
    assert (corpus.classes, corpus.folds) == (("drilling", "siren"), ("1", "1", "2", "2"))


def test_russian_digits_are_split_by_voice(tmp_path):
    for digit in range(10):
        for voice in "abcde":
            write(tmp_path / "recordings" / f"{digit}_{voice}_0.wav", rate_hz=8000)
    corpus = read_corpus("digits-ru", tmp_path)
    assert corpus.classes[0] == "ноль"
    assert {s for s, p in zip(corpus.speakers, corpus.parts, strict=True) if p == "test"} == {"e"}


@pytest.fixture
def table(tmp_path):
    lines = ["path,label,room,part,fold,speaker"]
    for k, (label, room, part) in enumerate(
        (("a", "x", "train"), ("b", "y", "val"), ("a", "y", "test"), ("b", "x", "train"))
    ):
        write(tmp_path / f"{k}.wav", seed=k, rate_hz=11025)
        lines.append(f"{k}.wav,{label},{room},{part},{k},s{k}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path / "list.csv"


def test_a_csv_says_everything_and_any_column_is_the_label(table):
    corpus = read_corpus("folder", table, None)
    assert (corpus.classes, corpus.rate_hz) == (("a", "b"), 11025)
    assert corpus.parts == ("train", "validate", "test", "train")
    assert corpus.folds == ("0", "1", "2", "3")
    assert corpus.speakers == ("s0", "s1", "s2", "s3")
    assert read_corpus("folder", table, None, label="room").classes == ("x", "y")


@pytest.mark.parametrize(
    ("name", "part"), [("eval", "test"), ("Training", "train"), ("dev", "validate"), ("", "train")]
)
def test_a_csv_calls_parts_as_others_do(table, name, part):
    table.write_text(table.read_text().replace("test", name))
    assert read_corpus("folder", table, None).parts[2] == part


def test_a_csv_with_a_part_that_is_none_is_refused_by_its_line(table):
    table.write_text(table.read_text().replace("test", "spare"))
    with pytest.raises(InputError, match=r"list\.csv, line 4: there is no part 'spare'  fix: call it one of train, "):
        read_corpus("folder", table, None)


def test_a_table_whose_test_part_shares_no_class_with_training_is_refused(table):
    corpus = read_corpus("folder", table, None, label="speaker")
    for split in (lambda: official(corpus), lambda: parted(corpus, speaker="s1"), lambda: parted(corpus, fold="1")):
        with pytest.raises(InputError, match=r"training has no class of the test part \(s[12]\)  fix: choose another"):
            split()
    assert leave_out(corpus, "s1").test.tolist() == [1], "what encodes one speaker's clips goes on"


def test_a_table_whose_training_lacks_some_class_of_the_test_part_says_so(table):
    write(table.parent / "4.wav", rate_hz=11025)
    table.write_text(table.read_text() + "\n4.wav,c,x,test,,s0")
    corpus = read_corpus("folder", table, None)
    assert corpus.notes == (), "folds may be left out, of which the parts say nothing"
    lines = [",".join(row.split(",")[:4]) for row in table.read_text().splitlines()]
    table.write_text("\n".join(lines))
    assert read_corpus("folder", table, None).notes == ("training lacks classes of the test part: c",)


def test_csv_is_a_table_and_nothing_else(table):
    assert read_corpus("csv", table, None).digest == read_corpus("folder", table, None).digest
    assert read_corpus("csv", table, None, label="room").classes == ("x", "y")
    with pytest.raises(InputError, match="a folder, and csv is a table  fix: give the CSV, or read it as: folder"):
        read_corpus("csv", table.parent)


def test_a_csv_without_the_column_says_which_it_has(table):
    with pytest.raises(FileError, match=r"no column price .*it has fold, label, part, path, room, speaker"):
        read_corpus("folder", table, label="price")


def test_a_damaged_file_is_named_and_left_out_only_on_demand(table):
    (table.parent / "0.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(FileError, match=r"0\.wav.*--skip-damaged"):
        read_corpus("folder", table, 11025)
    corpus = read_corpus("folder", table, None, skip_damaged=True)
    assert len(corpus) == 3
    assert "0.wav" in corpus.notes[0]


def test_files_at_an_odd_rate_are_brought_to_that_of_most(table):
    write(table.parent / "0.wav", rate_hz=16000)
    corpus = read_corpus("folder", table, None)
    assert corpus.notes == ("0.wav: resampled from 16000 to 11025 Hz",)


def test_sounds_deeper_than_a_class_are_said_not_ignored(tmp_path):
    write(tmp_path / "a" / "x.wav")
    write(tmp_path / "b" / "y.wav")
    write(tmp_path / "b" / "deep" / "z.wav")
    with pytest.raises(InputError, match="deeper than a class"):
        read_corpus("folder", tmp_path)
