"""A run learns, logs, stops, and is resumed after a kill to the same weights as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sim.errors import FileError, InputError
from snn2hw.models.layout import map_synapses
from snn2hw.train.answers import forward, products_per_synapse
from snn2hw.train.checkpoint import deployable, load_trained, read_checkpoint, write_checkpoint
from snn2hw.train.feed import feed_of
from snn2hw.train.fit import fit
from snn2hw.train.in_time import in_time
from snn2hw.train.network_recipe import encoder_of, recipe_from
from snn2hw.train.pictures import draw_curves
from snn2hw.train.recipe import recipe_to
from tests.train.toy import CLASSES, CPU, RECIPE, Interrupted, assert_same_weights, stop_after, toy_data


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model": "cnn"},
        {"encoder": "lif", "steps": 12},
        {"encoder": "poisson"},
        {"encoder": "latency", "decoder": "last"},
    ],
    ids=["direct", "cnn", "lif", "poisson", "latency"],
)
def test_it_learns(tmp_path, change):
    recipe = replace(RECIPE, **{"epochs": 12, "steps": 8, **change})
    finished = fit(recipe, toy_data(), CLASSES, tmp_path, device=CPU)
    assert finished.accuracy["test"] >= 0.9
    assert finished.confusion.sum() == 30
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows == list(finished.rows)
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_the_checkpoint_gives_the_network_and_its_accuracy_back(tmp_path):
    data = toy_data()
    finished = fit(RECIPE, data, CLASSES, tmp_path, device=CPU)
    trained = load_trained(finished.checkpoint)
    assert trained.recipe == RECIPE
    assert trained.front.classes == CLASSES
    assert trained.accuracy == finished.accuracy
    with torch.no_grad():
        output = in_time(deployable(trained), torch.from_numpy(data.test.images).float()[None, :, None], RECIPE.steps)
    assert (output.amax(0).argmax(1).numpy() == data.test.labels).mean() == finished.accuracy["test"]


def test_an_interrupted_run_ends_in_the_same_weights(tmp_path):
    data = toy_data()
    fit(RECIPE, data, CLASSES, tmp_path / "whole", device=CPU)

    with pytest.raises(Interrupted):
        fit(RECIPE, data, CLASSES, tmp_path / "torn", device=CPU, on_epoch=stop_after(3))
    assert not (tmp_path / "torn" / "model.pt").exists()
    log = tmp_path / "torn" / "log.jsonl"
    log.write_text(log.read_text() + '{"epoch": 4, "half a li')  # as a kill may leave it
    epochs = []
    fit(RECIPE, data, CLASSES, tmp_path / "torn", device=CPU, on_epoch=lambda row: epochs.append(row["epoch"]))
    assert epochs == [4, 5, 6]
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")
    logs = [[json.loads(x) for x in (tmp_path / n / "log.jsonl").read_text().splitlines()] for n in ("whole", "torn")]
    assert [{**row, "seconds": 0} for row in logs[0]] == [{**row, "seconds": 0} for row in logs[1]]


CHILD = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from dataclasses import replace
import torch
torch.set_num_threads(1)
from tests.train.toy import CLASSES, CPU, RECIPE, toy_data
from snn2hw.train.fit import fit
fit(replace(RECIPE, epochs=400, patience=400), toy_data(), CLASSES, Path(sys.argv[1]), device=CPU)
"""


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.full)])
def test_kill_9_loses_at_most_one_epoch(tmp_path, rounds):
    """Kill the process at moments nobody chose; what it has logged stays, and the next start goes on from there."""
    root = Path(__file__).resolve().parents[2]
    known = 0
    for round_ in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], cwd=root)
        _wait_for_epoch(tmp_path / "log.jsonl", known + 2, child)
        time.sleep(0.013 * round_)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        logged = [line for line in (tmp_path / "log.jsonl").read_text().splitlines() if line.endswith("}")]
        kept = len(read_checkpoint(tmp_path / "last.pt")["history"])
        assert kept in (len(logged), len(logged) + 1)
        assert kept >= known + 2, "an epoch that was finished before has been lost"
        known = kept


def _wait_for_epoch(log, epoch, child, patience_s=60):
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        assert child.poll() is None, "the run ended by itself"
        if log.exists() and log.read_text().count("\n") >= epoch:
            return
        time.sleep(0.005)
    raise AssertionError(f"no epoch {epoch} in {patience_s} s")


