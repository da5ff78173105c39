"""`snn2hw energy` as a user meets it."""

import json
from pathlib import Path

import numpy as np
import pytest

from exporters.program_file import write_program
from snn2hw.commands import main
from snn2hw.files.rasters import write_npz, write_raster
from tests.costs.test_report import program, raster, write_cnn


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_program(program(), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", raster(), np.arange(6) % 3)
    write_cnn(tmp_path / "cnn.onnx")
    samples = np.random.default_rng(2).standard_normal((6, 1, 6, 6)).astype(np.float32)
    write_npz(tmp_path / "f.npz", {"features": samples, "labels": np.arange(6) % 3})
    write_npz(tmp_path / "other.npz", {"pictures": samples})
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORDS = ["energy", "p.nir", "--input", "x.npz", "--engine", "reference"]


def test_energy_prints_the_report_and_writes_json_and_pictures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "--ann", "cnn.onnx", "--ann-input", "f.npz", "-o", "e.json", "--plots", "pictures"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "every amount is a proxy" in printed
    assert "verdict: as counted, the SNN loses under" in printed
    written = json.loads((folder / "e.json").read_text())
    assert written["digest"] == program().digest
    assert written["ann"]["effective_macs"]["mean"] < written["ann"]["macs"]
    assert sorted(p.name for p in (folder / "pictures").iterdir()) == ["break_even.png", "energy.png"]


def test_energy_without_an_ann_prices_the_program_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS, "--samples", "2", "--tables", "loihi1_davies2018,ndns_proxy", "-o", "e.json"]
    assert main(words) == 0
    assert "verdict" not in capsys.readouterr().out
    written = json.loads((folder / "e.json").read_text())
    assert [c["table"] for c in written["snn"]] == ["loihi1_davies2018", "ndns_proxy"]
    assert (written["samples"], written["ann"], written["comparisons"]) == (2, None, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--samples", "0"], "--samples 0  fix: ask for at least one"),
        (["--ann-input", "f.npz"], "--ann-input without --ann"),
        (["--device", "m9"], "processor 'm9' is unknown"),
        (["--device", "m4", "--ann", "cnn.onnx"], "--device, and --ann without samples  fix: name them: --ann-input"),
        (["--ann", "p.nir"], "p.nir: not a valid ONNX file"),
        (
            ["--ann", "cnn.onnx", "--ann-input", "other.npz"],
            "other.npz: holds pictures  fix: save the ANN's samples as",
        ),
        (["--tables", "loihi3"], "price table 'loihi3' is unknown"),
        (["--confidence", "2"], "confidence 2.0"),
    ],
)
def test_bad_usage_is_one_message(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main([*WORDS, *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
