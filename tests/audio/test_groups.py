"""One group of a corpus is left out: a value of any column that its data have, for images, streams and pairs alike."""

import json

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import joined, leave_out, parted
from snn2hw.commands import main
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.prepare import split_of
from snn2hw.train.stream_data import stream_recipe_for, stream_split
from tests.audio.written import write

ACCENTS = ("German", "Tamil", "", "German", "French", "Tamil")


@pytest.fixture
def table(tmp_path):
    """Write two classes by six speakers, of whom one has no accent that is known."""
    rows = ["path,label,speaker,accent,room=1"]
    for k, accent in enumerate(ACCENTS):
        for label in ("yes", "no"):
            write(tmp_path / f"{label}{k}.wav", seed=k, rate_hz=8000)
            rows.append(f"{label}{k}.wav,{label},s{k},{accent},{'ab'[k % 2]}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    return tmp_path / "list.csv"


def speakers_of(split):
    """Return who is tested, and who is learnt."""
    assert not set(split.train) & set(split.test)
    return sorted({int(k) // 2 for k in split.test}), sorted({int(k) // 2 for k in split.train})


def test_the_columns_of_a_table_are_kept(table):
    corpus = read_corpus("csv", table)
    assert list(corpus.columns) == ["label", "speaker", "accent", "room=1"]
    assert corpus.columns["accent"] == tuple(np.repeat(ACCENTS, 2))


def test_a_group_is_tested_on_and_the_others_and_the_unknown_are_learnt(table):
    corpus = read_corpus("csv", table)
    assert speakers_of(parted(corpus, "accent=Tamil")) == ([1, 5], [0, 2, 3, 4])
    assert speakers_of(parted(corpus, "speaker=s4")) == speakers_of(parted(corpus, "s4")) == ([4], [0, 1, 2, 3, 5])


def test_images_and_streams_leave_the_same_clips_out(table):
    corpus = read_corpus("csv", table)
    wanted = leave_out(corpus, "accent=German").test.tolist()
    assert split_of(corpus, NetworkRecipe(test_speaker="accent=German", validation=0.2)).test.tolist() == wanted
    assert stream_split(corpus, stream_recipe_for("csv"), speaker="accent=German").test.tolist() == wanted


def test_a_speaker_whose_name_says_equals_is_a_speaker(table):
    table.write_text(table.read_text().replace(",s4,", ",accent=German,"))
    assert speakers_of(leave_out(read_corpus("csv", table), "accent=German")) == ([4], [0, 1, 2, 3, 5])


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("acent=Tamil", r"no column 'acent'.*did you mean 'accent'"),
        ("accent=Dutch", r"no accent 'Dutch'.*name one of: French, German, Tamil"),
        ("accent=", "no accent ''"),
        ("label=yes", "training has no class of the test part"),
        ("s9", r"no speaker 's9'.*name one of: s0, .*; or a group, COLUMN=VALUE, of label, speaker, accent"),
        ("fold=1", "no column 'fold'"),
    ],
)
def test_a_group_that_is_none_is_refused(table, group, said):
    with pytest.raises(InputError, match=said):
        parted(read_corpus("csv", table), group)


def test_clips_of_another_corpus_are_in_no_group(table):
    corpus = read_corpus("csv", table)
    both = joined(corpus, corpus)
    assert both.columns["accent"] == corpus.columns["accent"] + ("",) * 12
    assert leave_out(both, "accent=Tamil").test.tolist() == leave_out(corpus, "accent=Tamil").test.tolist()


def test_a_corpus_whose_columns_are_shorter_is_none(table):
    from dataclasses import replace

    with pytest.raises(InputError, match="1 of 'accent' for 12 clips"):
        replace(read_corpus("csv", table), columns={"accent": ("German",)})


def test_columns_change_no_key_of_what_is_cached(table):
    from dataclasses import replace

    corpus = read_corpus("csv", table)
    assert replace(corpus, columns={}).digest == corpus.digest


def test_speakers_of_audiomnist_have_what_its_table_says(tmp_path):
    about = {f"{k:02d}": {"gender": ("male", "female")[k % 2], "age": 30 + k} for k in range(1, 6)}
    for speaker in about:
        for digit in range(2):
            write(tmp_path / "data" / speaker / f"{digit}_{speaker}_0.wav", seed=digit)
    (tmp_path / "data" / "audioMNIST_meta.txt").write_text(json.dumps(about))
    corpus = read_corpus("audiomnist", tmp_path, None)
    assert {corpus.speakers[i] for i in leave_out(corpus, "gender=male").test} == {"02", "04"}
    assert {corpus.speakers[i] for i in leave_out(corpus, "age=33").test} == {"03"}


def test_esc_and_timit_have_columns_too(tmp_path):
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for k in range(4):
        write(tmp_path / "audio" / f"{k}.wav", seed=k)
        rows.append(f"{k}.wav,{k // 2 + 1},{k % 2},{('dog', 'rain')[k % 2]},True,{k},{'AB'[k // 2]}")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("\n".join(rows))
    esc = read_corpus("esc50", tmp_path, None)
    assert leave_out(esc, "take=B").test.tolist() == leave_out(esc, "fold=2").test.tolist() == [2, 3]
    for k, speaker in enumerate(("FAAA0", "MBBB0")):
        sentence = tmp_path / ("TRAIN", "TEST")[k] / f"DR{k + 1}" / speaker / "SI1.WAV"
        write(sentence)
        sentence.with_suffix(".PHN").write_text("0 2000 iy\n2000 4000 s\n")
    timit = read_corpus("timit", tmp_path, None)
    assert leave_out(timit, "dialect=DR1").test.tolist() == leave_out(timit, "gender=F").test.tolist() == [0, 1]


def test_the_command_leaves_a_group_out(table, tmp_path, capsys):
    words = ["train", "csv", "--data", str(table), "--model", "tcy", "--epochs", "1", "--seconds", "0.25"]
    words += ["--batch", "4", "--steps", "1", "-o", str(tmp_path / "run")]
    assert main([*words, "--leave-out", "accent=Tamil"]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["accuracy"]["test"]["float"]["clips"] == 4
    assert main([*words, "--leave-out", "accent=Dutch"]) == 2
    assert "no accent 'Dutch'  fix: name one of: French, German, Tamil" in capsys.readouterr().err
