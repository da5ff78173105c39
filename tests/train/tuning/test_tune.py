"""Tuning wins back what few bits cost, stays certified, resumes after a kill, and refuses what is not its own."""

import json
from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from sim.engines import run
from sim.errors import FileError, InputError, UnsupportedError
from snn2hw.codec.decode import decide
from snn2hw.commands import main
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from snn2hw.files.lock import locked
from snn2hw.files.tensor_file import read_tensors, write_tensors
from snn2hw.network.float_reference import float_reference
from snn2hw.train.recipe import recipe_to
from snn2hw.train.tuning.tune import TuneKeywords, TuneOptions, tune
from snn2hw.train.tuning.tune_fit import Samples, tune_compiled
from snn2hw.train.tuning.tune_recipe import TuneRecipe, rate_of
from tests.compiler.networks import Builder, lif, nir, readout

STEPS, CLASSES = 12, 4


def _task(seed=0, samples=240):
    """Return a network that answers which of four groups of inputs is busiest, and such inputs."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, samples)
    rate = np.full((samples, 1, 16), 0.15)
    rate[:, 0] += 0.25 * (np.arange(16)[None] // 4 == labels[:, None])
    data = (rng.random((samples, STEPS, 16)) < rate).astype(np.uint8)
    b = Builder(np.random.default_rng(1))
    b.add("input", nir.Input(np.array([16])))
    groups = np.repeat(np.eye(CLASSES), 4, axis=1)  # class, input
    hidden = np.repeat(groups, 4, axis=0) * 2 + b.normal(16, 16, scale=1.5)
    b.add("lif", lif(), b.add("fc1", nir.Affine(hidden, b.normal(16, scale=0.2)), "input"))
    out = np.repeat(np.eye(CLASSES), 4, axis=1) * 1.5 + b.normal(CLASSES, 16, scale=0.4)
    return b.source(b.add("out", readout(), b.add("fc2", nir.Linear(out), "lif"))), data, labels


def _accuracy(program, data, labels):
    return float((decide(run(program, data).output, "mean") == labels).mean())


def _answers_of_a_random_network(samples=900):
    """Return a network of random weights, random inputs, and what it answers, which few magnitudes cannot."""
    rng = np.random.default_rng(0)
    data = (rng.random((samples, 20, 16)) < 0.6 * rng.random((samples, 1, 16))).astype(np.uint8)
    b = Builder(np.random.default_rng(1))
    b.add("input", nir.Input(np.array([16])))
    b.add("lif", lif(), b.add("fc1", nir.Affine(b.normal(16, 16, scale=1.5), b.normal(16, scale=0.2)), "input"))
    source = b.source(b.add("out", readout(), b.add("fc2", nir.Linear(b.normal(CLASSES, 16, scale=1.0)), "lif")))
    return source, data, decide(float_reference(source, data).output, "mean")


def test_tuning_wins_back_accuracy_on_unseen_samples_and_the_result_is_certified():
    source, data, labels = _answers_of_a_random_network()
    seen, unseen = (data[:600], labels[:600]), (data[600:], labels[600:])
    recipe = TuneRecipe(epochs=10, rate=2e-2, batch=30, validation=0.2)
    compiled, tuned = tune(source, *seen, weight_bits="ternary", recipe=recipe)
    for samples in (seen, unseen):
        before, after = (_accuracy(p, *samples) for p in (compiled.program, tuned.program))
        assert before < 0.7  # the float network is right always
        assert after > before + 0.06
    assert check_certificate(tuned.program, tuned.certificate.to_json()) == []
    stored = np.unique(np.abs(tuned.program.by_name["lif"].inputs[0].wiring.weight))
    assert len(stored) == 2
    with torch.no_grad():
        output = tuned.machine(torch.from_numpy(data))["out"].numpy().swapaxes(0, 1)
    np.testing.assert_array_equal(output, run(tuned.program, data).output)


class _Killed(Exception):
    pass


def _tuned_at_once(epochs):
    """Return what is tuned, how, and what becomes of it where nothing stops the run."""
    source, data, labels = _task(samples=80)
    compiled = compile_source(source, "loihi1", data[:20], weight_bits=3)
    samples, recipe = Samples(data, labels), TuneRecipe(epochs=epochs, batch=20, teacher=0.0)
    return compiled, samples, recipe, tune_compiled(compiled, samples, recipe)


def test_a_run_that_is_killed_and_resumed_ends_in_the_same_program(tmp_path):
    compiled, samples, recipe, whole = _tuned_at_once(epochs=4)

    def kill(row):
        if row["epoch"] == 2:
            raise _Killed

    with pytest.raises(_Killed):
        tune_compiled(compiled, samples, recipe, folder=tmp_path / "run", on_epoch=kill)
    seen = []
    resumed = tune_compiled(
        compiled, samples, recipe, folder=tmp_path / "run", on_epoch=lambda r: seen.append(r["epoch"])
    )
    assert seen == [3, 4]
    assert resumed.program.digest == whole.program.digest
    lines = (tmp_path / "run" / "tuning.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2, 3, 4]


def test_a_tuning_that_was_stopped_by_an_older_version_ends_in_the_same_program(tmp_path):
    compiled, samples, recipe, whole = _tuned_at_once(epochs=3)

    def kill(row):
        raise _Killed

    with pytest.raises(_Killed):
        tune_compiled(compiled, samples, recipe, folder=tmp_path, on_epoch=kill)
    path = tmp_path / "tuning.pt"
    values = read_tensors(path, "tuning checkpoint", "")
    best = values.pop("best")
    values |= {"machine": values.pop("weights"), "rows": values.pop("history"), "best_epoch": best["epoch"]}
    write_tensors(path, values | {"best": best["weights"] or None, "best_score": [0.5, -1.0]})
    assert tune_compiled(compiled, samples, recipe, folder=tmp_path).program.digest == whole.program.digest


def test_a_resumed_tuning_without_any_certified_epoch_says_so(tmp_path, monkeypatch):
    source, data, labels = _task(samples=40)
    compiled = compile_source(source, "loihi1", data[:20], weight_bits=3)
    monkeypatch.setattr("snn2hw.train.tuning.tune_fit._beats_the_best", lambda *_: False)
    for _ in range(2):
        with pytest.raises(UnsupportedError, match="no epoch gave a program whose registers cannot overflow"):
            tune_compiled(compiled, Samples(data, labels), TuneRecipe(epochs=1, teacher=0.0), folder=tmp_path)


def test_a_tuning_is_prolonged(tmp_path):
    source, data, labels = _task(samples=80)
    options = {"weight_bits": 3, "recipe": TuneRecipe(epochs=2, batch=20), "folder": tmp_path}
    _, first = tune(source, data, labels, **options)
    _, more = tune(source, data, labels, **options, more_epochs=2)
    assert [row["epoch"] for row in first.rows] == [0, 1, 2]
    assert [row["epoch"] for row in more.rows] == [0, 1, 2, 3, 4]
    assert more.best_row["validate_accuracy"] >= first.best_row["validate_accuracy"]
    with pytest.raises(InputError, match="more epochs of what: no folder is given"):
        tune(source, data, labels, more_epochs=2)


def test_a_folder_that_is_being_tuned_in_is_refused_before_the_work(tmp_path, monkeypatch):
    source, data, labels = _task(samples=40)
    monkeypatch.setattr("snn2hw.train.tuning.tune.prepare", lambda *a, **k: pytest.fail("it was compiled"))
    with locked(tmp_path), pytest.raises(InputError, match="is writing to this folder"):
        tune(source, data, labels, folder=tmp_path)


def test_keywords_of_tune_are_the_fields_of_its_options():
    assert set(TuneKeywords.__annotations__) == {field.name for field in fields(TuneOptions)}


def test_the_share_of_the_teacher_may_have_its_older_name():
    assert TuneRecipe(teacher=0.25) == TuneRecipe(teacher_weight=0.25)
    assert replace(TuneRecipe(teacher=0.25), epochs=3).teacher_weight == 0.25
    assert recipe_to(TuneRecipe(teacher_weight=0.25)) == {
        "epochs": 20,
        "rate": None,
        "batch": 64,
        "decoder": "mean",
        "temperature": 4.0,
        "teacher": 0.25,
        "validation": 0.1,
        "seed": 0,
    }


@pytest.mark.parametrize("name", ["--teacher", "--teacher-weight"])
def test_the_command_knows_both_names_of_the_share(tmp_path, name):
    from exporters.program_file import read_program_file
    from snn2hw.files.rasters import write_raster

    source, data, labels = _task(samples=40)
    nir.write(tmp_path / "net.nir", source.graph)
    write_raster(tmp_path / "x.npz", data, labels)
    common = ["tune", str(tmp_path / "net.nir"), "--dt", "1e-3", "-o", str(tmp_path / "p.nir"), "--epochs", "1"]
    assert main([*common, "--data", str(tmp_path / "x.npz"), name, "0.3", "--balanced", "--device", "cpu"]) == 0
    recipe = read_program_file(tmp_path / "p.nir").program.record["tuned"]["recipe"]
    assert (recipe["teacher"], recipe["balanced"]) == (0.3, True)


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    source, data, labels = _task(samples=40)
    compiled = compile_source(source, "loihi1", data[:20], weight_bits=3)
    samples, recipe = Samples(data, labels), TuneRecipe(epochs=1, teacher=0.0)
    tune_compiled(compiled, samples, recipe, folder=tmp_path)
    with pytest.raises(InputError, match="belongs to another program or recipe"):
        tune_compiled(compiled, samples, replace(recipe, rate=1e-3), folder=tmp_path)
    (tmp_path / "tuning.pt").write_bytes(b"no checkpoint")
    with pytest.raises(FileError, match="not a tuning checkpoint"):
        tune_compiled(compiled, samples, recipe, folder=tmp_path)


def test_no_program_is_returned_that_could_overflow():
    """Weights that grow beyond the certificate's worst case are never kept."""
    source, data, labels = _task(samples=60)
    compiled = compile_source(source, "loihi1", data[:20], weight_bits=4)
    recipe = TuneRecipe(epochs=3, rate=0.5, batch=20, teacher=0.0)
    rows = []
    with suppress(UnsupportedError):  # raised where no epoch at all is certified
        tuned = tune_compiled(compiled, Samples(data, labels), recipe, on_epoch=rows.append)
        assert check_certificate(tuned.program, tuned.certificate.to_json()) == []
        assert tuned.best_row["certified"] == 1.0
    assert min(row["certified"] for row in rows) == 0.0


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"rate": 0.0}, {"validation": 1.0}, {"teacher": 2.0}])
def test_recipes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        TuneRecipe(**wrong)


