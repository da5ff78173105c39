"""Classifiers of whole sounds: their shapes, each trained for an epoch by the command, weights from a file."""

import json

import jsonschema
import numpy as np
import pytest
import torch

from sim.errors import FileError, InputError, MissingToolError
from snn2hw.commands import main
from snn2hw.schemas import get_schema
from snn2hw.train.sound_networks import begin_with, sound_network
from snn2hw.train.stream_data import stream_recipe_for
from snn2hw.train.stream_recipe import PRETRAINED, WHOLE
from tests.train.tones import write_tones

SMALL = tuple(name for name in WHOLE if name not in PRETRAINED)


def maps(model):
    return [tuple(p.shape) for p in model.parameters() if p.dim() > 1]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("tones"), count=20)


def train(table, run, *options):
    return main(["train", "folder", "--data", str(table), "-o", str(run), "--epochs", "1", "--batch", "8", *options])


@pytest.mark.parametrize("name", SMALL)
def test_each_answers_once_for_a_whole_sound_and_learns(name):
    torch.manual_seed(0)
    model = sound_network(name, 48, 107, 10)
    answers = model.train()(torch.randn(3, 107, 48))
    assert answers.shape == (3, 1, 10)
    answers.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_sizes_are_those_described():
    convs = [(8, 1, 3, 3), (8, 8, 3, 3), (8, 8, 3, 3)]
    n = 8 * (107 // 4) * (48 // 4)
    assert maps(sound_network("baseline", 48, 107, 10)) == [*convs, (n // 4, n), (n // 64, n // 4), (10, n // 64)]
    n = 32 * (107 // 8) * (48 // 8)
    blocks = [(8, 1), (8, 8), (16, 8), (16, 16), (32, 16), (32, 32)]
    dense = [(n // 4, n), (n // 64, n // 4), (10, n // 64)]
    assert maps(sound_network("esc-vgg", 48, 107, 10)) == [*((*sizes, 3, 3) for sizes in blocks), *dense]
    widths = [size[0] for size in maps(sound_network("extractor", 64, 96, 10))]
    assert widths == [16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024, 10]
    gru = [(192, 16 * 22), (192, 64), (192, 64), (192, 64)]
    assert maps(sound_network("crnn-a", 48, 107, 10)) == [(16, 1, 20, 5), *gru, (64, 64), (1, 64), (10, 64)]


def test_an_lstm_answers_from_its_last_frame_and_attention_from_all():
    torch.manual_seed(0)
    for name, blind in (("lstm", False), ("crnn-a", False)):
        model = sound_network(name, 10, 40, 3).eval()
        x = torch.randn(1, 40, 10, requires_grad=True)
        (slope,) = torch.autograd.grad(model(x)[0, 0, 0], x)
        assert bool((slope[0, 0] == 0).all()) == blind
        assert bool((slope[0, 35] == 0).all()) == blind


def test_networks_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        sound_network("baselin", 48, 107, 10)
    with pytest.raises(InputError, match="give longer sounds or more bands"):
        sound_network("esc-vgg", 8, 8, 10)
    with pytest.raises(InputError, match="give 20 frames and 5 bands"):
        sound_network("crnn-a", 48, 19, 10)


@pytest.mark.parametrize("name", ["baseline", "lstm", "crnn-a"])
def test_the_command_trains_them_and_counts_what_they_confuse(name, table, tmp_path):
    options = ("--model", name, "--class-weights", "balanced", "--balanced", "--mixup", "0")
    assert train(table, tmp_path / "run", *options) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    jsonschema.validate(summary, get_schema(summary["schema"]))
    share, counts = summary["accuracy"]["test"]["float"], np.array(summary["confusion"])
    assert counts.sum() == share["clips"] == 4
    assert counts.trace() == share["right"]
    for picture in ("curves.png", "confusion.png"):
        assert (tmp_path / "run" / picture).read_bytes().startswith(b"\x89PNG")
    assert train(table, tmp_path / "run", *options, "--more-epochs", "1") == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["epochs"] == 2


def test_class_weights_change_what_is_learnt(table, tmp_path):
    rows = []
    lines = table.read_text().splitlines()
    rare = table.with_name("rare.csv")
    rare.write_text("\n".join([lines[0], *(x for k, x in enumerate(lines[1:]) if k % 2 == 0 or k % 4 == 1)]))
    for kind in ("none", "balanced"):
        options = ("--model", "baseline", "--class-weights", kind)
        assert train(rare, tmp_path / kind, *options) == 0
        rows.append(json.loads((tmp_path / kind / "log.jsonl").read_text().splitlines()[0]))
    assert rows[0]["loss"] != rows[1]["loss"]


@pytest.mark.parametrize("name", ["efficientnet-b0", pytest.param("vgg-19", marks=pytest.mark.full)])
def test_a_network_of_torchvision_is_trained_from_a_file_of_weights(name, table, tmp_path, capsys):
    try:
        model = sound_network(name, 40, 79, 2)
    except MissingToolError as error:
        pytest.skip(str(error))
    features = model.get_submodule("classifier.features").state_dict()
    file = tmp_path / "weights.pth"
    torch.save(
        {f"features.{key}": value for key, value in features.items()} | {"classifier.bias": torch.zeros(3)}, file
    )
    assert train(table, tmp_path / "run", "--model", name, "--weights", str(file)) == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["accuracy"]["test"]["float"]["clips"] == 4
    recipe = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["recipe"]
    assert len(recipe["start"]) == 64
    capsys.readouterr()
    torch.save({"features.0.weight": torch.zeros(3)}, file)
    assert train(table, tmp_path / "other", "--model", name, "--weights", str(file)) == 2
    assert "weights of another network" in capsys.readouterr().err


def test_the_weights_of_a_file_are_in_the_network():
    try:
        one, two = (sound_network("efficientnet-b0", 40, 79, 2) for _ in range(2))
    except MissingToolError as error:
        pytest.skip(str(error))
    given = one.get_submodule("classifier.features").state_dict()
    begin_with(two, {f"features.{name}": value for name, value in given.items()}, "w.pth")
    for name, value in two.get_submodule("classifier.features").state_dict().items():
        assert torch.equal(value, given[name])
    with pytest.raises(FileError, match=r"w\.pth: weights of another network"):
        begin_with(two, {}, "w.pth")


def test_weights_are_for_networks_of_torchvision(table, tmp_path, capsys):
    file = tmp_path / "w.pth"
    torch.save({}, file)
    for options, said in (
        (("--model", "baseline", "--weights", str(file)), "only efficientnet-b0 and vgg-19 begin with a file's"),
        (("--model", "vgg-19", "--weights", str(tmp_path / "none")), "no such file"),
        (("--model", "scnn", "--weights", str(file)), "for a network of torchvision"),
    ):
        assert train(table, tmp_path / "run", *options) == 2
        assert said in capsys.readouterr().err


def test_they_hear_whole_utterances():
    for name in WHOLE:
        recipe = stream_recipe_for("esc10", name)
        assert (recipe.front.mean, recipe.mixup) == ("utterance", 0.3)
