"""A Norse module of the user's own in training: how it is called, and what a chip gets of it.

It computes with its own forward and its own surrogate gradient. A plain ``SequentialState`` is computed layer by layer:
a module without state sees all steps of a sample as one batch, so that its normalisation is that of all steps.
"""

from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import numpy as np
import torch
from norse.torch import SequentialState
from torch import Tensor, nn

from sim.errors import InputError
from snn2hw.chips.capacity import synapses
from snn2hw.codec.decode import decode
from snn2hw.network.float_reference import run_network
from snn2hw.network.lowering import network_of
from snn2hw.network.registers import real_machine
from snn2hw.sources.from_norse import read_norse
from snn2hw.sources.from_norse.restore import restored
from snn2hw.sources.from_norse.steps import layouts_to_try
from snn2hw.sources.from_norse.tracing import parameters_of_forward
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.network_recipe import Called
from snn2hw.train.network_size import NetworkSize

__all__ = ["OwnNetwork", "decaying", "on_integers", "outputs_of", "read_own"]

TRIED = 8
"""Samples of drawn numbers on which the module is compared with what was read of it."""

ALIKE = 1e-3
"""How far two answers to one sample may lie apart, over the greatest: float32 beside float64."""

STEPPING = "let its forward take the steps it is fed and return the readout of every step, (steps, samples, classes)"


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """What was read of a module: how it is called, the network, and its size."""

    called: Called
    source: Source
    size: NetworkSize


def outputs_of(module: nn.Module, x: Tensor, steps: int, called: Called) -> Tensor:
    """Return the output (T, b, classes) for ``x`` (T, b, ...), or (1, b, ...) that stays the same at every step."""
    if called == "step":
        plain = type(module) is SequentialState and not module.return_hidden
        return _layer_by_layer(module, x, steps) if plain else _step_by_step(module, x, steps)
    every = x.expand(steps, *x.shape[1:])
    if called == "time_first":
        return _first(module(every))
    return _first(module(every.transpose(0, 1))).transpose(0, 1)


