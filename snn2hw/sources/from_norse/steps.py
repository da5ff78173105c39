"""How many steps to run a module, and in which ways to try to call it."""

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType

import torch

from sim.errors import InputError
from snn2hw.sources.expression.operations import Shape
from snn2hw.sources.expression.values import latest
from snn2hw.sources.from_norse import cells
from snn2hw.sources.from_norse.tracer import TooFewSteps
from snn2hw.sources.from_norse.tracing import CalledAs, TracedRun, parameters_of_forward, trace

__all__ = ["layouts_to_try", "steps_run", "trace_enough"]

STEPS = 4
"""Steps that are run at least: messages of up to three steps before are seen in their steady state."""

LARGEST_CONSTANT = 64
"""A number in a module's own code, up to this one, may be one of steps: the run is longer than it."""

MOST_STEPS = 4096
"""Steps that are tried at the most for a forward that counts them itself."""


def layouts_to_try(module: torch.nn.Module) -> tuple[CalledAs, ...]:
    """Return the ways in which ``module`` may want its input, the likeliest one first."""
    if isinstance(module, torch.jit.ScriptModule):
        return ("step",)  # it has no signature to look at, and is refused anyway
    if any(cells.in_time(m) for m in module.modules()):
        return ("time_first", "batch_first", "static")
    plain = type(module).__module__.startswith("torch.nn") and not any(cells.is_cell(m) for m in module.modules())
    if parameters_of_forward(module) >= 2 or plain:
        return ("step", "time_first", "batch_first", "static")
    return ("time_first", "batch_first", "static", "step")


def trace_enough(
    module: torch.nn.Module, shape: Shape, layout: CalledAs, steps: int | None, origin: str
) -> tuple[TracedRun, bool]:
    """Run ``module`` for as many steps as it takes to see what it does, and say whether it fixes their number itself.

    A forward that counts to a number of its own runs exactly so many steps, which are found by trying.
    """
    if layout == "static":
        run = trace(module, shape, layout, 1, origin)
        return run, True
    count = steps or _enough(module)
    fixed = False
    while True:
        try:
            run = trace(module, shape, layout, count, origin)
            break
        except TooFewSteps as error:
            if steps is not None or count * 2 > MOST_STEPS:
                fix = "give more, or let the forward count the steps of its input"
                raise InputError(f"{origin}: the forward reads {error}", fix) from None
            count, fixed = count * 2, True
    ran = steps_run(run)
    if steps is None and layout != "step" and 1 < ran < count:
        again = trace(module, shape, layout, ran, origin)
        if steps_run(again) == ran:
            return again, True
    return run, fixed


def steps_run(run: TracedRun) -> int:
    """Return how many steps all layers ran, from the first on without a gap; 0 where they differ."""
    counts = {len(thread.inputs) for thread in run.threads}
    if len(counts) != 1:
        return 0
    gaps = any(latest(v) not in (t, None) for thread in run.threads for t, v in enumerate(thread.inputs))
    return 0 if gaps else counts.pop()


def _enough(module: torch.nn.Module) -> int:
    """Return a number of steps above every small number in the module's own code and attributes.

    What only begins after some steps, such as a readout over the last ten, is seen that way.
    """
    found = [STEPS]
    for each in module.modules():
        own = [kind for kind in type(each).__mro__ if kind.__module__.partition(".")[0] not in ("torch", "norse")]
        if own[:-1]:
            found += [n + 2 for n in vars(each).values() if isinstance(n, int) and STEPS < n <= LARGEST_CONSTANT]
        for kind in own:
            functions = [f for name, f in vars(kind).items() if isinstance(f, FunctionType) and name != "__init__"]
            found += [n + 2 for function in functions for n in _constants(inspect.unwrap(function).__code__)]
    return max(found)


def _constants(code: CodeType) -> Iterator[int]:
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _constants(value)
        elif isinstance(value, int) and STEPS < abs(value) <= LARGEST_CONSTANT:
            yield abs(value)
