"""A trained mask-estimating network as a Source: a NIR graph with a delay for every lag and a skip to the readout."""

import itertools
from typing import Any

import nir
import numpy as np

from snn2hw.models.mask import MaskLayout
from snn2hw.models.stream import DT_S
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.stream_source import cuba_cells, folded_norm

__all__ = ["mask_source"]


def mask_source(model: Any, layout: MaskLayout, unit: float, origin: str) -> Source:
    """Return the trained network as a Source that reads messages, of which ``unit`` stand for 1 in training."""
    features = model.skip.in_features
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array((features,))})}
    edges: list[tuple[str, str]] = []
    previous, width = "input", features
    for i, (linear, norm) in enumerate(zip(model.maps, model.norms, strict=True)):
        name, size = f"hidden{i + 1}", layout.hidden[i]
        scale, bias = folded_norm(norm)
        weight = _doubles(linear.weight * scale.view(-1, 1, 1)) / (unit if i == 0 else 1.0)  # out in tap
        nodes[name] = cuba_cells((size,), layout.synapse_kept, layout.membrane_kept)
        for tap in range(layout.taps):  # tap k of the kernel hears (taps - 1 - k) spreads ago
            lag = (layout.taps - 1 - tap) * layout.spread[i]
            nodes[f"{name}_lag{lag}"] = nir.Affine(weight[:, :, tap], bias * (lag == 0))
            if lag:
                nodes[f"{name}_wait{lag}"] = nir.Delay(np.full((width,), lag * DT_S))
            way = [previous, *([f"{name}_wait{lag}"] if lag else []), f"{name}_lag{lag}", name]
            edges += list(itertools.pairwise(way))
        previous, width = name, size
    nodes["spoken"] = nir.Affine(_doubles(model.readout.weight), _doubles(model.readout.bias))
    nodes["skip"] = nir.Linear(_doubles(model.skip.weight) / unit)
    bands = np.ones(model.readout.out_features)
    nodes["readout"] = nir.LI(tau=bands * DT_S / (1 - layout.answer_kept), r=bands, v_leak=bands * 0)
    nodes["output"] = nir.Output({"output": np.array(bands.shape)})
    edges += [
        (previous, "spoken"),
        ("spoken", "readout"),
        ("input", "skip"),
        ("skip", "readout"),
        ("readout", "output"),
    ]
    return Source(assemble(nodes, edges, origin), DT_S, "euler", "value", origin)


def _doubles(tensor: Any) -> Any:
    return tensor.detach().double().numpy()