def decaying(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return what torch's layers learn, whose weights decay, and what others do, such as a time constant."""
    of_layers = [
        p for m in module.modules() if type(m).__module__.startswith("torch.nn") for p in m.parameters(recurse=False)
    ]
    known = {id(p) for p in of_layers}
    others = [p for p in module.parameters() if id(p) not in known]
    unique = list({id(p): p for p in of_layers}.values())
    return [{"params": unique, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _layer_by_layer(sequence: SequentialState, x: Tensor, steps: int) -> Tensor:
    for stateful, module in zip(sequence.stateful_layers, sequence, strict=True):
        if stateful:
            x = _step_by_step(module, x, steps)
        elif isinstance(module, nn.Dropout):
            x = x * module(torch.ones_like(x[:1]))  # the same neurons are silent at every step of a sample
        else:
            x = module(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return x.expand(steps, *x.shape[1:])


def _step_by_step(module: nn.Module, x: Tensor, steps: int) -> Tensor:
    """Call a module once per step; what it returns behind its output is its state, as far as its forward takes one."""
    room = parameters_of_forward(module) - 1
    state: tuple[Any, ...] = ()
    values = []
    for t in range(steps):
        out = module(x[0] if len(x) == 1 else x[t], *state)
        state = tuple(out[1 : 1 + room]) if isinstance(out, tuple) else ()
        values.append(_first(out))
    return torch.stack(values)


def _first(out: Any) -> Tensor:
    """Return the first of several outputs, which is the one that `from_norse` reads."""
    while not isinstance(out, Tensor):
        if not isinstance(out, tuple | list | dict) or not out:
            raise InputError(f"the forward returns a {type(out).__name__}", "return the output, or (output, state)")
        out = next(iter(out.values())) if isinstance(out, dict) else out[0]
    return out


def read_own(module: nn.Module, name: str, shape: tuple[int, ...], steps: int, classes: int) -> OwnNetwork:
    """Read a module that ``name`` made, and refuse what cannot be trained or compiled, with the reason.

    Args:
        module: as it comes, also untrained.
        name: ``package.module:function``.
        shape: of one step of one sample.
        steps: of a sample.
        classes: how many answers it has to give.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"{name}: a {type(module).__name__} is no torch.nn.Module", "return the network itself")
    layouts = [each for each in layouts_to_try(module) if each in get_args(Called)]
    reading = read_norse(module, shape, layouts)
    called = cast("Called", reading.layout)
    if reading.decoded:
        fix = f"{STEPPING}; --decoder says how it is decided"
        raise InputError(f"{name}: its forward decides over time itself ({reading.decoded})", fix)
    _refuse_other_answers(module, name, reading.source, called, (*shape, steps, classes))
    populations = real_machine(network_of(reading.source)).populations
    size = NetworkSize(
        neurons=sum(p.size for p in populations),
        synapses=sum(synapses(link.map) for p in populations for link in p.links),
        weights=sum(p.numel() for p in module.parameters()),
    )
    return OwnNetwork(called, reading.source, size)


def _refuse_other_answers(module: nn.Module, name: str, source: Source, called: Called, sizes: tuple[int, ...]) -> None:
    """Refuse a module whose forward, called as in training, answers something else than the network read of it."""
    *shape, steps, classes = sizes
    drawn = np.random.default_rng(0).integers(0, 2, (TRIED, steps, *shape)).astype(np.int64)
    try:
        with restored(module), torch.no_grad():
            module.eval()
            x = torch.from_numpy(drawn).float().transpose(0, 1)
            held = called == "step" and isinstance(module(x[0]), Tensor)
            found, again = (outputs_of(module, x, steps, called).clone() for _ in range(2))
    except InputError as error:
        raise InputError(f"{name}: {error.what}", error.fix) from None
    except Exception as error:  # whatever a forward raises
        what = f"{name}: its forward stops at {steps} steps of {TRIED} samples with {type(error).__name__}: {error}"
        raise InputError(what, STEPPING) from None
    if tuple(found.shape) != (steps, TRIED, classes):
        what = f"{name}: answers {tuple(found.shape)} to {steps} steps of {TRIED} samples"
        raise InputError(f"{what}, not {(steps, TRIED, classes)}", f"{STEPPING}; name `classes` to be told how many")
    if held or not torch.equal(found, again):
        what = f"{name}: its forward remembers earlier calls, or draws: every sample has to start anew"
        raise InputError(
            what, "return (output, state): it is given the state back in the next step, and none in the first"
        )
    if tuple(source.input_shape) == tuple(shape):
        expected = decode(run_network(network_of(source), drawn, record=()).output, "mean").reshape(TRIED, -1)
        here = found.mean(0).double().numpy()
        apart = np.abs(here - expected).max(axis=1) / max(float(np.abs(here).max()), 1e-9)
        if (apart <= ALIKE).sum() * 2 >= TRIED:  # a spike that lies on its threshold may part the others
            return
    noted = f" ({'; '.join(source.notes)})" if source.notes else ""
    what = f"{name}: its forward is not the network that is read of it{noted}"
    raise InputError(what, "leave encoders and what decides to the command: it is fed what the chip is fed")


def on_integers(source: Source, levels: int) -> Source:
    """Return a network that takes integers and computes with them over ``levels``, as it was trained."""
    import nir

    if levels == 1:
        return source
    (start,) = source.graph.inputs
    scale = "levels"
    while scale in source.nodes:
        scale += "_"
    nodes = {**source.nodes, scale: nir.Scale(np.full(source.input_shape, 1.0 / levels))}
    edges = [(scale if a == start else a, b) for a, b in source.graph.edges] + [(start, scale)]
    return replace(source, graph=assemble(nodes, edges, source.origin))
