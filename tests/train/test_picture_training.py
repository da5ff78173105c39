"""The whole path of pictures of spectrograms: trained on, encoded as trained on, compiled, run."""

import json

import numpy as np
import pytest
from PIL import Image

from snn2hw.commands import main
from snn2hw.files.rasters import read_raster


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 6)):
        for label, rows in (("low", slice(30, 40)), ("high", slice(0, 10))):
            (root / part / label).mkdir(parents=True)
            for k in range(count):
                pixels = random.integers(0, 60, (40, 50)).astype(np.uint8)
                pixels[rows] += 150
                Image.fromarray(pixels).save(root / part / label / f"{k}.png")
    return root


def train(folder, run, *options):
    return main(["train", "folder", "--data", str(folder), "-o", str(run), *options])


def test_pictures_are_trained_on_encoded_and_run(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SNN2HW_CACHE", str(tmp_path / "cache"))
    run = tmp_path / "run"
    small = ("--epochs", "6", "--variants", "2", "--steps", "4", "--batch", "16", "--validation", "0.2")
    assert train(folder, run, *small) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["accuracy"]["test"] == 1
    assert summary["recipe"]["mel"]["pictures"] is True
    where = ("--data", str(folder), "--front", str(run / "front.json"), "-o", str(tmp_path / "x.npz"))
    assert main(["encode", "folder", *where]) == 0
    one, two = (read_raster(path) for path in (run / "test.npz", tmp_path / "x.npz"))
    np.testing.assert_array_equal(one.spikes, two.spikes)
    program = str(tmp_path / "p.nir")
    test = str(run / "test.npz")
    assert main(["compile", str(run / "model.pt"), "--data", test, "-o", program]) == 0
    capsys.readouterr()
    assert main(["run", program, "--input", test, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["right"], said["samples"]) == (12, 12)


def test_sounds_for_a_front_end_of_pictures_are_refused(folder, tmp_path, capsys):
    assert train(folder, tmp_path / "run", "--stream") == 2
    assert "pictures, and a stream hears sounds" in capsys.readouterr().err
    assert train(folder, tmp_path / "run", "--model", "tcy") == 2
    assert "pictures, and published pairs hear sounds" in capsys.readouterr().err
    assert train(folder, tmp_path / "other", "--ends-db", "-30") == 2
    assert "a picture has no silent ends" in capsys.readouterr().err