def test_snn2hw_tune_writes_a_certified_program_and_judges_it(tmp_path, capsys):
    from exporters.program_file import read_program_file
    from snn2hw.files.rasters import write_raster

    source, data, labels = _task(samples=60)
    nir.write(tmp_path / "net.nir", source.graph)
    write_raster(tmp_path / "x.npz", data, labels)
    write_raster(tmp_path / "bare.npz", data)
    common = ["tune", str(tmp_path / "net.nir"), "--dt", "1e-3", "-o", str(tmp_path / "p.nir"), "--epochs", "2"]
    assert main([*common, "--data", str(tmp_path / "x.npz"), "--test", str(tmp_path / "x.npz"), "--device", "cpu"]) == 0
    written = read_program_file(tmp_path / "p.nir")
    assert check_certificate(written.program, written.attachments["certificate"]) == []
    accuracy = _accuracy(written.program, data, labels)
    out = capsys.readouterr().out
    assert f"x.npz: {accuracy:.2%} right" in out
    assert "right on held-out samples: " in out
    assert "% as compiled, " in out
    assert main([*common, "--data", str(tmp_path / "bare.npz")]) == 2
    assert "has no array 'labels'" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    output = str(tmp_path / "missing" / "p.nir")
    assert main(["tune", str(tmp_path / "no.nir"), "--data", str(tmp_path / "no.npz"), "-o", output]) == 2
    assert "missing" in capsys.readouterr().err


