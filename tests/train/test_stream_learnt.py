"""Streams whose neurons learn what they keep and what they fire above: Norse's cells with the numbers as they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from exporters.program_file import read_program, read_program_file
from snn2hw.commands import main
from snn2hw.models.stream import DT_S, StreamLayout
from snn2hw.network.float_reference import float_reference
from snn2hw.train.norse_scan import constants_of
from snn2hw.train.recipe import recipe_to
from snn2hw.train.run_model import RunModel, read_run_model, write_run_model
from snn2hw.train.stream_cell import LEAST, CellNumbers, LearntCell, lif_cell, told
from snn2hw.train.stream_fit import _groups, begun_by, stream_model
from snn2hw.train.stream_net import stream_net
from snn2hw.train.stream_program import compiled_stream
from snn2hw.train.stream_recipe import StreamRecipe, stream_recipe_from
from snn2hw.train.stream_source import stream_source
from tests.train.tones import trained
from tests.train.toy_stream import LAYOUT, stream_clips, stream_recipe, torn_and_whole

SMALL = StreamLayout(channels=(3, 4), hidden=6, spread=(1, 2, 3), dropout=0.0)
BANDS = 12
OPTIONS = ("--learnt-decay", "--learnt-threshold")
DECAY, THRESHOLD = {"learnt_decay": True}, {"learnt_threshold": True}
BOTH = DECAY | THRESHOLD


def moved(layout, **learns):
    """Return a network whose layers have learnt something, each something else."""
    torch.manual_seed(0)
    model = stream_net(layout, BANDS, 3, **learns)
    for norm in model.norms:
        nn.init.normal_(norm.bias, std=0.5)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for learnt in model.cells.parameters():
            learnt += 0.3 * torch.randn(learnt.shape)
    return model.eval()


def test_a_cell_begins_as_given_and_what_it_does_not_learn_stays():
    learns = ({"decay_learnt": True}, {"threshold_learnt": True}, {})
    decay, threshold, neither = (LearntCell(0.5, 0.8, **each) for each in learns)
    assert [list(cell.state_dict()) for cell in (decay, threshold, neither)] == [["pressed"], ["raised"], []]
    assert (threshold.numbers, neither.numbers) == (CellNumbers(0.5, 0.8, 1.0),) * 2
    assert decay.numbers.membrane_kept == pytest.approx(0.8, abs=1e-6)
    assert decay.numbers.synapse_kept == pytest.approx(0.5, abs=1e-6)
    assert constants_of(neither.settled()) == constants_of(lif_cell(0.5, 0.8))
    assert LearntCell(0.0, 0.0, decay_learnt=True).numbers.synapse_kept == pytest.approx(LEAST, rel=1e-3)


def test_a_cell_is_scanned_as_norses_with_the_numbers_that_have_the_gradient():
    cell = LearntCell(0.5, 0.8, decay_learnt=True, threshold_learnt=True)
    with torch.no_grad():
        cell.pressed += torch.tensor([0.7, -0.4])
        cell.raised += 0.3
    constants, learnt = told(cell)
    assert constants == constants_of(cell.settled())
    wanted = [constants.membrane, constants.synapse, constants.threshold]
    torch.testing.assert_close(learnt.detach(), torch.tensor(wanted))  # rounded once more, to a rate and back
    assert told(lif_cell(0.5, 0.8)) == (constants_of(lif_cell(0.5, 0.8)), None)
    by_pressed, by_raised = torch.autograd.grad(learnt.sum(), (cell.pressed, cell.raised))
    lost = torch.sigmoid(cell.pressed)
    torch.testing.assert_close(by_pressed, lost * (1 - lost))
    torch.testing.assert_close(by_raised, torch.exp(cell.raised))


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("learns", [DECAY, THRESHOLD, BOTH], ids=str)
def test_the_network_spikes_as_with_norses_cells_and_every_number_has_a_slope(learns, recurrent):
    model, x = moved(replace(SMALL, recurrent=recurrent), **learns), torch.randn(2, 15, BANDS)
    found = model(x)
    found.square().sum().backward()
    slopes = [learnt.grad for learnt in model.cells.parameters()]
    assert len(slopes) == 3 * len(learns)
    assert all(slope.abs().min() > 0 for slope in slopes)
    settled = stream_net(model.layout, BANDS, 3).eval()
    settled.load_state_dict({name: t for name, t in model.state_dict().items() if not name.startswith("cells.")})
    with torch.no_grad():
        as_given = settled(x)
        for i, cell in enumerate(model.cells):
            settled.cells[i] = cell.settled()
        assert torch.equal(settled(x), found)
    assert not torch.equal(as_given, found)


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_source_has_the_numbers_that_were_learnt(recurrent):
    model = moved(replace(SMALL, recurrent=recurrent), **BOTH)
    messages = np.random.default_rng(0).integers(-20, 21, (2, 15, 1, 1, BANDS))
    with torch.no_grad():
        wanted = model(torch.from_numpy(messages[:, :, 0, 0] * 0.05).float()).numpy()
    source = stream_source(model, model.layout, BANDS, 0.05, "test")
    assert np.isclose(float_reference(source, messages).output, wanted, atol=1e-4).mean() > 0.99  # a spike may tip
    for name, cell in zip(("conv1", "conv2", "hidden"), model.cells, strict=True):
        node, (lost_v, lost_u) = source.nodes[name], torch.sigmoid(cell.pressed.detach()).tolist()
        np.testing.assert_allclose(DT_S / node.tau_mem, lost_v, rtol=1e-12)
        np.testing.assert_allclose(DT_S / node.tau_syn, lost_u, rtol=1e-12)
        assert (node.v_threshold == float(torch.exp(cell.raised.detach()))).all()


def test_train_learns_the_numbers_and_the_program_has_them(tmp_path):
    assert trained(tmp_path, "--epochs", "2", "--size", "small", *OPTIONS) == 0
    folder = tmp_path / "run"
    trained_model = read_run_model(folder / "model.pt")
    learnt = [trained_model.model.numbers_of(i) for i in range(4)]
    assert len({now.membrane_kept for now in learnt}) == len({now.threshold for now in learnt}) == 4
    assert (trained_model.recipe.learnt_decay, trained_model.recipe.learnt_threshold) == (True, True)
    program = read_program(folder / "program.nir")
    for now, population in zip(learnt, program.populations[:4], strict=True):
        lost_u, lost_v = (population.registers[name] / 2**12 for name in ("du", "dv"))
        np.testing.assert_allclose(lost_u, 1 - now.synapse_kept, atol=2**-11)  # 12 bits, and the chip adds one
        np.testing.assert_allclose(lost_v, 1 - now.membrane_kept, atol=2**-11)
    again = ["compile", str(folder / "model.pt"), "--data", str(folder / "calibration.npz"), "--bias", "register"]
    assert main([*again, "-o", str(tmp_path / "p.nir")]) == 0
    assert read_program_file(tmp_path / "p.nir").program.digest == program.digest


@pytest.mark.parametrize("change", [{}, {"layout": replace(LAYOUT, recurrent=True)}, {"weight_bits": 4}], ids=str)
def test_an_interrupted_run_ends_in_the_same_numbers(tmp_path, change):
    recipe, clips = stream_recipe(epochs=3, **BOTH, **change), stream_clips()
    torn, whole = torn_and_whole(recipe, tmp_path)
    assert compiled_stream(whole, recipe, clips).program.digest == compiled_stream(torn, recipe, clips).program.digest
    assert whole.numbers_of(0) != CellNumbers(0.5, 0.8)


def test_numbers_do_not_shrink_as_weights_do_and_what_learns_none_has_one_group():
    plain, learns = (stream_model(stream_recipe(**each), 2) for each in ({}, BOTH))
    (weights,) = _groups(plain, 0.1)
    assert [id(p) for p in weights["params"]] == [id(p) for p in plain.parameters()]
    weights, own = _groups(learns, 0.1)
    assert (weights["weight_decay"], own["weight_decay"]) == (0.1, 0.0)
    assert [id(p) for p in own["params"]] == [id(p) for p in learns.cells.parameters()]
    assert len(weights["params"]) + len(own["params"]) == len(list(learns.parameters()))
    made = []
    for change in ({}, BOTH):
        torch.manual_seed(0)
        made.append(stream_model(stream_recipe(**change), 2).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def test_a_start_that_learnt_none_leaves_them_as_usual_and_one_that_did_is_no_start_without(tmp_path, capsys):
    size = ("--epochs", "1", "--size", "small")
    assert trained(tmp_path, *size, "--model", "cnn") == 0
    (tmp_path / "run").rename(tmp_path / "twin")
    assert trained(tmp_path, *size, "--learnt-decay", "--start", str(tmp_path / "twin" / "model.pt")) == 0
    (tmp_path / "run").rename(tmp_path / "learnt")
    start = ("--start", str(tmp_path / "learnt" / "model.pt"))
    assert trained(tmp_path, *size, *start) == 2
    said = "does not fit: cells.0.pressed is 2 there and missing here  fix: begin with a run of the same --size"
    assert said in capsys.readouterr().err
    taken = stream_model(stream_recipe(**DECAY), 2)
    model = stream_model(stream_recipe(**BOTH), 2)
    with torch.no_grad():
        taken.cells[0].pressed += 1
    write_run_model(RunModel("stream", taken, stream_recipe(**DECAY), ("a", "b")), tmp_path)
    begun_by(tmp_path / "model.pt")(model)
    assert model.numbers_of(0) == taken.numbers_of(0) != taken.numbers_of(1)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("others", "kind"), [(("--model", "cnn"), "ann"), (("--model", "vgg"), "vgg"), (("--target", "xylo2"), "xylo")]
)
def test_what_has_no_such_numbers_refuses_the_options_by_name(tmp_path, capsys, option, others, kind):
    assert trained(tmp_path, option, *others) == 2
    name = option.removeprefix("--").replace("-", "_")
    said = f"{name}: of {kind}, which is no spiking network with numbers of its layers  fix: leave it out"
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_images_and_denoisers_refuse_them_too(tmp_path, capsys):
    for words in (["digits"], ["denoise"]):
        assert main(["train", *words, "--learnt-decay", "-o", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "--learnt-threshold are of published networks, and the last two of streams  fix: choose one" in said
    assert "--learnt-decay True: means nothing to a denoiser" in said


def test_a_recipe_of_before_has_the_form_it_always_had():
    plain, other = StreamRecipe(), StreamRecipe(**BOTH)
    assert not BOTH.keys() & recipe_to(plain).keys()
    assert recipe_to(other) == recipe_to(plain) | BOTH
    assert stream_recipe_from(recipe_to(other), "x") == other
