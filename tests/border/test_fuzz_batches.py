"""Batches find what is planted in them, tell it apart, and go on where a campaign was stopped."""

import json
import os
import re
import shutil

import numpy as np
import pytest

import exporters.to_c
from sim.errors import FileError, InputError
from snn2hw.fuzz import file_batch
from snn2hw.fuzz.campaign import fuzz
from snn2hw.fuzz.file_batch import Beat, Desk, FileBatch
from snn2hw.fuzz.program_batch import C_AT_ONCE, program_batch, read_case
from snn2hw.fuzz.reader import Reader
from snn2hw.fuzz.readers import READERS
from snn2hw.verification.executors import find_executor

GOOD = json.dumps({"a": 1, "b": [1, 2, 3]}).encode()
KEPT = []


def _read(path):
    json.loads(path.read_bytes())


def _fails(path):
    raise OverflowError("of a library")


def _writes(path):
    path.parent.parent.joinpath("elsewhere").write_bytes(b"x")


def _writes_inside(path):
    path.with_name("beside").write_bytes(b"x")


def _grows(path):
    np.ones(100 << 20, np.uint8)


def _starts(path):
    os.system("true")


@pytest.mark.parametrize(
    ("read", "kind", "said"),
    [
        (_fails, "foreign", "OverflowError at test_fuzz_batches.py:_fails"),
        (_writes, "outside", "open .*elsewhere"),
        (_starts, "outside", "os.system true"),
        (_grows, "memory", "grew by [0-9]+ MiB"),
        (_writes_inside, "read", ""),
    ],
)
def test_what_a_reader_must_not_do_is_told_apart(tmp_path, monkeypatch, read, kind, said):
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(file_batch, "GROWTH_BYTES", 64 << 20)
    monkeypatch.setitem(READERS, "planted", Reader(".json", (), lambda path: None))
    desk = Desk(tmp_path / "in")
    (tmp_path / "in" / "case.json").write_bytes(GOOD)
    assert desk.give("planted") == ("read", "")
    monkeypatch.setitem(READERS, "planted", Reader(".json", (), read))
    found, error = desk.give("planted")
    assert found == kind
    assert re.search(said, error)


def test_a_batch_keeps_what_failed_and_counts_the_rest(tmp_path, monkeypatch):
    monkeypatch.setitem(READERS, "planted", Reader(".json", (), _read))
    done = Desk(tmp_path).batch(FileBatch("planted", [GOOD], [1, 2, 3], 200))
    assert sum(done["tried"].values()) == 200
    assert done["tried"]["read"] > 20
    assert done["tried"]["foreign"] > 20
    assert 0 < len({f["error"] for f in done["found"]}) <= len(done["found"])
    assert Beat(tmp_path).get() == (done["tried"]["read"], 0)
    for found in done["found"]:
        with pytest.raises(ValueError, match=r".+"):
            _read(tmp_path / found["file"])


def test_the_same_seed_damages_the_same_way(tmp_path, monkeypatch):
    monkeypatch.setitem(READERS, "planted", Reader(".json", (), lambda path: KEPT.append(path.read_bytes())))
    desk, cases = Desk(tmp_path), []
    for seed in ([1, 2, 3], [1, 2, 3], [1, 2, 4]):
        KEPT.clear()
        desk.batch(FileBatch("planted", [GOOD], seed, 50))
        cases.append(list(KEPT))
    assert cases[0] == cases[1] != cases[2]


def planted(program, raster, *, timeout_s, folder=None):
    """Run the reference, and see one spike too many wherever a population has two neurons."""
    trace = find_executor("reference")(program, raster, timeout_s=timeout_s)
    for spikes in trace.spikes.values():
        if spikes.shape[2] > 1:
            spikes.setflags(write=True)
            spikes[0, 0, 0] ^= 1
            break
    return trace


def test_a_planted_difference_is_found_and_kept_with_its_raster(tmp_path):
    name = "tests.border.test_fuzz_batches:planted"
    done = program_batch({"executors": ["reference", "fast-checking", name], "seed": [5, 1], "cases": 12}, tmp_path)
    assert done["tried"][f"{name} differs"] > 5
    assert sum(n for kind, n in done["tried"].items() if kind.startswith("fast-checking")) == 12
    assert "fast-checking differs" not in done["tried"]
    program, raster = read_case(tmp_path / "found0.nir")
    assert raster.shape[2:] == program.input.shape
    assert f"{name}: population" in done["found"][0]["error"]


def test_programs_in_one_translation_unit_are_each_compared(tmp_path, monkeypatch):
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    job = {"executors": ["reference", C_AT_ONCE], "seed": [3, 1], "cases": 12}
    assert program_batch(job, tmp_path)["tried"].keys() == {f"{C_AT_ONCE} equal"}
    shutil.copytree(exporters.to_c.PARTS, tmp_path / "parts")
    source = tmp_path / "parts" / "runtime" / "snn_runtime.c"
    text = source.read_text().replace("p->at_threshold ? v : v - 1", "p->at_threshold ? v : v + 1")
    source.write_text(text)
    monkeypatch.setattr(exporters.to_c, "PARTS", tmp_path / "parts")
    tried = program_batch({**job, "cases": 40}, tmp_path)["tried"]
    assert tried[f"{C_AT_ONCE} differs"] > 0
    assert tried[f"{C_AT_ONCE} equal"] > 0


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path):
    first = fuzz(1, what=["files"], folder=tmp_path)
    more = fuzz(1, what=["files"], folder=tmp_path, resume=True)
    assert all(more.batches[name] >= number > 0 for name, number in first.batches.items())
    assert more.batches.total() > first.batches.total()
    assert all(more.tried[key] >= count for key, count in first.tried.items())
    assert json.loads((tmp_path / "findings.json").read_text()) == more.to_json()
    with pytest.raises(InputError, match="the campaign there has seed 0, not 1"):
        fuzz(1, seed=1, what=["files"], folder=tmp_path, resume=True)
    (tmp_path / "findings.json").write_text('{"schema": "snn2hw.fuzz/1", "seed": 0}')
    with pytest.raises(FileError, match="is no campaign of this version"):
        fuzz(1, what=["files"], folder=tmp_path, resume=True)


def test_an_executor_that_is_not_there_is_refused_by_name():
    with pytest.raises(InputError, match="executor 'fats' is unknown"):
        fuzz(1, executors=["reference", "fats"])
