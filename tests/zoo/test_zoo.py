"""Every program of the zoo has its card, listens in pieces as in one piece, and is what its card says."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from exporters.program_file import read_program_file
from sim.engines import run
from sim.errors import FileError, InputError
from snn2hw.audio.hear import Listener, ear_of
from snn2hw.audio.mel_stream import heard
from snn2hw.commands import main
from snn2hw.costs.listening.frames import Frames
from snn2hw.costs.listening.listen import listening
from snn2hw.denoise.stream import hearing_of
from snn2hw.zoo import cards, located, zoo_names
from tests import growth

NAMES = tuple(card["name"] for card in cards() if card["classes"])
"""Programs that listen; the others denoise."""


@pytest.fixture(scope="module")
def sound():
    random = np.random.default_rng(5)
    t = np.arange(3 * 16000) / 16000
    return (0.2 * np.sin(2 * np.pi * (300 + 200 * t) * t) + random.normal(0, 0.01, t.size)).astype(np.float32)


def test_the_zoo_holds_keywords_and_digits():
    assert {"keywords", "digits"} <= set(NAMES)
    assert "denoise" in zoo_names()


@pytest.mark.parametrize("card", cards(), ids=zoo_names())
def test_a_card_says_where_a_program_comes_from_and_what_it_is_worth(card):
    found = read_program_file(located(f"zoo:{card['name']}"))
    assert card["digest"] == found.program.digest
    assert {"licence", "attribution", "name", "used"} <= card["data"].keys()
    assert card["command"].startswith("snn2hw train")
    if not card["classes"]:
        gains = card["gain_db"]["test"]["integer"]
        assert list(gains) == ["0", "5", "10", "15", "20", "30", "40"]
        assert min(gains.values()) >= 0
        return
    assert found.attachments["purpose"]["classes"] == card["classes"]
    for kind in ("float", "integer"):
        facts = card["accuracy"]["test"][kind]
        assert facts["accuracy"] == round(facts["right"] / facts["clips"], 4)
        assert facts["interval_95"][0] < facts["accuracy"] < facts["interval_95"][1]


@pytest.mark.parametrize("card", cards(), ids=zoo_names())
def test_a_card_says_what_a_second_costs_beside_the_twin(card):
    """A twin that skips nothing costs the same whatever is heard: it is counted again."""
    found = read_program_file(located(f"zoo:{card['name']}"))
    denoises = not card["classes"]
    spectra = (hearing_of(found, "zoo") if denoises else ear_of(found, "zoo")).front.spectra
    silence = np.zeros((100, int(np.prod(found.program.input.shape))), np.int16)
    heard = listening(found.program, Frames(silence, np.zeros(100), spectra.hop, spectra.rate_hz))
    said = {(row["table"], row["rule"]): row for row in card["energy"]["nj_per_second"]}
    for row in (row for row in heard.rows if row.rule == "dense" and not row.gated):
        assert said[row.table, "dense"]["twin"] == [round(row.ann)] * 2
    for (table, rule), row in said.items():
        assert row["snn"] > 0
        if rule == "skipping" and "twin" in row:
            assert row["twin"][0] < row["twin"][1] <= said[table, "dense"]["twin"][1]
            assert row["snn"] < said[table, "dense"]["snn"]


@pytest.mark.parametrize("name", NAMES)
def test_listening_in_pieces_is_listening_at_once(name, sound):
    found = read_program_file(located(f"zoo:{name}"))
    ear = ear_of(found, name)
    whole = Listener(found, ear, 0.3)
    whole.push(sound)
    pieces, events = Listener(found, ear, 0.3), []
    for part in np.array_split(sound, 23):
        events += pieces.push(part)
    assert pieces.end() == whole.end()
    assert tuple(events) == pieces.end().events


@pytest.mark.parametrize("name", NAMES)
def test_what_is_heard_is_what_the_engine_computes(name, sound):
    found = read_program_file(located(f"zoo:{name}"))
    ear = ear_of(found, name)
    raster = heard(sound, ear.front)[None, :, None, None, :].astype(np.int16)
    output = run(found.program, raster, record=()).output[0]
    listener = Listener(found, ear)
    listener.push(sound)
    assert listener.end().label == ear.classes[int(output.sum(0).argmax())]


def test_memory_does_not_grow_with_the_sound(sound):
    found = read_program_file(located("zoo:keywords"))
    listener = Listener(found, ear_of(found, "keywords"))

    def held():
        run_, stream = listener._run, listener._stream
        return sum(a.nbytes for a in run_._kept) + stream._rest.nbytes, len(listener._scores.last)

    growth.assert_none(listener.push, sound, held)


def test_listen_names_the_class_of_every_file_as_json(tmp_path, sound, capsys):
    for k in range(2):
        soundfile.write(tmp_path / f"{k}.wav", sound[: 16000 * (k + 1)], 16000)
    assert main(["listen", "zoo:keywords", str(tmp_path / "0.wav"), str(tmp_path / "1.wav"), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [set(f) for f in files] == [{"file", "label", "score", "events"}] * 2
    assert [f["file"] for f in files] == [str(tmp_path / "0.wav"), str(tmp_path / "1.wav")]


def test_raw_sound_from_standard_input_is_heard_as_the_file_is(tmp_path, sound, capsys):
    soundfile.write(tmp_path / "x.wav", sound, 16000, subtype="PCM_16")
    assert main(["listen", "zoo:keywords", str(tmp_path / "x.wav"), "--json"]) == 0
    by_file = json.loads(capsys.readouterr().out)["files"][0]
    raw = soundfile.read(tmp_path / "x.wav", dtype="int16")[0].astype("<i2").tobytes()
    command = [sys.executable, "-m", "snn2hw", "listen", "zoo:keywords", "-", "--json", "--rate", "16000"]
    piped = json.loads(subprocess.run(command, input=raw, capture_output=True, check=True).stdout)["files"][0]
    assert piped | {"file": ""} == by_file | {"file": ""}


def test_a_rate_is_refused_where_every_sound_says_its_own(tmp_path, sound, capsys):
    soundfile.write(tmp_path / "x.wav", sound, 16000)
    assert main(["listen", "zoo:keywords", str(tmp_path / "x.wav"), "--rate", "8000"]) == 2
    said = capsys.readouterr()
    assert "--rate 8000: a sound file says its own" in said.err
    assert not said.out


@pytest.mark.parametrize("count", [0, 399])
def test_standard_input_without_a_sound_is_refused_as_a_file_without_one_is(count, capsys, monkeypatch):
    reader, writer = os.pipe()
    os.write(writer, bytes(2 * count))
    os.close(writer)
    with os.fdopen(reader) as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        assert main(["listen", "zoo:keywords", "-", "--rate", "8000"]) == 2
    said = capsys.readouterr()
    assert f"-: standard input lasts {count / 8000:.3f} s, a word needs 0.05 s" in said.err
    assert not said.out


def test_a_program_of_the_zoo_is_taken_wherever_a_program_is(capsys):
    assert main(["certify", "zoo:keywords"]) == 0
    assert "every bound holds" in capsys.readouterr().out
    with pytest.raises(InputError, match="no such program in the zoo"):
        located("zoo:nothing")


def test_the_list_is_also_json(capsys):
    assert main(["zoo", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)["zoo"]] == list(zoo_names())
    assert main(["zoo"]) == 0
    assert "zoo:keywords" in capsys.readouterr().out


def test_a_program_that_does_not_say_how_it_listens_is_refused(tmp_path):
    found = read_program_file(located("zoo:keywords"))
    with pytest.raises(InputError, match="does not say how it listens"):
        ear_of(type(found)(found.program, {}), "net.nir")
    damaged = {**found.attachments, "listen": {"frames": 1}}
    with pytest.raises(FileError, match=r"net\.nir: not a description"):
        ear_of(type(found)(found.program, damaged), "net.nir")
