"""Norse modules, read from the modules themselves: what is computed, not what `norse.torch.to_nir` writes."""

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Literal

from sim.errors import InputError
from snn2hw.problems import Problem, refuse
from snn2hw.sources.semantics import NORSE
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import torch

__all__ = ["from_norse"]

Layout = Literal["auto", "step", "time_first", "batch_first"]


def from_norse(module: "torch.nn.Module", input_shape: Sequence[int], *, layout: Layout = "auto") -> Source:
    """Return the exact meaning of a Norse module, or one report of everything in it that cannot be said.

    The module's own forward is run a few steps on zeros and written down, so any way of threading the state will do:
    loops over time, ``SequentialState``, ``Lift``, ``RecurrentSequential``. Parameters are taken in the dtype in which
    Norse multiplies them.

    Args:
        module: any ``torch.nn.Module``; it is run in evaluation mode and left as it was.
        input_shape: the shape of one step of one sample, without time and batch.
        layout: how the module reads its input. "step": (B, *input_shape) and the state, once per step. "time_first",
            "batch_first": all steps at once, (T, B, *input_shape) or (B, T, *input_shape). "auto": "time_first" if it
            holds layers in time (LIF, LI, IAF, LIFRecurrent, Lift) or its forward takes the input alone, else "step".

    Raises:
        ProblemsError: everything unsupported at once, each with its place and what to write instead.
    """
    import torch

    from snn2hw.sources.from_norse.emit import emit
    from snn2hw.sources.from_norse.run import STEPS, layout_of, record
    from snn2hw.sources.from_norse.step import fold
    from snn2hw.sources.graph import assemble

    if not isinstance(module, torch.nn.Module):
        raise InputError(f"a {type(module).__name__} is no torch.nn.Module", "give the network itself")
    try:
        input_shape = tuple(index(n) for n in input_shape)
    except TypeError:
        fix = "give that of one step of one sample, such as (1, 32, 32)"
        raise InputError(f"input_shape {input_shape!r} is no shape", fix) from None
    origin = f"norse: {type(module).__name__}"
    chosen = layout_of(module) if layout == "auto" else layout
    recording = record(module, input_shape, chosen, origin)
    problems = list(recording.problems)
    if not recording.threads and not problems:
        fix = "use Norse neurons; to turn a network of ReLUs into a spiking one use `snn2hw convert`"
        problems.append(Problem(type(module).__name__, "holds no neuron", fix))
    step, broken = fold(recording.threads, recording.outputs, STEPS, problems)
    refuse(origin, problems + broken)
    assert step is not None
    dt = float(getattr(recording.threads[0].module, "dt"))  # noqa: B009 - not every module has one, every neuron has
    emitted = emit(step, input_shape, dt)
    refuse(origin, emitted.problems)
    notes = [*emitted.notes, *([f"output: {step.decoded}"] if step.decoded else [])]
    graph = assemble(emitted.nodes, emitted.edges, origin)
    return Source(graph=graph, dt=dt, scheme="euler", reset="value", origin=origin, semantics=NORSE, notes=tuple(notes))
