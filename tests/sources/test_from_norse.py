"""Norse in float64 and the float reference of what was read from it: every spike equal, every membrane within 1e-9."""

import zlib
from typing import Any

import numpy as np
import pytest
import torch

from snn2hw.float_reference import float_reference
from snn2hw.sources.from_norse import from_norse
from snn2hw.sources.tracing.cells import in_time, is_cell
from tests.sources.norse_zoo import ZOO, Case

STEPS, BATCH = 15, 3


@pytest.fixture(params=ZOO)
def case(request: pytest.FixtureRequest) -> Case:
    seed = zlib.crc32(request.param.encode())
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    with torch.no_grad():
        made = ZOO[request.param](np.random.default_rng(seed))
        if any(isinstance(m, torch.nn.LazyLinear) for m in made.module.modules()):
            made.module(torch.zeros(1, *made.shape))
    return made


def run_norse(case: Case, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return the module's output and, per cell, its (output, v) of every step, (B, T, *shape); x is (T, B, *shape)."""
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    names = {m: name for name, m in case.module.named_modules()}

    def watch(module: torch.nn.Module, args: Any, out: Any) -> None:
        v = out[1].v
        pairs = zip(out[0], v, strict=True) if in_time(module) else [(out[0], v)]
        calls = seen.setdefault(names[module] or type(module).__name__, [])
        calls.extend((z.detach().clone(), v.detach().clone()) for z, v in pairs)

    handles = [m.register_forward_hook(watch) for m in case.module.modules() if is_cell(m)]
    for m in case.module.modules():
        if is_cell(m) and in_time(m):
            m.record_states = True
    case.module.double().eval()
    with torch.no_grad():
        match case.layout:
            case "time_first":
                out = case.module(x)
            case "batch_first":
                out = case.module(x.transpose(0, 1))
            case _:
                out, state = [], ()
                for now in x:
                    z, *state = case.module(now, *state)
                    out.append(z)
                out = torch.stack(out)
    for handle in handles:
        handle.remove()
    both = {
        name: tuple(torch.stack(part, 1).numpy() for part in zip(*calls, strict=True)) for name, calls in seen.items()
    }
    while isinstance(out, tuple):
        out = out[0]
    return out, both


def raster(case: Case, rate: float = 0.4) -> torch.Tensor:
    drawn = np.random.default_rng(7).random((STEPS, BATCH, *case.shape)) < rate
    return torch.tensor(drawn, dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_norse_and_the_float_reference_agree(case: Case) -> None:
    x = raster(case)
    expected, cells = run_norse(case, x)
    source = from_norse(case.module, case.shape, layout=case.layout)
    trace = float_reference(source, x.transpose(0, 1).numpy())

    assert set(cells) <= set(trace.v)
    for name, (z, v) in cells.items():
        if len(z[0]) != STEPS:
            continue  # one module, several layers: their outputs are compared below
        np.testing.assert_allclose(trace.v[name], v, rtol=0, atol=1e-9)
        if name in trace.spikes:
            np.testing.assert_array_equal(trace.spikes[name], z)
            assert 0 < z.mean() < 1, f"{name} is silent or always on: the test says nothing"
    np.testing.assert_allclose(decoded(trace.output, source.notes), np.asarray(expected), rtol=0, atol=1e-9)


def decoded(output: np.ndarray, notes: tuple[str, ...]) -> np.ndarray:
    """Read (B, T, *shape) off as the module does: (T, B, *shape), or combined over time."""
    (how,) = [n.removeprefix("output: ") for n in notes if n.startswith("output: ")] or [""]
    match how:
        case "":
            return output.swapaxes(0, 1)
        case "last step":
            return output[:, -1]
        case _:
            name = how.split()[0]
            return {"max": np.max, "mean": np.mean, "sum": np.sum}[name](output, axis=1)
