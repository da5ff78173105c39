"""Streams whose dense layer hears itself: as Norse's cells, as a Source, as a program, and as ReLUs."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from norse.torch import LIFRecurrentCell

from exporters.program_file import read_program, read_program_file
from sim.engines import run
from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster
from snn2hw.models.stream import STREAMS, StreamLayout
from snn2hw.network.float_reference import float_reference
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.recipe import recipe_to
from snn2hw.train.stream_net import stream_net
from snn2hw.train.stream_program import compiled_stream, source_of_stream
from snn2hw.train.stream_recipe import StreamRecipe, stream_recipe_from
from snn2hw.train.stream_source import stream_source
from tests.train.tones import trained
from tests.train.toy_stream import LAYOUT, stream_clips, stream_recipe, torn_and_whole

SMALL = StreamLayout(channels=(3, 4), hidden=6, spread=(1, 2, 3), dropout=0.0, recurrent=True)
BANDS = 12
RECURRENT = replace(LAYOUT, recurrent=True)


def network(spiking=True, delays=0):
    """Return a network whose neurons hear one another loudly, its normalisation as after some training."""
    torch.manual_seed(0)
    model = stream_net(SMALL, BANDS, 3, spiking=spiking, delays=delays)
    torch.nn.init.normal_(model.among.back.weight, std=1.0)
    for norm in model.norms:
        torch.nn.init.normal_(norm.bias, std=0.5)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model.eval()


def _among_norse(model):
    """Return Norse's own cell of neurons that hear one another, with the weights of the dense layer."""
    cell, size = model.cells[-1], SMALL.hidden
    weights = {"input_weights": torch.eye(size), "recurrent_weights": model.among.back.weight.detach()}
    return LIFRecurrentCell(size, size, cell.p, **weights, autapses=True, dt=cell.dt)


def stepped(model, x):
    """Step through time, with Norse's own cells or ReLUs: only the dense layer hears what it said a step ago."""
    signal, last = x[:, None], len(model.maps) - 1
    for i, (linear, norm) in enumerate(zip(model.maps, model.norms, strict=True)):
        padded = torch.nn.functional.pad(signal, (0, 0, (SMALL.taps - 1) * SMALL.spread[i], 0))
        drive, state, said = norm(linear(padded)), None, []
        cell = (_among_norse(model) if i == last else model.cells[i]) if model.spiking else None
        for t in range(drive.shape[2]):
            now = drive[:, :, t]
            if model.spiking:
                z, state = cell(now[..., 0], state) if i == last else cell(now, state)
                said.append(z[..., None] if i == last else z)
            else:
                heard = model.among.back(said[-1][..., 0])[..., None] if i == last and said else 0
                said.append(torch.relu(now + heard))
        signal = torch.stack(said, 2)
    return model.readout(signal[..., 0].transpose(1, 2))


@pytest.mark.parametrize("spiking", [True, False])
def test_the_network_and_its_twin_compute_what_they_say_step_by_step(spiking):
    model, x = network(spiking), torch.randn(2, 15, BANDS)
    with torch.no_grad():
        wanted, found = stepped(model, x), model(x)
        model.among.back.weight.zero_()
        alone = model(x)
    assert torch.equal(found, wanted)
    assert not torch.equal(found, alone)


def test_both_have_the_same_weights_and_begin_as_networks_that_do_not_hear_themselves():
    snn, ann = (network(spiking).state_dict() for spiking in (True, False))
    assert {k: v.shape for k, v in snn.items()} == {k: v.shape for k, v in ann.items()}
    made = []
    for layout in (SMALL, replace(SMALL, recurrent=False)):
        torch.manual_seed(0)
        made.append(stream_net(layout, BANDS, 3).state_dict())
    assert set(made[0]) - set(made[1]) == {"among.back.weight"}
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[1])


@pytest.mark.parametrize("delays", [0, 4])
def test_the_source_means_what_the_network_computes(delays):
    model = network(delays=delays)
    messages = np.random.default_rng(0).integers(-20, 21, (2, 15, 1, 1, BANDS))
    with torch.no_grad():
        wanted = model(torch.from_numpy(messages[:, :, 0, 0] * 0.05).float()).numpy()
    source = stream_source(model, SMALL, BANDS, 0.05, "test")
    found = float_reference(source, messages).output
    assert ("hidden_back", "hidden") in source.graph.edges
    assert np.isclose(found, wanted, atol=1e-4).mean() > 0.99  # float32 beside float64: a spike may tip


