"""A trained streaming network as a Source: a NIR graph with a delay for every lag."""

import itertools
from collections.abc import Iterator
from typing import Any

import nir
import numpy as np

from snn2hw.models.stream import DT_S, KERNEL, StreamLayout, band_counts
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source

__all__ = ["cuba_cells", "folded_norm", "stream_source"]


def stream_source(model: Any, layout: StreamLayout, bands: int, step: float, origin: str) -> Source:
    """Return the trained network as a Source: normalisation folded, every tap a map behind a delay of its own.

    What the dense layer hears of itself is an edge back.

    Args:
        model: a spiking `stream_net`.
        layout: its sizes.
        bands: at its input, (1, 1, bands) a step.
        step: what one unit of a message stands for in training.
        origin: where it comes from, for messages.
    """
    counts = band_counts(layout, bands)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array((1, 1, bands))})}
    edges: list[tuple[str, str]] = []
    previous = "input"
    for i in range(len(model.maps)):
        last = i == len(model.maps) - 1
        name = "hidden" if last else f"conv{i + 1}"
        shape = (layout.hidden,) if last else (layout.channels[i], 1, counts[i + 1])
        now = model.numbers_of(i)
        nodes[name] = cuba_cells(shape, now.synapse_kept, now.membrane_kept, now.threshold)
        heard = (1, 1, bands) if i == 0 else (layout.channels[i - 1], 1, counts[i])
        for way in _ways(model, i, name, heard, step if i == 0 else 1.0):
            nodes |= way
            edges += list(itertools.pairwise([previous, *way, name]))
        previous = name
    if model.among is not None:
        nodes["hidden_back"] = nir.Linear(model.among.back.weight.detach().double().numpy())
        edges += [("hidden", "hidden_back"), ("hidden_back", "hidden")]
    nodes["readout_weight"] = nir.Linear(model.readout.weight.detach().double().numpy())
    classes = len(nodes["readout_weight"].weight)
    ones = np.ones(classes)
    nodes["readout"] = nir.LI(tau=ones * DT_S, r=ones, v_leak=ones * 0)
    nodes["output"] = nir.Output({"output": np.array((classes,))})
    edges += [(previous, "readout_weight"), ("readout_weight", "readout"), ("readout", "output")]
    return Source(assemble(nodes, edges, origin), DT_S, "euler", "value", origin)


def _ways(model: Any, i: int, name: str, heard: tuple[int, ...], step: float) -> Iterator[dict[str, nir.NIRNode]]:
    """Yield what stands between what layer ``i`` hears and its neurons: the nodes of every tap, in order."""
    linear, spread, last = model.maps[i], model.layout.spread[i], i == len(model.maps) - 1
    scale, bias = folded_norm(model.norms[i])
    weight = (linear.weight * scale.view(-1, 1, 1, 1)).detach().double().numpy() * step
    taps = weight.shape[2]
    for tap in range(taps):  # tap k of the kernel hears (taps - 1 - k) spreads ago
        lag = (taps - 1 - tap) * spread
        waits, way = np.full(heard, lag), {}
        if last and model.lags is not None:  # a single tap, each of whose sources has its own lag
            waits = model.lags.whole().numpy().reshape(heard)
        if waits.any():
            way[f"{name}_wait{lag}"] = nir.Delay(waits * DT_S)
        if last:
            way[f"{name}_flat{lag}"] = nir.Flatten({"input": np.array(heard)}, 0, -1)
        here = bias if lag == 0 else np.zeros_like(bias)
        way[f"{name}_lag{lag}"] = _tap(weight[:, :, tap], here, last, heard[-1])
        yield way


def folded_norm(norm: Any) -> tuple[Any, Any]:
    """Return batch normalisation as a factor for the weights before it, and a bias."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, (norm.bias - norm.running_mean * scale).detach().double().numpy()


def _tap(weight: Any, bias: Any, dense: bool, wide: int) -> nir.NIRNode:
    """Return the map of one tap: a convolution of height 1, or all to all; ``weight`` is (out, in, width)."""
    if dense:
        return nir.Affine(weight.reshape(len(weight), -1), bias)
    return nir.Conv2d((1, wide), weight[:, :, None], (1, 2), (0, KERNEL // 2), (1, 1), 1, bias)


def cuba_cells(
    shape: tuple[int, ...], synapse_kept: float, membrane_kept: float, threshold: float = 1.0
) -> nir.NIRNode:
    """Return Norse's cells: dt / tau is the share that is lost in a step, and the current is read before it decays."""
    ones = np.ones(shape)
    lost_u, lost_v = 1 - synapse_kept, 1 - membrane_kept
    return nir.CubaLIF(
        tau_syn=ones * DT_S / lost_u,
        tau_mem=ones * DT_S / lost_v,
        r=ones,
        v_leak=ones * 0,
        v_threshold=ones * threshold,
        w_in=ones / lost_u,
        v_reset=ones * 0,
    )
