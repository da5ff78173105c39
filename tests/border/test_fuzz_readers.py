"""The fuzzer has a reader for every place that reads a file from outside, and nothing is read behind the border."""

import ast
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.fuzz.ledger import read_campaign
from snn2hw.fuzz.readers import READERS, available, write_seeds

ROOT = Path(__file__).parents[2]
BORDER = ("open_plain", "read_bytes", "open_checked")
"""What opens a file from outside."""
BETWEEN = ("contextlib.py", "functools.py", "border.py")
BEYOND = {"sim/border.py", "exporters/hdf5_border.py"}
UNREACHED: dict[str, str] = {}
"""Module to the reason why no reader of the fuzzer comes by."""
OWN = {
    "sim/digest.py": "a value of this process, written and read again",
    "sim/worker_guard.py": "what its owner tells it",
    "snn2hw/audio/cache.py": "its own cache: what cannot be read is computed again",
    "snn2hw/audio/espeak.py": "voices of the installed package",
    "snn2hw/audio/espeak_process.py": "what its owner tells it",
    "snn2hw/commands/streams.py": "standard streams",
    "snn2hw/audio/stored_front.py": "a value of this process, written and read again",
    "snn2hw/ann/firmware/measure.py": "what the emulator of its own run wrote",
    "snn2hw/chips/target.py": "files of the package",
    "snn2hw/commands/identity.py": "bytes for a digest",
    "snn2hw/costs/price_files.py": "files of the package",
    "snn2hw/page/render.py": "files of the package",
    "snn2hw/placement/replay.py": "the answer of its own process",
    "snn2hw/purpose.py": "the text of a front end that has been read",
    "snn2hw/schemas/__init__.py": "files of the package",
    "snn2hw/train/memory.py": "what the kernel says of the machine",
    "snn2hw/train/recipe.py": "a value of this process, written and read again",
    "snn2hw/verification/isolate.py": "the answer of its own process",
    "snn2hw/verification/lockstep.py": "the answer of its own process",
    "snn2hw/verification/worker.py": "what its owner wrote for it",
    "snn2hw/zoo/__init__.py": "files of the package",
    "sim/fast/vector/jit.py": "its own sources",
    "snn2hw/files/tensor_file.py": "bytes that have come over the border",
    "exporters/environment.py": "the stamp of an environment: what cannot be read is no stamp",
    "exporters/firmware/build.py": "what its own build wrote",
    "exporters/lava/runner.py": "the answer of its own process",
    "exporters/lava/session.py": "the answer of its own process",
    "exporters/rtl_export/stream.py": "what its own simulation wrote",
    "exporters/to_firmware.py": "files of the package",
    "exporters/xylo/runner.py": "the answer of its own process",
    "exporters/to_rtl.py": "files of the package",
    "snn2hw/calls/call.py": "the answer of its own process",
    "snn2hw/calls/worker.py": "what its own process wrote",
    "snn2hw/cluster/called.py": "what its own call wrote",
    "snn2hw/cluster/code.py": "its own sources",
    "snn2hw/cluster/program_bytes.py": "what it has just written",
    "snn2hw/commands/answering.py": "what its owner asks, and what it has just said",
}
"""Modules that read something else than files from outside without the border, and what."""


def _modules():
    for package in ("sim", "exporters", "snn2hw"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            apart = ("/fuzz/", "/standalone/", "/worker/", "onnx_export/run_onnx", "/xylo/standalone")
            if not any(part in name for part in apart):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def _called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, node.func


def _border_users():
    for name, tree in _modules():
        named = any(isinstance(f, ast.Name) and f.id in BORDER for _, f in _called(tree))
        if named and name not in BEYOND:
            yield name


PARSERS = ("json.loads", "json.load", "np.load", "np.fromstring", "np.loadtxt", "torch.load", "csv.reader")


def _reads_behind(tree):
    """Say whether a module parses or reads something without the border."""
    for _, f in _called(tree):
        if isinstance(f, ast.Attribute):
            whose = f.value.id if isinstance(f.value, ast.Name) else ""
            if f"{whose}.{f.attr}" in PARSERS or f.attr in ("read_text", "read_bytes"):
                yield f.attr
        elif isinstance(f, ast.Name) and f.id == "open":
            yield f.id


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    """Return the modules from which something was opened while every reader read its good files, and who was read."""
    folder, found = tmp_path_factory.mktemp("seeds"), set()

    def look(frame, event, _):
        if event == "call" and frame.f_code.co_name in BORDER and frame.f_code.co_filename.endswith("border.py"):
            back = frame.f_back
            while back is not None and Path(back.f_code.co_filename).name in (
                "contextlib.py",
                "functools.py",
                "border.py",
            ):
                back = back.f_back
            if back is not None and Path(back.f_code.co_filename).is_relative_to(ROOT):
                found.add(Path(back.f_code.co_filename).relative_to(ROOT).as_posix())

    seeds = write_seeds(folder, np.random.default_rng(0))
    before = sys.getprofile()
    sys.setprofile(look)
    try:
        for name, paths in seeds.items():
            for path in paths:
                READERS[name].read(path)
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.skipif(set(available()) != set(READERS), reason="readers need packages that are not here")
def test_every_place_that_opens_a_file_from_outside_is_reached_by_a_reader_of_the_fuzzer(reached):
    users = set(_border_users())
    assert users - reached - set(UNREACHED) == set()
    assert set(UNREACHED) <= users - reached  # no reason for what is reached


def test_nothing_else_is_read_without_the_border():
    behind = {name for name, tree in _modules() if name not in BEYOND | {"sim/border.py"} and list(_reads_behind(tree))}
    assert behind - set(OWN) == set()
    assert set(OWN) - behind == set()


def test_the_page_lists_every_reader():
    page = (ROOT / "docs" / "border.md").read_text(encoding="utf-8")
    assert [name for name in READERS if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    "damage",
    [
        {"batches": [""]},
        {"seed": "x"},
        {"seed": 1e300},
        {"tried": [{"subject": "a", "outcome": "b", "cases": "c"}]},
        {"tried": 3},
    ],
    ids=str,
)
def test_a_campaign_of_which_a_field_is_wrong_is_refused(tmp_path, damage):
    good = {"schema": "snn2hw.fuzz/1", "seed": 3, "batches": {}, "tried": [], "findings": []}
    (tmp_path / "findings.json").write_text(json.dumps(good))
    assert read_campaign(tmp_path, 3).seed == 3
    (tmp_path / "findings.json").write_text(json.dumps(good | damage))
    with pytest.raises(
        InputError, match=r"findings\.json: (is no campaign of this version|the campaign there has seed)"
    ):
        read_campaign(tmp_path, 3)