@pytest.mark.parametrize("options", [(), ("--prune", "0.6", "--delays", "4")], ids=str)
def test_train_leaves_a_program_in_which_the_dense_layer_hears_itself(tmp_path, capsys, options):
    assert trained(tmp_path, "--epochs", "2", "--size", "small-recurrent", *options) == 0
    folder = tmp_path / "run"
    program = read_program(folder / "program.nir")
    (back,) = [c for c in program.by_name["hidden"].inputs if c.source == "hidden"]
    assert back.lag == 1
    weight = read_checkpoint(folder / "model.pt")["weights"]["among.back.weight"].numpy()
    held = back.wiring.weight.reshape(weight.shape)
    assert held.any()
    assert not held[weight == 0].any()
    assert (weight == 0).any() == ("--prune" in options)
    raster = read_raster(folder / "test.npz").spikes[:2]
    traces = [run(program, raster, engine=engine) for engine in ("reference", "fast")]
    for what in ("spikes", "u", "v"):
        one, other = (getattr(trace, what) for trace in traces)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    capsys.readouterr()
    again = ["compile", str(folder / "model.pt"), "--data", str(folder / "calibration.npz"), "--bias", "register"]
    assert main([*again, "-o", str(tmp_path / "p.nir")]) == 0
    assert read_program_file(tmp_path / "p.nir").program.digest == program.digest
    assert main(["listen", str(folder / "program.nir"), str(tmp_path / "data" / "0.wav"), "--json"]) == 0


def test_a_stream_begins_with_its_twin_by_the_command(tmp_path, capsys):
    size = ("--epochs", "1", "--size", "small-recurrent")
    assert trained(tmp_path, *size, "--model", "cnn") == 0
    (tmp_path / "run").rename(tmp_path / "twin")
    start = ("--start", str(tmp_path / "twin" / "model.pt"))
    assert trained(tmp_path, *size, *start) == 0
    (tmp_path / "run").rename(tmp_path / "begun")
    assert trained(tmp_path, "--epochs", "1", "--size", "small", *start) == 2
    assert "does not fit: among.back.weight is 64x64 there and missing here" in capsys.readouterr().err


@pytest.mark.parametrize("change", [{}, {"prune": 0.5}, {"model": "ann"}], ids=str)
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, change):
    recipe, clips = stream_recipe(layout=RECURRENT, epochs=3, **change), stream_clips()
    torn, whole = torn_and_whole(recipe, tmp_path)
    begun = stream_net(RECURRENT, recipe.front.width, 2)
    assert not torch.equal(begun.among.back.weight, torn.among.back.weight)
    if recipe.spiking:
        program = compiled_stream(whole, recipe, clips).program
        assert program.digest == compiled_stream(torn, recipe, clips).program.digest
        assert "hidden_back" in source_of_stream(torn, recipe).nodes


def test_a_recipe_of_before_has_the_form_it_always_had():
    plain, other = StreamRecipe(), StreamRecipe(layout=STREAMS["medium-recurrent"])
    assert "recurrent" not in recipe_to(plain)["layout"]
    of_before = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(plain.layout).items()}
    del of_before["recurrent"]
    assert recipe_to(plain)["layout"] == of_before
    assert stream_recipe_from(recipe_to(plain), "x") == plain
    assert recipe_to(other)["layout"] == of_before | {"recurrent": True}
    assert stream_recipe_from(json.loads(json.dumps(recipe_to(other))), "x") == other
    with pytest.raises(InputError, match="recurrent 3  fix: say True or False"):
        stream_recipe_from(recipe_to(plain) | {"layout": of_before | {"recurrent": 3}}, "x")


def test_weights_back_have_no_grid(tmp_path, capsys):
    assert trained(tmp_path, "--size", "small-recurrent", "--weight-bits", "3") == 2
    said = capsys.readouterr().err
    assert "weight_bits 3: of neurons that hear one another, whose weights back have no grid  fix: choose a" in said
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="only our spiking networks"):
        stream_recipe(layout=RECURRENT, model="ann", weight_bits=3)
