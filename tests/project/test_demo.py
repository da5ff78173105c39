"""The demo tells the whole story, without torch, and says no when an executor disagrees."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from snn2hw.commands import main
from snn2hw.demo import exhibit, story

PICTURES = ("raster", "membrane", "bits", "energy", "break-even")


@pytest.fixture(scope="module")
def short():
    """The same chapters on fewer clips, widths and executors."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(exhibit, "TEST_CLIPS", 30)
    monkeypatch.setattr(exhibit, "CALIBRATION_CLIPS", 24)
    monkeypatch.setattr(story, "BITS", (8, 4))
    monkeypatch.setattr(story, "VERIFIED_CLIPS", 1)
    monkeypatch.setattr(story, "EXECUTORS", ("fast", "onnx"))
    monkeypatch.setattr(story, "FORMATS", ("nir", "c"))
    yield
    monkeypatch.undo()


@pytest.fixture(scope="module")
def told(short, tmp_path_factory):
    """Return the folder of a demo, and what it printed."""
    folder, printed = tmp_path_factory.mktemp("told") / "demo", io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["demo", "-o", str(folder)]) == 0
    return folder, printed.getvalue()


def test_the_demo_leaves_program_exports_verdict_energy_and_pictures(told):
    folder, printed = told
    assert "reference = fast = onnx" in printed
    facts = json.loads((folder / "summary.json").read_text())
    assert facts["accuracy"]["integer"] >= 0.9
    assert facts["verdict"] == {"reference": "baseline", "fast": "equal", "onnx": "equal"}
    assert set(facts["accuracy_by_bits"]) == {"8", "4"}
    assert {p.name for p in folder.iterdir()} >= {
        "digits.nir",
        "energy.json",
        "export",
        "verdict.json",
        "report.html",
        "report.json",
        *(f"{name}.png" for name in PICTURES),
    }
    assert all((folder / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in PICTURES)
    assert json.loads((folder / "energy.json").read_text())["digest"] == facts["digest"]


def test_the_demo_ends_with_the_page_of_its_own_run(told, tmp_path):
    folder, printed = told
    assert printed.splitlines()[-1] == f"open first: {folder / 'report.html'}"
    report = json.loads((folder / "report.json").read_text())
    words = {answer["id"].removeprefix("answer."): answer["word"] for answer in report["answers"]}
    assert (words["same"], words["fits"], words["missing"]) == ("Yes, bit for bit", "Yes", "Nothing")
    assert words["time"].startswith("At least")
    assert words["energy"].endswith("J")
    examples = next(section for section in report["sections"] if section["id"] == "examples")["examples"]
    assert len({example["label"] for example in examples}) == len(examples) == 4
    assert all(example["sound"] for example in examples)
    assert main(["report", str(folder), "-o", str(tmp_path / "again.html")]) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == report


def test_the_demo_says_no_when_an_executor_disagrees(short, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(story, "EXECUTORS", ("tests.verification.bad_executors:another_program",))
    monkeypatch.setattr(story, "FORMATS", ())
    monkeypatch.setattr(story, "_draw", lambda *a: None)
    monkeypatch.setattr(story, "_price", lambda *a: None)
    monkeypatch.setattr(story, "_report", lambda *a: None)
    assert main(["demo", "-o", str(tmp_path)]) == 1
    assert "the executors do NOT agree" in capsys.readouterr().out


def test_the_demo_needs_no_torch(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from snn2hw.demo.exhibit import load_exhibit, shipped\n"
        "e = load_exhibit(shipped()); print(e.test.shape[0], 'norse' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "150 False\n"
