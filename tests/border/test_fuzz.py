"""`snn2hw fuzz`: it finds planted mistakes, makes them small, and finds none in what is there."""

import json

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.fuzz.campaign import fuzz
from snn2hw.fuzz.draw import random_program, random_raster
from snn2hw.fuzz.minimise import smallest_bytes, smallest_case
from snn2hw.fuzz.mutate import mutated
from snn2hw.fuzz.readers import READERS, available, write_seeds
from snn2hw.fuzz.trial import Trials


def test_a_short_campaign_finds_nothing(tmp_path, capsys):
    assert main(["fuzz", "--seconds", "2", "--seed", "11", "-o", str(tmp_path / "found"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["findings"] == []
    assert {row["subject"] for row in said["tried"]} >= set(available()) - {"checkpoint"}
    assert sum(row["cases"] for row in said["tried"] if row["outcome"] == "refused") > 50


def test_every_kind_of_failure_of_a_child_is_told_apart(tmp_path, monkeypatch):
    (tmp_path / "child.py").write_text(
        "import json, os, sys, time\n"
        "for line in sys.stdin:\n"
        "    what = json.loads(line)['reader']\n"
        "    if what == 'hang': time.sleep(60)\n"
        "    if what == 'crash': os.abort()\n"
        "    print(json.dumps({'outcome': what, 'error': 'here'}), flush=True)\n"
    )
    monkeypatch.setattr("snn2hw.fuzz.trial.CHILD", tmp_path / "child.py")
    with Trials(tmp_path, 1.0) as trials:
        found = [trials.file(what, b"", ".x").kind for what in ("foreign", "hang", "crash", "read")]
    assert found == ["foreign", "hang", "crash", "read"]


def test_every_seed_is_read_and_damage_changes_it(tmp_path):
    rng = np.random.default_rng(0)
    for name, paths in write_seeds(tmp_path, rng).items():
        for path in paths:
            READERS[name].read(path)
            data = path.read_bytes()
            assert sum(mutated(data, data, path.suffix, rng) != data for _ in range(20)) > 10


def test_a_failing_file_is_made_small():
    data = bytes(range(256)) * 4 + b"BAD" + bytes(500)
    assert smallest_bytes(data, lambda d: b"BAD" in d) == b"BAD"


def test_a_failing_program_is_made_small():
    rng = np.random.default_rng(3)
    program = random_program(rng)
    while len(program.populations) < 3:
        program = random_program(rng)
    raster = random_raster(rng, program, batch=4, steps=8)
    last = program.populations[-1].name
    small, samples = smallest_case((program, raster), lambda case: last in case[0].by_name)
    assert [p.name for p in small.populations] == [last]
    assert samples.shape[:2] == (1, 1)


def test_what_cannot_be_looked_for_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing is called sounds"):
        fuzz(1, what=("sounds",))
    with pytest.raises(InputError, match="give a time above 0"):
        fuzz(0)
