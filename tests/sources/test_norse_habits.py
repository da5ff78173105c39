"""Norse as people write it: what was read computes what the module computes, whatever the way of writing."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from snn2hw.network.float_reference import float_reference
from snn2hw.sources import Source
from snn2hw.sources.from_norse import from_norse
from tests.sources.norse_habits import HABITS, Habit

BATCH = 3


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    """Norse's encoders make tensors of the default type; in float32 they would not be equal to anything."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(torch.float32)


def made(name: str) -> tuple[Habit, torch.nn.Module]:
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    habit = HABITS[name]
    with torch.no_grad():
        return habit, habit.make(np.random.default_rng(seed)).double().eval()


def given(habit: Habit) -> torch.Tensor:
    """Return (T, B, *shape) of 0 and 1, or an image (B, *shape)."""
    rng = np.random.default_rng(7)
    if habit.fed == "static":
        return torch.tensor(rng.uniform(0.1, 1.0, (BATCH, *habit.shape)))
    return torch.tensor((rng.random((habit.steps, BATCH, *habit.shape)) < 0.4).astype(np.float64))


def run_module(habit: Habit, module: Any, x: torch.Tensor) -> Any:
    """Return what the module returns, all steps of one that is called step by step."""
    torch.manual_seed(3)
    with torch.no_grad():
        if habit.fed != "step":
            return module(x.transpose(0, 1) if habit.fed == "batch_first" else x)
        out, state = [], ()
        for now in x:
            got = module(now, *state)
            z, *state = got if isinstance(got, tuple) else (got,)
            state = state if len(state) == 1 and not isinstance(state[0], torch.Tensor) else ()
            out.append(z)
        return torch.stack(out)


def raster(habit: Habit, module: Any, x: torch.Tensor) -> torch.Tensor:
    """Return what the Source is fed, (B, T, *shape)."""
    torch.manual_seed(3)
    if habit.spikes is not None:
        with torch.no_grad():
            return habit.spikes(module, x).transpose(0, 1)
    if habit.fed == "static":
        return x[:, None].expand(-1, habit.steps, *(-1,) * len(habit.shape))
    return x.transpose(0, 1)


HOW = {"max": lambda y: y.max(0).values, "mean": lambda y: y.mean(0), "sum": lambda y: y.sum(0)}


def read_off(output: np.ndarray, source: Source) -> torch.Tensor:
    """Read (B, T, *shape) off as the notes say."""
    y = torch.tensor(output).transpose(0, 1)
    (how,) = [n.removeprefix("output: ") for n in source.notes if n.startswith("output: ")] or [""]
    for word in filter(None, how.split(", ")):
        if word == "last step":
            y = y[-1]
        elif word in ("softmax", "log_softmax", "softmax in every step"):
            y = getattr(torch, word.split()[0])(y, dim=-1)
        else:
            name, _, part = word.partition(" over ")
            chosen = slice(None)
            if part.startswith("steps ["):
                chosen = slice(*(int(n) if n else None for n in part[7:-1].split(":")))
            elif part.startswith("the last"):
                chosen = slice(-int(part.split()[2]), None)
            y = HOW[name](y[chosen])
    return y


def picked(out: Any, habit: Habit) -> torch.Tensor:
    while not isinstance(out, torch.Tensor):
        out = out[habit.output or 0]
    return out


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_is_read_exactly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    habit, module = made(name)
    x = given(habit)
    source = from_norse(module, habit.shape, output=habit.output)
    if "CIFAR" in name:  # the noise is left out, and said so
        assert any("random numbers" in note for note in source.notes)
        monkeypatch.setattr(torch, "randn", torch.zeros)
    fed = raster(habit, module, x)
    expected = picked(run_module(habit, module, x), habit)
    read = read_off(float_reference(source, fed.numpy()).output, source)
    if habit.fed == "batch_first":
        read = read.transpose(0, 1)
    assert expected.std() > 1e-6, "silent"
    np.testing.assert_allclose(read.reshape(expected.shape), expected, rtol=0, atol=1e-9)