def test_it_stops_when_validation_stays_worse_and_keeps_the_last_epoch_that_was_not(tmp_path):
    """The validation labels agree with the training labels for one class only, so learning the others hurts."""
    data = toy_data()
    wrong = replace_labels(data, np.zeros(len(data.validate.labels)))
    finished = fit(replace(RECIPE, epochs=40, patience=3), wrong, CLASSES, tmp_path, device=CPU)
    rows = finished.rows
    assert len(rows) < 40
    highest, kept = 0.0, 0
    for row in rows:
        highest = max(highest, row["validate_accuracy"])
        share = (30 * highest + 2) / 34
        if row["validate_accuracy"] >= highest - (share * (1 - share) / 34) ** 0.5:
            kept = row["epoch"]
    assert rows[-1]["epoch"] - kept == 3
    assert read_checkpoint(tmp_path / "model.pt")["kept_epoch"] == kept


def replace_labels(data, labels):
    return replace(data, validate=replace(data.validate, labels=labels.astype(np.int64)))


def test_a_price_on_spikes_makes_them_fewer(tmp_path):
    def spikes(price):
        finished = fit(replace(RECIPE, quiet=price), toy_data(), CLASSES, tmp_path / str(price), device=CPU)
        record = {}
        images = torch.from_numpy(toy_data().test.images).float()[None, :, None]
        with torch.no_grad():
            in_time(deployable(load_trained(finished.checkpoint)), images, RECIPE.steps, record)
        return float(products_per_synapse(record, RECIPE, len(CLASSES)))

    assert 0 < spikes(3.0) < 0.7 * spikes(0.0)


def test_a_price_on_products_makes_the_twin_send_less(tmp_path):
    """The share of its values that are not zero, counted on images that it has not learnt from."""

    def active(price):
        recipe = replace(RECIPE, model="cnn", quiet=price)
        finished = fit(recipe, toy_data(), CLASSES, tmp_path / str(price), device=CPU)
        record = {}
        with torch.no_grad():
            forward(
                load_trained(finished.checkpoint).model, feed_of(recipe, CPU)(toy_data().test.images), recipe, record
            )
        return [float((x != 0).float().mean()) for x in record.values()]

    assert sum(active(2.0)[:2]) < 0.8 * sum(active(0.0)[:2])


@pytest.mark.parametrize("height", [1.0, 0.01])
def test_the_share_that_is_priced_is_that_of_values_which_are_not_zero(height):
    """By hand: a quarter of the first layer's values, half of the second's, and none of the third's."""
    recipe = replace(RECIPE, model="cnn")
    first, second, third = torch.zeros(2, 8), torch.zeros(2, 8), torch.zeros(2, 8)
    first[:, :2], second[:, 4:] = height, height
    synapses = map_synapses(recipe.layout, 32, 3)
    expected = (0.25 * synapses[1] + 0.5 * synapses[2]) / sum(synapses)
    assert float(products_per_synapse({0: first, 1: second, 2: third}, recipe, 3)) == pytest.approx(expected, rel=1e-6)


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    data = toy_data()
    fit(replace(RECIPE, epochs=1), data, CLASSES, tmp_path, device=CPU)
    with pytest.raises(InputError, match="is a run with batch 16, not 8, epochs 1, not 2"):
        fit(replace(RECIPE, epochs=2, batch=8), data, CLASSES, tmp_path, device=CPU)


def test_a_seed_gives_the_same_run_and_another_seed_another(tmp_path):
    recipe, data = replace(RECIPE, epochs=2), toy_data()
    losses = []
    for k, seed in enumerate((1, 1, 2)):
        finished = fit(replace(recipe, seed=seed), data, CLASSES, tmp_path / str(k), device=CPU)
        losses.append([row["loss"] for row in finished.rows])
    assert losses[0] == losses[1] != losses[2]


def test_a_run_can_start_from_the_weights_of_another(tmp_path):
    data = toy_data()
    first = fit(RECIPE, data, CLASSES, tmp_path / "first", device=CPU)
    weights_before = read_checkpoint(first.checkpoint)["weights"]
    recipe = replace(RECIPE, epochs=1, rate=1e-6, start="first")
    second = fit(recipe, data, CLASSES, tmp_path / "second", device=CPU, start=weights_before)
    for name, values in read_checkpoint(second.checkpoint)["weights"].items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(values, weights_before[name], rtol=0, atol=1e-4)


def test_weights_of_another_network_are_refused(tmp_path):
    finished = fit(replace(RECIPE, epochs=1), toy_data(), CLASSES, tmp_path / "a", device=CPU)
    other = replace(RECIPE, layout=replace(RECIPE.layout, hidden=12))
    with pytest.raises(FileError, match="weights of another network"):
        fit(
            other,
            toy_data(),
            CLASSES,
            tmp_path / "b",
            device=CPU,
            start=read_checkpoint(finished.checkpoint)["weights"],
        )


