"""What a run of a stream, a denoiser or a pair leaves is a MODEL: compiled again, it is the run's own program."""

import json
from hashlib import sha256

import numpy as np
import pytest
import torch

from exporters.program_file import read_program_file
from sim.errors import FileError, UnsupportedError
from snn2hw.commands import main
from snn2hw.commands.model import load_source
from snn2hw.files.rasters import read_raster
from snn2hw.purpose import read_purpose
from snn2hw.schemas import get_schema
from snn2hw.train.checkpoint import load_trained, read_checkpoint, write_checkpoint
from snn2hw.train.ready import read_ready
from snn2hw.train.recipe import recipe_to
from snn2hw.train.run_model import read_run_model
from snn2hw.train.stream_data import stream_recipe_for
from snn2hw.train.stream_recipe import stream_recipe_from
from tests.denoise.conftest import parts as parts  # a fixture
from tests.rows import a_third
from tests.train.tones import write_tones


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("tones"))


def trained(table, run, *options):
    """Train a small stream on two tones by the command."""
    where = ["--data", str(table), "-o", str(run)]
    small = [] if "--target" in options else ["--size", "small"]
    assert main(["train", "folder", "--stream", *where, "--batch", "16", "--epochs", "1", *small, *options]) == 0
    return run


@pytest.fixture(scope="module")
def stream(table, tmp_path_factory):
    return trained(table, tmp_path_factory.mktemp("stream") / "run")


@pytest.fixture(scope="module")
def twin(table, tmp_path_factory):
    return trained(table, tmp_path_factory.mktemp("twin") / "run", "--model", "cnn")


def compiled(run, program, *options):
    """Compile the model of a run on the data it was compiled with, and return the program file."""
    data = ["--data", str(run / "calibration.npz")]
    assert main(["compile", str(run / "model.pt"), *data, "-o", str(program), *options]) == 0
    return read_program_file(program)


def test_a_streams_model_compiled_as_its_run_was_is_the_runs_program(stream, tmp_path):
    found = compiled(stream, tmp_path / "p.nir", "--target", "loihi1", "--bias", "register")
    own = read_program_file(stream / "program.nir")
    assert found.program.digest == own.program.digest
    assert found.program.digest == json.loads((stream / "summary.json").read_text())["digest"]
    assert found.attachments["certificate"] == own.attachments["certificate"]
    assert read_purpose(tmp_path / "p.nir") == read_purpose(stream / "program.nir")
    listen, wanted = (dict(each.attachments["listen"]) for each in (found, own))
    assert listen.pop("unit") == pytest.approx(wanted.pop("unit"), rel=1e-6)
    assert listen == wanted


