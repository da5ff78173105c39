"""`snn2hw ann`: from the checkpoint of a trained CNN to ONNX files that a comparison reads."""

from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.ann.graph import load
from snn2hw.ann.macs import macs
from snn2hw.commands import main
from snn2hw.files.rasters import read_npz

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
soundfile = pytest.importorskip("soundfile")

from snn2hw.ann.twin import write_twin  # noqa: E402


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two words of six clips each: a low and a high tone, six speakers."""
    rng = np.random.default_rng(0)
    for word, pitch_hz in (("low", 300), ("high", 1500)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for clip in range(6):
            tone = 0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(4000) / 8000) + 0.01 * rng.standard_normal(4000)
            soundfile.write(tmp_path / "words" / word / f"s{clip}_{clip}.wav", tone, 8000)
    return tmp_path / "words"


def _checkpoint(corpus: Path, path: Path, model: str = "cnn") -> Path:
    from snn2hw.audio.folder import read_folder
    from snn2hw.audio.front import FrontEnd, to_json
    from snn2hw.audio.logmel import LogMel, decibels, fit_normaliser
    from snn2hw.models.layout import Layout, Stage
    from snn2hw.train.checkpoint import build, write_checkpoint
    from snn2hw.train.network_recipe import NetworkRecipe, encoder_of
    from snn2hw.train.recipe import recipe_to

    torch.manual_seed(0)
    recipe = NetworkRecipe(model=model, layout=Layout((Stage(2, 3, 2),), hidden=4))
    found = read_folder(corpus, 8000)
    mel = LogMel()
    scale = fit_normaliser(np.stack([decibels(s, mel) for s in found.samples]), recipe.levels)
    network = build(recipe, len(found.classes))
    front = FrontEnd(mel, scale, encoder_of(recipe), recipe.decoder, found.classes)
    values = {"recipe": recipe_to(recipe), "weights": network.state_dict(), "front": to_json(front)}
    write_checkpoint(path, values | {"accuracy": {"test": 0.5}})
    return path


def test_the_command_writes_both_networks_and_the_samples(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "twin"
    model = _checkpoint(corpus, tmp_path / "model.pt")
    assert main(["ann", "folder", "--data", str(corpus), "--model", str(model), "-o", str(out)]) == 0
    assert "floats " in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["ann-input.npz", "cnn.int8.onnx", "cnn.onnx"]
    held = read_npz(out / "ann-input.npz")
    assert held["features"].shape[1:] == load(out / "cnn.onnx").inputs[0].shape[1:]
    assert len(held["labels"]) == len(held["features"])
    assert macs(load(out / "cnn.onnx")).total == macs(load(out / "cnn.int8.onnx")).total > 0


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # Norse, when it is imported
def test_a_spiking_checkpoint_is_refused(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = _checkpoint(corpus, tmp_path / "model.pt", "scnn")
    assert main(["ann", "folder", "--data", str(corpus), "--model", str(model), "-o", str(tmp_path)]) == 2
    assert "is a spiking network  fix: train the twin" in capsys.readouterr().err


def test_the_accuracies_are_those_of_the_labels_given(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 3))
    samples = np.random.default_rng(0).standard_normal((40, 1, 2, 3)).astype(np.float32)
    with torch.no_grad():
        decided = model(torch.from_numpy(samples)).argmax(1).numpy()
    labels = np.where(np.arange(40) < 10, (decided + 1) % 3, decided)
    twin = write_twin(model, samples, labels, samples, tmp_path)
    assert twin.accuracy == 0.75
    assert abs(twin.accuracy_int8 - 0.75) <= 0.1


def test_samples_without_labels_are_refused(tmp_path: Path) -> None:
    samples = np.zeros((3, 4), np.float32)
    with pytest.raises(InputError, match="3 samples, 2 labels, 3 for calibration"):
        write_twin(torch.nn.Linear(4, 2), samples, np.zeros(2, np.int64), samples, tmp_path)
