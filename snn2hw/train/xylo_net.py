"""A network in a Xylo chip's own terms: bands of events, decays by shifts, several spikes a step, eight outputs.

    I[t] = norm( W z[t] )       answer[t, class] = sum of the spikes of the outputs that stand for the class

Its decays are powers of two from the first step of training on: the exponents learn, and what is used is the nearest
whole one. Weights stay real numbers; the compiler rounds them.
"""

from itertools import pairwise
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from snn2hw.models.scale_norm import ScaleNorm
from snn2hw.models.stream import DT_S
from snn2hw.models.xylo import MANY, XyloLayout, answer_code
from snn2hw.sources.from_nir.dialects import dialect_of
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.xylo_scan import xylo_spikes

__all__ = ["XyloNet", "folded_weights", "xylo_source"]

Floats = NDArray[np.float64]

REACHED = 1.5
"""Where a potential would settle on a constant input of the usual size at the start of training, in thresholds."""


class XyloNet(nn.Module):
    """Called on (b, T, bands) it returns answers (b, T, classes)."""

    def __init__(self, layout: XyloLayout, bands: int, classes: int) -> None:
        super().__init__()
        self.dropout = layout.dropout
        self.code: Tensor
        self.register_buffer("code", torch.from_numpy(answer_code(classes)).float(), persistent=False)
        sizes = (bands, *layout.hidden, self.code.shape[1])
        self.maps = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))
        norms = [ScaleNorm(size) for size in sizes[1:]]
        self.norms = nn.ModuleList(norms)
        self.dash_syn = nn.ParameterList(nn.Parameter(torch.empty(n).uniform_(*layout.dash_syn)) for n in sizes[1:])
        self.dash_mem = nn.ParameterList(nn.Parameter(torch.empty(n).uniform_(*layout.dash_mem)) for n in sizes[1:])
        with torch.no_grad():
            for k, norm in enumerate(norms):
                lost_i, lost_v = _share(self.dash_syn[k], 1), _share(self.dash_mem[k], 0)
                norm.weight.copy_(REACHED * lost_v * lost_i / (1 - lost_i))

    def forward(self, x: Tensor) -> Tensor:
        """Run all steps, layer by layer."""
        answers: Tensor = self.outputs(x) @ self.code.T
        return answers

    def with_norms(self) -> list[tuple[nn.Module, nn.Module]]:
        """Return every linear map with the normalisation behind it."""
        return list(zip(self.maps, self.norms, strict=True))

    def outputs(self, x: Tensor) -> Tensor:
        """Return the spikes of the outputs, (b, T, outputs)."""
        y = x.transpose(0, 1)  # t b n
        for k, (linear, norm) in enumerate(zip(self.maps, self.norms, strict=True)):
            last = k == len(self.maps) - 1
            drive = norm(linear(y).permute(1, 2, 0)).permute(2, 0, 1)
            y = xylo_spikes(drive, _share(self.dash_syn[k], 1), _share(self.dash_mem[k], 0), 1 if last else MANY)
            if not last:
                y = functional.dropout(y, self.dropout, self.training)
        return y.transpose(0, 1)


def _share(dash: Tensor, least: int) -> Tensor:
    """Return 2^-n for the nearest whole n; the gradient passes the rounding as if it were not there."""
    whole = torch.clamp(torch.round(dash), least, 15)
    return torch.exp2(-(dash + (whole - dash).detach()))


def folded_weights(model: Any, step: float) -> list[Floats]:
    """Return every layer's weights, normalisation folded, in thresholds; ``step`` is what one event stands for."""
    found = []
    for k, (linear, norm) in enumerate(zip(model.maps, model.norms, strict=True)):
        scale = norm.weight * torch.rsqrt(norm.running_power + norm.eps)
        found.append((linear.weight * scale[:, None]).detach().double().numpy() * (step if k == 0 else 1.0))
    return found


def xylo_source(model: Any, step: float, origin: str) -> Source:
    """Return the trained network as a Source, (1, 1, bands) a step; ``step`` is what one event stands for."""
    bands = model.maps[0].in_features
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array((1, 1, bands))})}
    nodes["flat"] = nir.Flatten({"input": np.array((1, 1, bands))}, 0, -1)
    way = ["input", "flat"]
    for k, weight in enumerate(folded_weights(model, step)):
        name = "output_neurons" if k == len(model.maps) - 1 else f"hidden{k + 1}"
        nodes[f"{name}_weight"] = nir.Linear(weight)
        nodes[name] = _neurons(_whole(model.dash_syn[k], 1), _whole(model.dash_mem[k], 0))
        nodes[name].metadata = {"most": 1 if k == len(model.maps) - 1 else MANY}
        way += [f"{name}_weight", name]
    nodes["output"] = nir.Output({"output": np.array((model.code.shape[1],))})
    edges = list(zip(way, [*way[1:], "output"], strict=True))
    semantics = dialect_of("rockpool").semantics
    return Source(
        graph=assemble(nodes, edges, origin),
        dt=DT_S,
        scheme="euler",
        reset="subtract",
        origin=origin,
        semantics=semantics,
    )


def _whole(dash: Tensor, least: int) -> Floats:
    whole: Floats = torch.clamp(torch.round(dash), least, 15).double().detach().numpy()
    return whole


def _neurons(dash_syn: Floats, dash_mem: Floats) -> nir.NIRNode:
    """Return neurons whose current decays after its input: (1 - s) / s of a gain, where NIR's decays before it."""
    lost_i, lost_v = np.exp2(-dash_syn), np.exp2(-dash_mem)
    ones = np.ones(len(dash_syn))
    return nir.CubaLIF(
        tau_syn=DT_S / lost_i,
        tau_mem=DT_S / lost_v,
        r=1 / lost_v,
        v_leak=0 * ones,
        v_threshold=ones,
        w_in=(1 - lost_i) / lost_i,
        v_reset=0 * ones,
    )
