"""A trained mask-estimating network as a Source: a NIR graph with a delay for every lag and a skip to the readout."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from snn2hw.models.mask import MaskLayout
from snn2hw.models.stream import DT_S
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.stream_source import cuba_cells, folded_norm

__all__ = ["Wires", "answered", "doubles", "mask_source"]


@dataclass
class Wires:
    """A graph as it grows."""

    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def late(self, heard: str, shape: tuple[int, ...], lag: int, name: str, map_: nir.NIRNode, target: str) -> None:
        """Lead what was ``heard`` so many steps ago through a map of this name to a target."""
        self.nodes[name] = map_
        wait = [f"{target}_wait{lag}"] if lag else []
        if lag:
            self.nodes[wait[0]] = nir.Delay(np.full(shape, lag * DT_S))
        self.edges += itertools.pairwise([heard, *wait, name, target])

    def flat(self, heard: str, shape: tuple[int, ...], target: str) -> None:
        """Lead what was heard to a map that reads it in one row."""
        if len(shape) > 1:
            name = f"{heard}_flat"
            self.nodes[name] = nir.Flatten({"input": np.array(shape)}, 0, -1)
            self.edges.append((heard, name))
            heard = name
        self.edges.append((heard, target))


def mask_source(model: Any, layout: MaskLayout, unit: float, origin: str) -> Source:
    """Return a spiking `MaskNet` as a Source that reads messages, of which ``unit`` stand for 1 in training."""
    features = model.skip.in_features
    wires = Wires({"input": nir.Input({"input": np.array((features,))})})
    previous, width = "input", features
    for i, (linear, norm) in enumerate(zip(model.maps, model.norms, strict=True)):
        name, size = f"hidden{i + 1}", layout.hidden[i]
        scale, bias = folded_norm(norm)
        weight = doubles(linear.weight * scale.view(-1, 1, 1)) / (unit if i == 0 else 1.0)  # out in tap
        wires.nodes[name] = cuba_cells((size,), layout.synapse_kept, layout.membrane_kept)
        for tap in range(layout.taps):  # tap k of the kernel hears (taps - 1 - k) spreads ago
            lag = (layout.taps - 1 - tap) * layout.spread[i]
            heard = nir.Affine(weight[:, :, tap], bias * (lag == 0))
            wires.late(previous, (width,), lag, f"{name}_lag{lag}", heard, name)
        previous, width = name, size
    wires.edges += [(previous, "spoken"), ("input", "skip")]
    spoken = doubles(model.readout.weight), doubles(model.readout.bias)
    answered(wires, spoken, doubles(model.skip.weight) / unit, layout.answer_kept)
    return Source(assemble(wires.nodes, wires.edges, origin), DT_S, "euler", "value", origin)


def answered(
    wires: Wires,
    spoken: tuple[NDArray[np.float64], NDArray[np.float64]],
    skip: NDArray[np.float64],
    kept: float,
) -> None:
    """Add the leaky readout, weights and biases from ``spoken`` and from the messages by ``skip``."""
    weight, bias = spoken
    bands = np.ones(len(bias))
    wires.nodes |= {
        "spoken": nir.Affine(weight, bias),
        "skip": nir.Linear(skip),
        "readout": nir.LI(tau=bands * DT_S / (1 - kept), r=bands, v_leak=bands * 0),
        "output": nir.Output({"output": np.array(bands.shape)}),
    }
    wires.edges += [("spoken", "readout"), ("skip", "readout"), ("readout", "output")]


def doubles(tensor: Any) -> NDArray[np.float64]:
    """Return the numbers of a tensor of parameters."""
    found: NDArray[np.float64] = tensor.detach().double().numpy()
    return found
