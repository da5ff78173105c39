"""Norse in float64 and the float reference of what was read from it: every spike equal, every membrane within 1e-9."""

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from snn2hw.models.layout import HARDWARE, Layout, Stage
from snn2hw.models.scnn import scnn
from snn2hw.network.float_reference import FloatTrace, float_reference
from snn2hw.network.view import lower
from snn2hw.sources.from_norse import from_norse
from snn2hw.sources.from_norse.cells import in_time, is_cell
from tests.sources.norse_nets import Case
from tests.sources.norse_zoo import ZOO

STEPS, BATCH = 15, 3


def built(name: str, seed: int = 0) -> Case:
    seed = zlib.crc32(f"{name} {seed}".encode()) if seed else zlib.crc32(name.encode())
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    with torch.no_grad():
        made = ZOO[name](np.random.default_rng(seed))
        if any(isinstance(m, torch.nn.LazyLinear) for m in made.module.modules()):
            made.module(torch.zeros(1, *made.shape))
    return made


def run_norse(case: Case, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return the module's output and, per cell, its (output, v) of every step, (B, T, *shape); x is (T, B, *shape)."""
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    names = {m: name for name, m in case.module.named_modules()}

    def watch(module: torch.nn.Module, args: Any, out: Any) -> None:
        v = getattr(out[1], "lif", out[1]).v  # a refractory cell keeps the state of its LIF inside its own
        pairs = zip(out[0], v, strict=True) if in_time(module) else [(out[0], v)]
        name = names.get(module) or type(module).__name__
        calls = seen.setdefault(f"{name}_2" if name in ("input", "output") else name, [])
        calls.extend((z.detach().clone(), v.detach().clone()) for z, v in pairs)

    held = [*case.module.modules(), *getattr(case.module, "cells", [])]
    handles = [m.register_forward_hook(watch) for m in held if is_cell(m)]
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


def prove(case: Case, *, lively: bool = True) -> None:
    """Compare every cell of every step, before and after lowering."""
    x = raster(case)
    expected, cells = run_norse(case, x)
    source = from_norse(case.module, case.shape, layout=case.layout)
    for stage in (source, lower(source)):
        trace = float_reference(stage, x.transpose(0, 1).numpy())
        agree(trace, cells, np.asarray(expected), source.notes)
    spikes = {name: z.mean() for name, (z, _) in cells.items() if name in trace.spikes}
    assert not lively or all(0 < rate < 1 for rate in spikes.values()), f"silent or always on: {spikes}"


def agree(trace: FloatTrace, cells: dict[str, tuple[np.ndarray, np.ndarray]], expected: np.ndarray, notes: Any) -> None:
    assert set(cells) <= set(trace.v)
    for name, (z, v) in cells.items():
        if len(z[0]) != STEPS:
            continue  # one module, several layers: their outputs are compared below
        np.testing.assert_allclose(trace.v[name], v, rtol=0, atol=1e-9)
        if name in trace.spikes:
            np.testing.assert_array_equal(trace.spikes[name], z)
    np.testing.assert_allclose(decoded(trace.output, notes), expected, rtol=0, atol=1e-9)


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


EVEN = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


@EVEN
@pytest.mark.parametrize("name", ZOO)
def test_norse_and_the_float_reference_agree(name: str) -> None:
    prove(built(name))


@EVEN
@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("name", ZOO)
def test_norse_and_the_float_reference_agree_for_other_parameters(name: str, seed: int) -> None:
    prove(built(name, seed), lively=False)


@pytest.mark.parametrize("layout", [HARDWARE, replace(HARDWARE, synapse=0.5), Layout((Stage(6, 3, 1, pool=True),), 20)])
def test_the_networks_of_this_project_agree(layout: Layout) -> None:
    torch.manual_seed(1)
    network = scnn(layout, 12, 10)
    with torch.no_grad():
        for weight in (p for p in network.parameters() if p.ndim > 1):
            weight.mul_(3).add_(0.3 * weight.std())  # untrained, it would hardly fire
    prove(Case(network, (1, 12, 12)))


def test_a_wrong_network_is_seen() -> None:
    """The proof can fail: one weight of the module changed after reading."""
    case = built("LIFCell")
    x = raster(case)
    source = from_norse(case.module, case.shape)
    with torch.no_grad():
        case.module[0].weight[0, 0] += 1e-6
    expected, cells = run_norse(case, x)
    with pytest.raises(AssertionError):
        agree(float_reference(source, x.transpose(0, 1).numpy()), cells, np.asarray(expected), source.notes)
