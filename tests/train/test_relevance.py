"""What a network looks at: against small changes of the input, causal, and drawn."""

import json

import numpy as np
import pytest
import torch

from sim.errors import InputError, UnsupportedError
from snn2hw.commands import main
from snn2hw.files.tensor_file import write_tensors
from snn2hw.train.checkpoint import SCHEMA
from snn2hw.train.recipe import recipe_to
from snn2hw.train.relevance import relevance
from snn2hw.train.stream_data import stream_recipe_for
from snn2hw.train.stream_fit import stream_model


def network(kind):
    torch.manual_seed(0)
    recipe = stream_recipe_for("keywords", kind)
    model = stream_model(recipe, 3).eval()
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.normal_(norm.bias, std=0.5)
    return model, recipe


@pytest.fixture
def messages():
    return np.random.default_rng(0).integers(-30, 31, (40, 40)).astype(np.int8)


def answer(model, recipe, messages, chosen):
    x = torch.from_numpy((messages * (recipe.front.step_db / recipe.unit_db)).astype(np.float32))[None]
    with torch.no_grad():
        return float(model.double()(x.double()).mean(1)[0, chosen])


@pytest.mark.parametrize("kind", ["ann", "vgg"])
def test_it_is_the_slope_times_the_input(kind, messages):
    model, recipe = network(kind)
    found = relevance(model, recipe, messages, 1)
    for place in [(3, 5), (20, 20), (33, 39)]:
        moved = messages.astype(float)
        step = 1e-4
        moved[place] += step
        slope = (answer(model, recipe, moved, 1) - answer(model, recipe, messages, 1)) / step
        assert found[place] == pytest.approx(slope * messages[place], rel=2e-2, abs=1e-6)
        model.float()


def test_what_came_after_a_silence_does_not_speak_through_spikes_before_it(messages):
    model, recipe = network("snn")
    found = relevance(model, recipe, messages, 0)
    assert found.shape == messages.shape
    assert (found[messages == 0] == 0).all()
    assert np.abs(found).sum() > 0


def test_a_mean_over_early_answers_looks_at_nothing_later(messages):
    class Early(torch.nn.Module):
        def forward(self, x):
            return model(x)[:, :25]

    model, recipe = network("snn")
    found = relevance(Early(), recipe, messages, 0)
    assert (found[25:] == 0).all()
    assert np.abs(found[:25]).sum() > 0


def test_the_scan_and_its_plain_form_look_at_the_same(messages, monkeypatch):
    from snn2hw.train import norse_scan, stream_net

    model, recipe = network("snn")
    found = relevance(model, recipe, messages, 0)
    monkeypatch.setattr(
        stream_net, "spikes_in_time", lambda *x, **learnt: norse_scan.spikes_in_time(*x, **learnt, compiled=False)
    )
    assert np.allclose(relevance(model, recipe, messages, 0), found, rtol=1e-4, atol=1e-8)


def test_integrated_gradients_add_up_to_what_the_sound_adds(messages):
    pytest.importorskip("captum")
    model, recipe = network("ann")
    found = relevance(model, recipe, messages, 2, "integrated")
    model.double()
    added = answer(model, recipe, messages, 2) - answer(model, recipe, 0 * messages, 2)
    assert found.sum() == pytest.approx(added, rel=0.05)


def test_what_cannot_be_is_refused(messages):
    model, recipe = network("snn")
    with pytest.raises(UnsupportedError, match="use the method gradient"):
        relevance(model, recipe, messages, 0, "integrated")
    with pytest.raises(InputError, match="choose gradient or integrated"):
        relevance(model, recipe, messages, 0, "guess")


def test_the_command_draws_a_picture(tmp_path, capsys):
    import soundfile

    model, recipe = network("snn")
    best = {"epoch": 1, "weights": model.state_dict()}
    write_tensors(tmp_path / "last.pt", {"schema": SCHEMA, "recipe": recipe_to(recipe), "best": best})
    (tmp_path / "summary.json").write_text(json.dumps({"classes": ["a", "b", "c"]}))
    soundfile.write(tmp_path / "x.wav", np.random.default_rng(0).normal(0, 0.1, 12000), 16000)
    words = ["relevance", str(tmp_path / "last.pt"), str(tmp_path / "x.wav"), "-o", str(tmp_path / "x.png")]
    assert main([*words, "--label", "b"]) == 0
    assert "what speaks for b" in capsys.readouterr().out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--label", "d"]) == 2
    assert "--label d: no class of" in capsys.readouterr().err
