"""Run a module some steps under the tracer, in the way in which it reads its input."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import Problem, ProblemsError
from snn2hw.sources.expression.operations import Shape
from snn2hw.sources.expression.values import HeldInput, InputStep, Value
from snn2hw.sources.from_norse.encoders import RANDOM
from snn2hw.sources.from_norse.heads import Heads, heads_of
from snn2hw.sources.from_norse.host import ON_HOST
from snn2hw.sources.from_norse.linear_maps import LINEAR_MAPS
from snn2hw.sources.from_norse.neurons import watched
from snn2hw.sources.from_norse.pointwise import POINTWISE
from snn2hw.sources.from_norse.pooling import POOLING
from snn2hw.sources.from_norse.rates import RATES
from snn2hw.sources.from_norse.reshaping import RESHAPING
from snn2hw.sources.from_norse.restore import restored
from snn2hw.sources.from_norse.time_axis import TIME
from snn2hw.sources.from_norse.tracer import BATCH, Answers, Tag, Thread, TooFewSteps, Tracer
from snn2hw.sources.from_norse.weighted import WEIGHTED

__all__ = ["CalledAs", "TracedRun", "parameters_of_forward", "trace"]

CalledAs = Literal["step", "time_first", "batch_first", "static", "once"]
"""How a module reads its input: (B, *shape) and a state per call; (T, B, *shape); (B, T, *shape); one image (B, *shape)
that it turns into steps itself; or one without any time."""

AXES: dict[CalledAs, str] = {
    "step": "(B, *shape)",
    "time_first": "(T, B, *shape)",
    "batch_first": "(B, T, *shape)",
    "static": "(B, *shape)",
    "once": "(B, *shape)",
}


@dataclass(frozen=True)
class TracedRun:
    """What a run left: the layers of neurons, what every output holds, and what cannot be read.

    ``reported`` says of each problem whether it counts in any case; the others count if the output needs their values.
    ``doubtful`` says that the module may want its input in another layout. ``branches`` are the places at which the
    forward looks at the numbers of a signal.
    """

    layout: CalledAs
    steps: int
    threads: tuple[Thread, ...]
    heads: tuple[Heads, ...]
    reported: dict[Problem, bool]
    doubtful: bool
    branches: tuple[Problem, ...] = ()


def parameters_of_forward(module: torch.nn.Module) -> int:
    """Return how many arguments ``module`` takes by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in inspect.signature(module.forward).parameters.values())


def trace(
    module: torch.nn.Module, shape: Shape, layout: CalledAs, steps: int, origin: str, answers: Answers = "true"
) -> TracedRun:
    """Run ``module`` in evaluation mode on zeros; it is left as it was found.

    Raises:
        TooFewSteps: the module asks for a step behind the last.
    """
    rules = {**WEIGHTED, **LINEAR_MAPS, **POOLING, **POINTWISE, **RESHAPING, **TIME, **ON_HOST, **RANDOM}
    rec = Tracer(module, rules | (RATES if layout == "once" else {}), answers)
    for path, each in module.named_modules():
        if isinstance(each, torch.jit.ScriptModule):
            fix = "give the module as it was before torch.jit"
            rec.problem("is compiled: its operations cannot be watched", fix, f"{path or 'module'} (ScriptModule)")
    with restored(module):
        module.eval()
        try:
            with torch.no_grad(), watched(rec):
                heads = _run(rec, module, shape, layout, steps)
        except (Snn2hwError, TooFewSteps):
            raise
        except Exception as error:
            raise _failed(rec, origin, layout, shape, error) from error
    return TracedRun(
        layout=layout,
        steps=steps,
        threads=tuple(rec.threads),
        heads=heads,
        reported=dict(rec.reported),
        doubtful=rec.doubtful,
        branches=tuple(rec.branches),
    )


def _failed(rec: Tracer, origin: str, layout: CalledAs, shape: Shape, error: Exception) -> Snn2hwError:
    what = f"forward stops with {type(error).__name__}: {error}"
    fix = f"it was given {AXES[layout]} with shape {shape}; check input_shape, or name another layout"
    problem = Problem(rec.where_failed(error), what, fix)
    if rec.reported:
        return ProblemsError(origin, [*rec.reported, problem])
    return InputError(f"{origin}: {problem.where}: {what}", fix)


def _run(rec: Tracer, module: torch.nn.Module, shape: Shape, layout: CalledAs, steps: int) -> tuple[Heads, ...]:
    """Return the outputs of every call."""
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
    lead = {"time_first": (steps, BATCH), "batch_first": (BATCH, steps)}.get(layout, (BATCH,))
    inputs: tuple[Value, ...] = tuple(InputStep(t, shape) for t in range(steps))
    xs = [torch.zeros(*lead, *shape, dtype=like.dtype, device=like.device) for _ in inputs]
    if layout in ("time_first", "batch_first"):
        return (_called(rec, module, xs[0], Tag(inputs, "TB" if layout == "time_first" else "BT"), []),)
    if layout in ("static", "once"):
        value = HeldInput(shape) if layout == "static" else inputs[0]
        return (_called(rec, module, xs[0], Tag((value,)), []),)
    return _stepwise(rec, module, xs, inputs)


def _stepwise(
    rec: Tracer, module: torch.nn.Module, xs: Sequence[torch.Tensor], inputs: Sequence[Value]
) -> tuple[Heads, ...]:
    """Call a module once per step; what it returns behind its output is the state, as far as its forward takes one."""
    room = parameters_of_forward(module) - 1 if not isinstance(module, torch.jit.ScriptModule) else 0
    state: list[Any] = []
    heads = []
    for x, value in zip(xs, inputs, strict=True):
        rec.attach(x, Tag((value,)))
        with rec:
            out = module(x, *state)
        threaded = room > 0 and isinstance(out, tuple)
        state = list(out[1 : 1 + room]) if threaded else []
        heads.append(heads_of(rec, (out[0], *out[1 + room :]) if threaded and len(out) > 1 else out))
    return tuple(heads)


def _called(rec: Tracer, module: torch.nn.Module, x: torch.Tensor, tag: Tag, state: list[Any]) -> Heads:
    rec.attach(x, tag)
    with rec:
        return heads_of(rec, module(x, *state))