def test_a_recipe_survives_json():
    recipe = replace(RECIPE, test_speaker="ann", encoder="lif")
    assert recipe_from(json.loads(json.dumps(recipe_to(recipe))), "x") == recipe


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /nonexistent/never",)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x04K\x01."])
def test_what_is_no_checkpoint_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"x\.pt: not a checkpoint"):
        read_checkpoint(path)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"schema": "snn2hw.checkpoint/1", "weights": Bomb()}, path)
    with pytest.raises(FileError, match=r"evil\.pt: not a checkpoint"):
        read_checkpoint(path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    torch.save({"schema": "snn2hw.checkpoint/0"}, tmp_path / "old.pt")
    with pytest.raises(FileError, match="not a checkpoint of this version"):
        read_checkpoint(tmp_path / "old.pt")


def test_the_state_of_a_run_is_no_trained_network(tmp_path):
    write_checkpoint(tmp_path / "last.pt", {"weights": {}})
    with pytest.raises(FileError, match=r"last\.pt: is the state of a run, not its network  fix: use the model"):
        load_trained(tmp_path / "last.pt")


def test_the_feed_gives_what_the_encoder_says(tmp_path):
    images = toy_data().test.images[:4]
    direct = feed_of(RECIPE, CPU)(images)
    assert direct.shape == (1, 4, 1, 32, 32)
    np.testing.assert_array_equal(np.rint(direct.numpy()[0, :, 0] * 31), images)
    from snn2hw.codec.encode import encode

    for kind in ("lif", "latency", "poisson"):
        recipe = replace(RECIPE, encoder=kind)
        expected = encode(images[:, None], encoder_of(recipe)).swapaxes(0, 1)
        np.testing.assert_array_equal(feed_of(recipe, CPU)(images).numpy(), expected)


def test_the_curves_of_one_epoch_are_points_at_a_whole_number(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr("snn2hw.train.pictures.save_figure", lambda figure, _: kept.append(figure))
    row = {"epoch": 1, "loss": 2.0, "accuracy": 0.3, "validate_loss": 1.8, "validate_accuracy": 0.4}
    draw_curves([row], tmp_path / "curves.png")
    for axes in kept[0].axes:
        assert all(line.get_marker() == "." for line in axes.lines)
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def drawn(rows, path, monkeypatch):
    kept = []
    monkeypatch.setattr("snn2hw.train.pictures.save_figure", lambda figure, _: kept.append(figure))
    draw_curves(rows, path)
    return {axes.get_ylabel(): axes for axes in kept[0].axes}


def test_the_curves_of_a_stream_are_what_its_rows_hold(tmp_path, monkeypatch):
    rows = [{"epoch": k, "loss": 1 / k, "accuracy": k / 4, "validate_accuracy": k / 8} for k in (1, 2, 3)]
    panels = drawn(rows, tmp_path / "curves.png", monkeypatch)
    assert set(panels) == {"loss", "accuracy"}
    (loss,) = panels["loss"].lines
    assert list(loss.get_ydata()) == [1.0, 1 / 2, 1 / 3]
    assert panels["loss"].get_yscale() == "log"
    assert [list(line.get_ydata()) for line in panels["accuracy"].lines] == [[0.25, 0.5, 0.75], [0.125, 0.25, 0.375]]


def test_the_curves_of_a_denoiser_have_a_gain_where_it_was_judged_and_a_loss_below_zero(tmp_path, monkeypatch):
    rows = [{"epoch": k, "loss": -k / 2} | ({"validate_gain_db": k / 4} if k % 5 == 0 else {}) for k in range(1, 11)]
    panels = drawn(rows, tmp_path / "curves.png", monkeypatch)
    assert set(panels) == {"loss", "gain in SI-SNR, dB"}
    assert panels["loss"].get_yscale() == "linear"
    (gain,) = panels["gain in SI-SNR, dB"].lines
    assert (list(gain.get_xdata()), list(gain.get_ydata())) == ([5, 10], [1.25, 2.5])
    (loss,) = panels["loss"].lines
    assert gain.get_label() == "validation" != loss.get_label()
    assert gain.get_color() != loss.get_color()


def test_a_denoiser_that_was_never_judged_has_a_loss_alone(tmp_path, monkeypatch):
    assert set(drawn([{"epoch": 1, "loss": 2.0}], tmp_path / "curves.png", monkeypatch)) == {"loss"}