def test_it_listens_and_is_fed_what_the_run_left(stream, table, tmp_path, capsys):
    compiled(stream, tmp_path / "p.nir", "--weight-bits", "4")
    capsys.readouterr()
    assert main(["listen", str(tmp_path / "p.nir"), str(table.parent / "0.wav"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["label"] in ("low", "high")
    assert main(["run", str(tmp_path / "p.nir"), "--input", str(stream / "test.npz"), "--json"]) == 0
    assert main(["check", str(stream / "model.pt"), "--target", "loihi1"]) == 0


def test_without_data_it_says_what_it_is_for_and_does_not_listen(stream, tmp_path):
    assert main(["compile", str(stream / "model.pt"), "-o", str(tmp_path / "p.nir")]) == 0
    said = read_program_file(tmp_path / "p.nir").attachments
    assert set(said) == {"certificate", "purpose"}
    assert said["purpose"]["classes"] == ["high", "low"]
    assert said["certificate"]["messages"] == [-63, 63]


def test_a_tuned_stream_listens(stream, tmp_path, capsys):
    words = ["tune", str(stream / "model.pt"), "--data", str(stream / "test.npz"), "-o", str(tmp_path / "p.nir")]
    assert main([*words, "--epochs", "1", "--device", "cpu"]) == 0
    assert set(read_program_file(tmp_path / "p.nir").attachments) >= {"purpose", "listen"}


@pytest.mark.parametrize("options", a_third(["--weight-bits 3", "--delays 4", "--target xylo2"]))
def test_streams_of_every_kind_have_their_runs_digest(table, options, tmp_path):
    run = trained(table, tmp_path / "run", *options.split())
    target = "xylo2" if "xylo2" in options else "loihi1"
    found = compiled(run, tmp_path / "p.nir", "--target", target, "--bias", "register")
    own = read_program_file(run / "program.nir")
    assert found.program.digest == own.program.digest
    assert set(found.attachments) - {"quantization"} == set(own.attachments)


def test_a_prolonged_run_has_the_model_of_its_end(table, tmp_path):
    run = trained(table, tmp_path / "run")
    before = (run / "model.pt").read_bytes()
    trained(table, run)
    assert (run / "model.pt").read_bytes() == before  # nothing was left to do
    (run / "model.pt").unlink()  # as if the run had been killed before it was written
    trained(table, run)
    assert (run / "model.pt").read_bytes() == before
    trained(table, run, "--more-epochs", "1")
    kept = read_checkpoint(run / "last.pt")["best"]["weights"]
    model = read_run_model(run / "model.pt").model.state_dict()
    assert all(torch.equal(kept[name], model[name]) for name in kept)
    assert (run / "model.pt").read_bytes() != before


@pytest.mark.parametrize(
    "model",
    ["--stream --size small", "--model hjh --width 0.5 --steps 2", "--model scnn --steps 2 --variants 0 --device cpu"],
)
def test_a_run_of_other_classes_is_no_run_to_go_on_with(model, tmp_path, capsys, monkeypatch):
    """A finished one, and one whose network has not been written yet."""
    monkeypatch.setenv("SNN2HW_CACHE", str(tmp_path / "cache"))
    table = write_tones(tmp_path / "data", count=20)
    text, run = table.read_text(), tmp_path / "run"
    words = ["train", "folder", "--data", str(table), "-o", str(run), "--batch", "16", "--epochs", "1", *model.split()]
    assert main(words) == 0
    table.write_text(text.replace("low", "then"))
    said = "last.pt: is a run with classes ['high', 'low'], not ['high', 'then']  fix: use another folder, or remove"
    for _ in range(2):
        capsys.readouterr()
        assert main(words) == 2
        assert said in capsys.readouterr().err
        (run / "model.pt").unlink(missing_ok=True)
    table.write_text(text)
    assert main(words) == 0
    assert read_checkpoint(run / "model.pt").get("classes", ["high", "low"]) == ["high", "low"]


def test_a_state_of_before_that_says_no_classes_is_taken_up(tmp_path):
    run = trained(write_tones(tmp_path / "data", count=20), tmp_path / "run")
    state = read_checkpoint(run / "last.pt")
    assert state.pop("classes") == ["high", "low"]
    write_checkpoint(run / "last.pt", state)
    (run / "model.pt").unlink()
    assert trained(tmp_path / "data" / "list.csv", run) == run
    assert read_run_model(run / "model.pt").classes == ("high", "low")


def test_a_denoisers_model_is_the_runs_program_and_denoises(parts, tmp_path, capsys, monkeypatch):
    from snn2hw.denoise.mixing import Mixing
    from snn2hw.models.mask import MaskLayout
    from snn2hw.train.denoising import recipe as recipes

    def small(**given):
        layout = MaskLayout(hidden=(10, 8), spread=(1, 2))
        return recipes.DenoiseRecipe(layout=layout, mixtures=8, mixing=Mixing(seconds=0.5), **given)

    monkeypatch.setattr("snn2hw.commands.train_denoise.recipe_for", lambda args: small(epochs=1, batch=8))
    run = tmp_path / "run"
    assert main(["train", "denoise", "--data", str(parts), "-o", str(run)]) == 0
    found = compiled(run, tmp_path / "p.nir", "--bias", "register", "--target", "loihi1")
    own = read_program_file(run / "program.nir")
    assert found.program.digest == own.program.digest
    assert found.attachments["denoise"] == own.attachments["denoise"]
    assert found.attachments["certificate"] == own.attachments["certificate"]
    monkeypatch.setattr("snn2hw.commands.train_denoise.recipe_for", lambda args: small(epochs=1, batch=8, model="ann"))
    assert main(["train", "denoise", "--data", str(parts), "-o", str(tmp_path / "ann")]) == 0
    capsys.readouterr()
    assert main(["compile", str(tmp_path / "ann" / "model.pt"), "-o", str(tmp_path / "q.nir")]) == 1
    assert "does not spike: it is the denoiser ann" in capsys.readouterr().err


def test_a_twin_does_not_spike(twin, capsys, tmp_path):
    for command in (["check"], ["compile", "-o", str(tmp_path / "p.nir")]):
        assert main([command[0], str(twin / "model.pt"), *command[1:]]) == 1
        said = capsys.readouterr().err
        assert "model.pt: does not spike: it is a twin of ReLUs  fix: train the spiking network from it" in said
        assert f"--stream --start {twin / 'model.pt'}" in said


def test_a_classifier_of_whole_sounds_does_not_spike(table, tmp_path):
    where = ["--data", str(table), "-o", str(tmp_path / "run"), "--batch", "16", "--epochs", "1"]
    assert main(["train", "folder", "--model", "vgg", *where]) == 0
    with pytest.raises(UnsupportedError, match="does not spike: it is vgg, which hears a whole sound"):
        load_source(str(tmp_path / "run" / "model.pt"))


def test_another_input_shape_is_refused(stream):
    with pytest.raises(Exception, match=r"reads \(1, 1, 40\), not \(3,\)"):
        load_source(str(stream / "model.pt"), input_shape=(3,))


def test_the_state_of_a_run_is_no_model_and_says_so(stream, capsys):
    assert main(["check", str(stream / "last.pt")]) == 2
    assert "last.pt: is the state of a run, not its network  fix: use the model.pt beside it" in capsys.readouterr().err
    with pytest.raises(FileError, match="is the state of a run"):
        read_run_model(stream / "last.pt")


def test_where_networks_of_images_are_wanted_it_is_named(stream, capsys):
    with pytest.raises(FileError, match="is the network of a stream, and this reads networks of images"):
        load_trained(stream / "model.pt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "river"}, "not the network of a stream, a denoiser, a published pair"),
        ({"classes": 3}, "classes 3"),
        ({"classes": ["a"]}, r"weights of another network \(readout.weight is 2x64, not 1x64\)"),
        ({"weights": {}}, "is missing, not"),
        ({"weights": 3}, "holds no weights"),
        ({"recipe": {}}, "not the recipe of a streaming network"),
    ],
    ids=str,
)
def test_a_damaged_model_is_refused(stream, tmp_path, change, said):
    values = read_checkpoint(stream / "model.pt")
    write_checkpoint(tmp_path / "model.pt", values | change)
    with pytest.raises(FileError, match=said):
        read_ready(tmp_path / "model.pt")


def test_weights_that_repeat_themselves_are_refused(stream, tmp_path):
    values = read_checkpoint(stream / "model.pt")
    one = {name: torch.zeros((), dtype=w.dtype).expand(w.shape) for name, w in values["weights"].items()}
    write_checkpoint(tmp_path / "model.pt", values | {"weights": one})
    with pytest.raises(FileError, match="repeated"):
        read_run_model(tmp_path / "model.pt")


def test_the_calibration_is_fed_by_the_same_front(stream):
    seen, test = (read_raster(stream / f"{name}.npz") for name in ("calibration", "test"))
    assert seen.front == test.front
    assert seen.classes == test.classes
    assert seen.spikes.shape[1:] == test.spikes.shape[1:]
    assert np.abs(seen.spikes.astype(int)).max() > 3


def test_a_stream_begins_with_its_twins_weights(twin, table, tmp_path, monkeypatch):
    from snn2hw.train import stream_fit

    begun = []

    def to_the_end(training, *rest):
        begun.append({name: tensor.clone() for name, tensor in training.model.state_dict().items()})
        return whole(training, *rest)

    whole = stream_fit.trained_to_the_end
    monkeypatch.setattr(stream_fit, "trained_to_the_end", to_the_end)
    for name, start in (("a", twin / "last.pt"), ("b", twin / "model.pt")):
        run = trained(table, tmp_path / name, "--start", str(start), "--weight-bits", "4")
        recipe = stream_recipe_from(read_checkpoint(run / "last.pt")["recipe"], "last.pt")
        assert (recipe.model, recipe.start) == ("snn", sha256(start.read_bytes()).hexdigest())
    given = read_checkpoint(twin / "model.pt")["weights"]
    assert all(torch.equal(given[name], each[name]) for each in begun for name in given)
    kept, other = (read_checkpoint(tmp_path / name / "model.pt")["weights"] for name in "ab")
    assert all(torch.equal(kept[name], other[name]) for name in kept)
    assert not torch.equal(kept["readout.weight"], given["readout.weight"])


def test_a_start_that_was_taken_is_part_of_the_run(twin, stream, table, tmp_path, capsys):
    run = trained(table, tmp_path / "run", "--start", str(twin / "model.pt"))
    words = ["train", "folder", "--stream", "--data", str(table), "-o", str(run), "--batch", "16", "--epochs", "1"]
    for other in ([], ["--start", str(stream / "model.pt")]):
        assert main([*words, "--size", "small", *other]) == 2
        assert "is a run with start" in capsys.readouterr().err
    assert "start" not in recipe_to(stream_recipe_for("fsdd"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "medium"), "does not fit: maps.0.weight is "),
        (("--delays", "3"), "does not fit: maps.3.weight is 64x32x3x5 there and 64x32x1x5 here"),
        (("--target", "xylo2"), "does not fit: maps.0.weight is "),
        (("--weights", "w.pth", "--model", "vgg-19"), "--start and --weights: a network begins with one of them"),
    ],
    ids=str,
)
def test_a_start_that_does_not_fit_is_refused_by_name(twin, table, tmp_path, capsys, options, said):
    words = ["train", "folder", "--stream", "--data", str(table), "-o", str(tmp_path / "run"), *options]
    words += [] if {"--size", "--target", "--weights"} & set(options) else ["--size", "small"]
    assert main([*words, "--epochs", "1", "--start", str(twin / "model.pt")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "last.pt").exists()


def test_relevance_and_teachers_take_a_model_too(stream, table, tmp_path):
    words = ["relevance", str(stream / "model.pt"), str(table.parent / "0.wav"), "-o", str(tmp_path / "x.png")]
    assert main(words) == 0
    trained(table, tmp_path / "run", "--teacher", str(stream / "model.pt"))


WIDTHS = {
    "m5": "0.03125",
    "piczak": "0.025",
    "hjh": "0.5",
    "hjh-hybrid": "0.5",
    "tcy": "1",
    "esc-vgg": "0.25",
    "extractor": "0.03125",
}


def pair_run(table, run, network, *options):
    """Train a small published network on two tones by the command."""
    where = ["--data", str(table), "-o", str(run), "--batch", "16", "--epochs", "1"]
    width = WIDTHS[network.removesuffix("-ann").removesuffix("-snn")]
    assert main(["train", "folder", "--model", network, "--width", width, *where, *options]) == 0
    return run


@pytest.mark.parametrize("network", a_third(["m5", "piczak", "hjh", "tcy-snn", "esc-vgg-snn", "extractor-snn"]))
def test_a_published_network_is_compiled_judged_and_compiled_again(table, tmp_path, network, capsys):
    learns = ("--learnt-decay", "--learnt-threshold") if network == "hjh" else ()
    run = pair_run(table, tmp_path / "run", network, "--steps", "2", *learns)
    summary = json.loads((run / "summary.json").read_text())
    test = read_raster(run / "test.npz")
    assert (test.labels.tolist(), test.classes) == ([1, 0] * 4, ("high", "low"))
    assert test.spikes.shape[:2] == (8, 2)
    assert test.spikes.dtype == np.int8
    assert np.array_equal(test.spikes[:, 0], test.spikes[:, 1])
    assert test.spikes.max() == (127 if network == "m5" else 126)
    if "refused" in summary:
        pytest.fail(summary["refused"])
    found = compiled(run, tmp_path / "p.nir")
    assert found.program.digest == summary["digest"] == read_program_file(run / "program.nir").program.digest
    assert found.attachments["purpose"] == read_program_file(run / "program.nir").attachments["purpose"]
    capsys.readouterr()
    words = ["run", str(tmp_path / "p.nir"), "--input", str(run / "test.npz"), "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["right"] / 8 == summary["accuracy"]["test"]["integer"]["accuracy"]


def test_a_hybrid_is_refused_by_the_compiler_and_said_so(table, tmp_path, capsys):
    run = pair_run(table, tmp_path / "run", "hjh-hybrid", "--steps", "2")
    summary = json.loads((run / "summary.json").read_text())
    pytest.importorskip("jsonschema").validate(summary, get_schema("snn2hw.stream-training/1"))
    assert "relu" in summary["refused"].lower()
    assert set(summary["accuracy"]["test"]) == {"float"}
    assert not (run / "program.nir").exists()
    assert "no program: " in capsys.readouterr().out
    assert main(["compile", str(run / "model.pt"), "-o", str(tmp_path / "p.nir")]) == 1
    assert "relu" in capsys.readouterr().err.lower()


@pytest.mark.parametrize("network", a_third(["m5-ann", "tcy-ann", "hjh-ann", "esc-vgg-ann", "extractor-ann"]))
def test_the_twin_of_a_pair_is_converted_from_the_shell(table, tmp_path, network, capsys):
    run = pair_run(table, tmp_path / "run", network)
    floats = json.loads((run / "summary.json").read_text())["accuracy"]["test"]["float"]["accuracy"]
    words = ["convert", str(run / "model.pt"), "--data", str(run / "calibration.npz"), "--test", str(run / "test.npz")]
    capsys.readouterr()
    assert main([*words, "--steps", "4", "-o", str(tmp_path / "net.nir"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ann_accuracy"] == pytest.approx(floats, abs=1 / 8)
    assert main(["check", str(tmp_path / "net.nir"), "--target", "fixed"]) == 0
    assert main(["compile", str(run / "model.pt"), "-o", str(tmp_path / "p.nir")]) == 1
    assert "does not spike: it is " in capsys.readouterr().err


def test_what_cannot_be_converted_is_said_of_streams(stream, twin, tmp_path, capsys):
    for run, said in ((stream, "is a spiking network already"), (twin, "hears one frame after the other")):
        words = ["convert", str(run / "model.pt"), "--data", str(run / "x.npz"), "-o", str(tmp_path / "net.nir")]
        assert main(words) in (1, 2)
        assert said in capsys.readouterr().err
