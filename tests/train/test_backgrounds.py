"""Training clips of a stream with the sounds of a folder behind them."""

import json

import numpy as np
import pytest
import soundfile

from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.recipe import recipe_to
from snn2hw.train.stream_data import background_power, stream_recipe_for
from snn2hw.train.stream_recipe import stream_recipe_from
from tests.train.tones import trained


def noises(folder, *seconds):
    """Write a folder of noises, one of them deeper."""
    for k, length in enumerate(seconds):
        place = folder / "more" if k else folder
        place.mkdir(parents=True, exist_ok=True)
        sound = np.random.default_rng(k).normal(0, 0.1, round(16000 * length)).astype(np.float32)
        soundfile.write(place / f"{k}.wav", sound, 16000)
    return folder


def test_clips_are_mixed_with_the_sounds_of_a_folder(tmp_path, capsys):
    behind = noises(tmp_path / "behind", 1.0, 0.5)
    options = ["--background", str(behind), "--background-db", "3,9", "--epochs", "2", "--size", "small"]
    assert trained(tmp_path, *options) == 0
    run = tmp_path / "run"
    recipe = stream_recipe_from(read_checkpoint(run / "last.pt")["recipe"], "last.pt")
    assert (recipe.how.background, recipe.how.background_db, len(recipe.background)) == (0.5, (3.0, 9.0), 64)
    assert recipe_to(recipe) == read_checkpoint(run / "last.pt")["recipe"]
    mixed = (run / "log.jsonl").read_text()
    noises(tmp_path / "behind", 1.0, 0.4)
    assert trained(tmp_path, *options) == 2, "a run is of one folder's sounds"
    assert "is a run with background" in capsys.readouterr().err
    run.rename(tmp_path / "mixed")
    assert trained(tmp_path, *options[4:]) == 0
    alone = (run / "log.jsonl").read_text()
    losses = [[json.loads(line)["loss"] for line in text.splitlines()] for text in (mixed, alone)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--background-db", "0,9"), "--background-db: there is no background"),
        (("--background", "none"), "none: no such folder"),
        (("--background", "empty"), "empty: no sound files (.wav, .flac, .ogg)"),
        (("--background", "brief"), "0.wav: lasts 0.001 s"),
        (("--background", "brief", "--skip-damaged"), "brief: every file is damaged"),
        (("--background", "brief", "--background-db", "9,0"), "background_db 9 to 0"),
    ],
)
def test_backgrounds_that_are_none_are_refused(tmp_path, capsys, monkeypatch, options, said):
    noises(tmp_path / "brief", 0.001)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert trained(tmp_path, *options) == 2
    assert said in capsys.readouterr().err


def test_a_background_of_images_is_refused(tmp_path, capsys):
    run = ["train", "folder", "--data", str(tmp_path), "-o", str(tmp_path / "run")]
    for option in (["--background", str(tmp_path)], ["--background-db", "0,9"]):
        for model in ([], ["--model", "m5"], ["--model", "tests.train.own_nets:looped"]):
            assert main([*run, *option, *model]) == 2
            assert f"{option[0]} " in capsys.readouterr().err
    assert main([*run, "--background-db", "9"]) == 2
    assert "--background-db: '9' is no range" in capsys.readouterr().err


def test_backgrounds_shorter_than_a_window_are_refused():
    with pytest.raises(InputError, match="none is as long as a window"):
        background_power([np.ones(100)], stream_recipe_for("keywords").front.spectra)