def test_spikes_of_an_output_that_never_fires_cannot_be_counted():
    source, data, labels = _task(samples=40)
    compiled = compile_source(source, "loihi1", data[:20], weight_bits=4)
    with pytest.raises(InputError, match="output 'out' never fires  fix: use the decoder max, mean or last"):
        tune_compiled(compiled, Samples(data, labels), TuneRecipe(epochs=1, decoder="count", teacher=0.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": TuneRecipe(decoder="count")}, "output 'out' never fires"),
        ({"labels": np.zeros(3, int)}, "int64 labels of shape (3,) for 40 samples"),
        ({"labels": None}, "object labels of shape () for 40 samples  fix: give one integer label per sample"),
        ({"labels": [0.5] * 40}, "float64 labels"),
        ({"rasters": np.zeros((40, 12, 16))}, "float64 samples of shape (40, 12, 16)"),
        ({"labels": np.full(40, CLASSES)}, "the output has 4 neurons"),
        ({"rasters": np.zeros((40, 12, 5), int)}, "samples of shape (40, 12, 5)  fix: give (B, T, 16) integers"),
        ({"rasters": np.zeros((40, 0, 16), int)}, "samples of shape (40, 0, 16)"),
        ({"held_out": (np.zeros((3, 12, 16), int), np.zeros(2, int))}, "labels of shape (2,) for 3 samples"),
        ({"held_out": (np.zeros((2, 12, 5), int), np.zeros(2, int))}, "samples of shape (2, 12, 5)"),
        ({"held_out": (np.zeros((2, 12, 16), int), np.array([0, -1]))}, "labels -1..0"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_any_work(monkeypatch, change, message):
    source, data, labels = _task(samples=40)
    monkeypatch.setattr("snn2hw.train.tuning.tune.prepare", lambda *a, **k: pytest.fail("it was compiled"))
    with pytest.raises(InputError) as caught:
        tune(**{"source": source, "rasters": data, "labels": labels, **change})
    assert message in str(caught.value)


def test_the_certificate_covers_every_sample_and_what_else_may_be_sent():
    source, data, labels = _task(samples=40)
    graded = data.astype(np.int16)
    graded[0, 0, 0] = 9
    held_out = (np.full((2, STEPS, 16), 11), labels[:2])
    common = {"recipe": TuneRecipe(epochs=1, teacher=0.0), "held_out": held_out}
    _, tuned = tune(source, graded, labels, **common)
    assert tuned.certificate.messages == (0, 11)
    _, tuned = tune(source, graded, labels, **common, messages=(-2, 31), steps=50)
    assert (tuned.certificate.messages, tuned.certificate.steps) == ((-2, 31), 50)


MEANINGLESS = {
    "--temperature 0": "temperature 0.0: must be positive",
    "--seed -1": "seed -1",
    "--threads 0": "threads 0: must be at least 1",
    "--device foo": "device 'foo': unknown",
}


@pytest.mark.parametrize("option", MEANINGLESS)
def test_options_that_mean_nothing_are_refused_before_the_work(tmp_path, capsys, option):
    words = ["tune", str(tmp_path / "no.nir"), "--data", str(tmp_path / "no.npz"), "-o", str(tmp_path / "p.nir")]
    assert main([*words, *option.split()]) == 2
    assert MEANINGLESS[option] in capsys.readouterr().err


@pytest.mark.parametrize("bits", ["ternary", 2, 3, 4, 8, {"lif": 3, "out": 4}])
def test_the_rate_that_is_not_given_suits_the_bits(bits):
    source, data, labels = _task(samples=40)
    for recipe in (None, TuneRecipe(epochs=1, teacher=0.0)):
        _, tuned = tune(source, data, labels, weight_bits=bits, recipe=recipe)
        assert tuned.program.record["tuned"]["recipe"]["rate"] == rate_of(bits)
