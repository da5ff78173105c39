"""Run a module a few steps under the recorder, in the way in which it reads its input."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import Problem, ProblemsError
from snn2hw.sources.from_norse import cells
from snn2hw.sources.from_norse.neurons import watched
from snn2hw.sources.from_norse.pointwise import POINTWISE
from snn2hw.sources.from_norse.pooling import POOLING
from snn2hw.sources.from_norse.rates import RATES
from snn2hw.sources.from_norse.record import Recorder, Tag, Thread
from snn2hw.sources.from_norse.reshaping import RESHAPING
from snn2hw.sources.from_norse.time_axis import TIME
from snn2hw.sources.from_norse.values import TracedInput
from snn2hw.sources.from_norse.weighted import WEIGHTED

__all__ = ["STEPS", "Layout", "Recording", "layout_of", "record"]

Layout = Literal["step", "time_first", "batch_first", "once"]
"""How a module reads its input: (B, *shape) and a state per call, (T, B, *shape), (B, T, *shape), or without time."""

STEPS = 4
"""Steps that are run: messages of up to three steps before are seen in their steady state."""

BATCH = 2


@dataclass(frozen=True)
class Recording:
    """What a run left: the layers of neurons, what the outputs hold, and what cannot be said."""

    threads: tuple[Thread, ...]
    outputs: tuple[Tag, ...]
    problems: tuple[Problem, ...]


def layout_of(module: torch.nn.Module) -> Layout:
    """Guess how ``module`` reads its input from its layers and its signature."""
    if isinstance(module, torch.jit.ScriptModule):
        return "step"  # it has no signature to look at, and is refused anyway
    if any(cells.in_time(m) for m in module.modules()):
        return "time_first"
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = [p for p in inspect.signature(module.forward).parameters.values() if p.kind in kinds]
    plain = type(module).__module__.startswith("torch.nn") and not any(cells.is_cell(m) for m in module.modules())
    return "step" if len(named) >= 2 or plain else "time_first"


def record(module: torch.nn.Module, input_shape: Sequence[int], layout: Layout, origin: str) -> Recording:
    """Run ``module`` in evaluation mode on zeros; it is left as it was found."""
    shape = tuple(int(n) for n in input_shape)
    rules = {**WEIGHTED, **POOLING, **POINTWISE, **RESHAPING, **TIME, **(RATES if layout == "once" else {})}
    rec = Recorder(module, rules)
    for path, each in module.named_modules():
        if isinstance(each, torch.jit.ScriptModule):
            fix = "give the module as it was before torch.jit"
            rec.problem("is compiled: its operations cannot be watched", fix, f"{path or 'module'} (ScriptModule)")
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), watched(rec):
            outputs = _run(rec, module, shape, layout)
    except Snn2hwError:
        raise
    except Exception as error:
        raise _failed(rec, origin, layout, shape, error) from error
    finally:
        for each, training in modes:
            each.training = training
    return Recording(tuple(rec.threads), outputs, tuple(rec.problems))


def _failed(rec: Recorder, origin: str, layout: Layout, shape: tuple[int, ...], error: Exception) -> Snn2hwError:
    axes = {
        "step": "(B, *shape)",
        "time_first": "(T, B, *shape)",
        "batch_first": "(B, T, *shape)",
        "once": "(B, *shape)",
    }
    what = f"forward stops with {type(error).__name__}: {error}"
    fix = f"it was given {axes[layout]} with shape {shape}; check input_shape, or name another layout"
    problem = Problem(rec.where_failed(error), what, fix)
    if rec.problems:
        return ProblemsError(origin, [*rec.problems, problem])
    return InputError(f"{origin}: {problem.where}: {what}", fix)


def _run(rec: Recorder, module: torch.nn.Module, shape: tuple[int, ...], layout: Layout) -> tuple[Tag, ...]:
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
    steps = 1 if layout == "once" else STEPS
    inputs = tuple(TracedInput(t, shape) for t in range(steps))
    lead = {"time_first": (steps, BATCH), "batch_first": (BATCH, steps)}.get(layout, (BATCH,))
    xs = [torch.zeros(*lead, *shape, dtype=like.dtype, device=like.device) for _ in inputs]
    if layout in ("time_first", "batch_first"):
        rec.attach(xs[0], Tag(inputs, "TB" if layout == "time_first" else "BT"))
        with rec:
            return (_output(rec, module(xs[0])),)
    state: list[Any] = []
    tags = []
    for x, value in zip(xs, inputs, strict=True):
        rec.attach(x, Tag((value,)))
        with rec:
            out = module(x, *state)
        tags.append(_output(rec, out))
        state = list(out[1:]) if isinstance(out, tuple) else []
    return tuple(tags)


def _output(rec: Recorder, out: Any) -> Tag:
    while isinstance(out, tuple | list):
        out = out[0] if isinstance(out, tuple) else out[-1]
    tag = rec.tag(out) if isinstance(out, Tensor) else None
    if tag is None and rec.problems:
        return Tag(())
    if tag is None:
        rec.problem(
            f"the output is a {type(out).__name__} that does not depend on the input",
            "return the output tensor, or (output, state)",
        )
        return Tag(())
    return tag
