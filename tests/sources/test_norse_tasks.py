"""Norse's own models, as the package ships them: they read, compile, and the program sends spikes as they do."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import norse.torch
import numpy as np
import pytest
import torch
from norse.task.speech_commands.model import lif_model
from norse.torch.functional.lif import LIFParameters
from norse.torch.models.conv import ConvNet, ConvNet4

from sim.engines import run
from snn2hw.chips.preflight import check
from snn2hw.compiler.compile import compile_source
from snn2hw.sources.from_norse import from_norse
from tests.rows import a_third
from tests.sources.norse_inputs import loud


@pytest.fixture
def without_trainers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tasks be imported without the packages that train and draw: their models need none of these."""
    stubs: dict[str, dict[str, Any]] = {
        "torchvision": {},
        "pytorch_lightning": {"LightningModule": torch.nn.Module},
        "torch.utils.tensorboard": {"SummaryWriter": object},
    }
    for name, holds in stubs.items():
        module = ModuleType(name)
        vars(module).update(holds)
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("LIFCell", "LICell", "SequentialState"):  # the task still looks for them where they were once
        monkeypatch.setattr(norse.torch.module, name, getattr(norse.torch, name), raising=False)
    for task in ("mnist", "cifar10"):
        monkeypatch.delitem(sys.modules, f"norse.task.{task}", raising=False)


def mnist() -> torch.nn.Module:
    return import_module("norse.task.mnist").LIFConvNet(28 * 28, seq_length=8, input_scale=4)


def cifar10() -> torch.nn.Module:
    return import_module("norse.task.cifar10").LIFConvNet(4, 3, lr=1e-3, optimizer="adam", p=LIFParameters())


MODELS = {
    "ConvNet": (lambda: ConvNet(feature_size=28), (1, 28, 28)),
    "ConvNet4": (lambda: ConvNet4(feature_size=28), (1, 28, 28)),
    "mnist": (mnist, (1, 28, 28)),
    "cifar10": (cifar10, (3, 32, 32)),
    "speech commands": (lif_model, (80,)),
}


@pytest.mark.usefixtures("without_trainers")
@pytest.mark.parametrize("name", a_third(MODELS))
def test_a_model_that_norse_ships_reads_and_compiles(name: str) -> None:
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model = loud(make(), 3.0)
    source = from_norse(model, shape)
    assert check(source, "fixed") == []
    rng = np.random.default_rng(0)
    data = (rng.random((1, 4, *source.input_shape)) < 0.5).astype(np.uint8)
    program = compile_source(source, "fixed", data if name != "cifar10" else None, steps=8).program
    if name != "cifar10":  # minutes of float convolutions
        counts = run(program, data.reshape(1, 4, *program.input.shape)).counts
        assert sum(int(spikes.sum()) for spikes in counts.spikes.values()) > 0
