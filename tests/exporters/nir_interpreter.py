"""One step of a NIR graph in float64, read with nothing but NIR's documentation: Euler with dt = 1, current first."""

import nir
import numpy as np
import torch

NEURONS = (nir.IF, nir.LIF, nir.CubaLIF, nir.I, nir.LI, nir.CubaLI)


def input_current(graph, neuron, messages):
    """Sum what arrives at a neuron; ``messages[source][lag]`` is what a source sent ``lag`` steps ago."""
    total = np.zeros(graph.nodes[neuron].output_type["output"])
    for source, target in graph.edges:
        if target == neuron and not _is_spare_input(graph, source):
            total = total + _arriving(graph, source, messages)
    return total


def _is_spare_input(graph, name):
    return isinstance(graph.nodes[name], nir.Input) and name != "input"


def _arriving(graph, name, messages, steps_ago=0):
    node = graph.nodes[name]
    if isinstance(node, (nir.Input, *NEURONS)):
        return messages[name][steps_ago].reshape(node.output_type["output"])
    (source,) = [a for a, b in graph.edges if b == name]
    if isinstance(node, nir.Delay):
        (steps,) = set(node.delay.reshape(-1))
        return _arriving(graph, source, messages, steps_ago + int(steps))
    return _apply(node, _arriving(graph, source, messages, steps_ago).astype(np.float64))


def _apply(node, x):
    match node:
        case nir.Linear():
            return node.weight.astype(np.float64) @ x
        case nir.Scale():
            return node.scale * x
        case nir.Flatten():
            last = x.ndim - 1 if node.end_dim == -1 else node.end_dim
            return x.reshape(*x.shape[: node.start_dim], -1, *x.shape[last + 1 :])
        case nir.Conv1d() | nir.Conv2d():
            convolve = torch.nn.functional.conv1d if isinstance(node, nir.Conv1d) else torch.nn.functional.conv2d
            options = {k: np.asarray(getattr(node, k)).reshape(-1).tolist() for k in ("stride", "padding", "dilation")}
            weight, bias = (torch.from_numpy(a.astype(np.float64)) for a in (node.weight, node.bias))
            return convolve(torch.from_numpy(x)[None], weight, bias, groups=int(node.groups), **options)[0].numpy()
    raise AssertionError(type(node))


def step(node, arrived, current, v):
    """Return (current, v) after one Euler step, before any spike."""
    match node:
        case nir.IF() | nir.I():
            return arrived, v + node.r * arrived
        case nir.LIF() | nir.LI():
            return arrived, v + (node.v_leak - v + node.r * arrived) / node.tau
        case nir.CubaLIF() | nir.CubaLI():
            current = current + (node.w_in * arrived - current) / node.tau_syn
            return current, v + (node.v_leak - v + node.r * current) / node.tau_mem
    raise AssertionError(type(node))
