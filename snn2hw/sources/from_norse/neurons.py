"""Watch the neurons of a running network: which layer was called in which step, with what, and with whose state."""

import sys
from contextlib import AbstractContextManager, ExitStack
from threading import get_ident
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from sim.errors import UnsupportedError
from snn2hw.sources.expression.neurons import RESERVED
from snn2hw.sources.expression.operations import Array, Linear, Shape
from snn2hw.sources.expression.values import Applied, Constant, Neuron, Unreadable, Value, latest
from snn2hw.sources.from_norse import cells
from snn2hw.sources.from_norse.cures import cure_of_module
from snn2hw.sources.from_norse.encoders import ENCODING, encoded
from snn2hw.sources.from_norse.tracer import Call, Tag, Thread, Tracer

__all__ = ["watched"]


def watched(rec: Tracer) -> AbstractContextManager[object]:
    """Watch every module, step function and encoder called in this thread while the context lasts.

    Also those are seen that the root does not know it holds. Nothing is attached to the modules themselves.
    """
    paths = {module: path for path, module in rec.root.named_modules()}
    mine = get_ident()

    def before(module: torch.nn.Module, args: Any) -> None:
        if get_ident() == mine:
            rec.modules.append((paths.get(module, type(module).__name__), module))
            rec.suspended += cells.is_cell(module) or cells.is_foreign(module)

    def after(module: torch.nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        if get_ident() == mine:
            _returned(rec, Call(type(module).__name__, args, kwargs, out))

    stack = ExitStack()
    stack.callback(register_module_forward_pre_hook(before).remove)
    stack.callback(register_module_forward_hook(after, with_kwargs=True).remove)
    stack.callback(_profile_again, sys.getprofile())
    sys.setprofile(_function_watch(rec))
    return stack


def _profile_again(before: Any) -> None:
    """Give the place back to a profiler that ran before: Python's own is started anew, others are functions."""
    sys.setprofile(None)
    if hasattr(before, "enable"):
        before.enable()
    elif before is not None:
        sys.setprofile(before)


def _function_watch(rec: Tracer) -> Any:
    """Return a profiler that sees the calls of Norse's functions: whoever imported one by name calls no module."""
    running: list[tuple[FrameType, dict[str, Any]]] = []

    def watch(frame: FrameType, event: str, result: Any) -> None:
        code = frame.f_code
        if code not in cells.STEP_FUNCTIONS and code not in ENCODING:
            return
        if event == "call" and not rec.suspended:
            rec.suspended += 1
            running.append((frame, dict(frame.f_locals)))
        elif event == "return" and running and running[-1][0] is frame:
            given = running.pop()[1]
            rec.suspended -= 1
            call = Call(code.co_name, tuple(given.values()), {}, result)
            if result is None:
                return
            if code in ENCODING:
                encoded(rec, call, ENCODING[code])
            elif any(rec.tag(t) for t in (call.args[0], *given["state"]) if isinstance(t, Tensor)):
                cell = cells.called_cell(cells.STEP_FUNCTIONS[code], given)
                _called(rec, call, cell, call.args[0], given["state"])

    return watch


def _returned(rec: Tracer, call: Call) -> None:
    """A module returned: if it is Norse's, and no part of another one, what it did has to be said."""
    module = rec.modules[-1][1]
    foreign = cells.is_foreign(module)
    rec.suspended -= foreign or cells.is_cell(module)
    if not rec.suspended and foreign:
        rec.unknown(call, f"{call.name} has no NIR node", cure_of_module(call.name))
    elif not rec.suspended and cells.is_cell(module):
        given = call.bind(input_tensor=None, state=None)
        _called(rec, call, cells.cell_of(module), given["input_tensor"], given["state"])
    rec.modules.pop()


def _called(rec: Tracer, call: Call, cell: cells.NeuronCell, x: Tensor, state: Any) -> None:
    """One call of a layer of neurons: go on with its thread, or begin one."""
    lead = "TB" if isinstance(cell.owner, torch.nn.Module) and cells.in_time(cell.owner) else "B"
    tag = rec.tag(x) or Tag((Constant(_plain(x, lead)),) * (x.shape[0] if lead == "TB" else 1), lead)
    if tag.lead != lead:
        if lead == "TB":
            what, fix = "reads all steps and gets one", f"use {call.name}Cell, or give it (T, B, ...)"
        else:
            fix = f"use norse.torch.SequentialState in a loop over the steps, or norse.torch.Lift({call.name}(...))"
            what = "reads one step and gets all of them"
        rec.unknown(call, f"{call.name} {what}", fix, doubtful=True)
        return
    shape = tuple(call.out[0].shape[len(lead) :])
    thread, step = _thread(rec, call, cell, (x, state), shape, tag)
    if thread is None:
        return
    values = [_through_weights(rec, thread, value) for value in tag.values]
    thread.inputs.extend(values)
    _attach(rec, call, thread, [step + n for n in range(len(values))], lead)


def _plain(x: Tensor, lead: str) -> Any:
    return x[(0,) * len(lead)].detach().cpu().double().numpy()


def _through_weights(rec: Tracer, thread: Thread, value: Value) -> Value:
    if thread.cell.input_weights is None:
        return value
    layer = rec.layer(_weights_alone, thread.cell.input_weights)
    return Applied(layer, value, thread.shape, f"{thread.path}_in")


def _weights_alone(weight: Array) -> Linear:
    return Linear(weight, None)


def _attach(rec: Tracer, call: Call, thread: Thread, steps: list[int], lead: str) -> None:
    """Tag the call's output and its state: whoever reads the state knows whose it is, and of which step."""
    output, state = call.out
    for port, tensor in zip(getattr(state, "_fields", ()), state, strict=False):
        if isinstance(tensor, Tensor) and tensor is not output:
            recorded = tensor.ndim == len(thread.shape) + 2
            held = tuple(Neuron(thread.index, t, thread.shape, port) for t in (steps if recorded else steps[-1:]))
            rec.attach(tensor, Tag(held, "TB" if recorded else "B"))
    rec.attach(output, Tag(tuple(Neuron(thread.index, t, thread.shape) for t in steps), lead))


def _thread(
    rec: Tracer, call: Call, cell: cells.NeuronCell, given: tuple[Tensor, Any], shape: Shape, tag: Tag
) -> tuple[Thread | None, int]:
    """Return the thread that the given state belongs to and the step that begins with this call."""
    state = given[1]
    owners = [] if state is None else [rec.tag(t) for t in state if isinstance(t, Tensor)]
    known = [owner.values[0] for owner in owners if owner is not None]
    if not known:
        begin = tag.values[0] if len(tag.values) > 1 else tag.values[-1]
        if (latest(begin) or 0) > 0:
            fix = "keep the state that it returns and give it back in the next step"
            rec.unknown(call, f"{call.name} starts without its state after the first step", fix)
            return None, 0
        return _begin(rec, call, cell, given, shape), 0
    return _go_on(rec, call, cell, known, len(owners))


def _go_on(
    rec: Tracer, call: Call, cell: cells.NeuronCell, known: list[Value], fields: int
) -> tuple[Thread | None, int]:
    if any(isinstance(v, Unreadable) for v in known):
        rec.opaque(call)
        return None, 0
    states = {(v.index, v.time) if isinstance(v, Neuron) else None for v in known}
    if len(states) != 1 or None in states or len(known) != fields:
        rec.unknown(call, f"the state of {call.name} is changed between two steps", "hand the state on as it is")
        return None, 0
    ((index, time),) = states  # type: ignore[misc]  # None is not among them
    thread = rec.threads[index]
    if not thread.cell.is_called_by(cell):
        rec.unknown(call, f"{call.name} gets the state of {thread.where}", "give every layer its own state")
        return None, 0
    if len(thread.inputs) != time + 1:
        fix = "call it once per step and hand its newest state on"
        rec.unknown(call, f"{call.name} gets a state that is not the one of the step before", fix)
        return None, 0
    return thread, time + 1


def _begin(rec: Tracer, call: Call, cell: cells.NeuronCell, given: tuple[Tensor, Any], shape: Shape) -> Thread | None:
    path = rec.path or call.name
    taken = [*RESERVED, *(t.path for t in rec.threads)]
    name = next(n for n in (path, *(f"{path}_{k}" for k in range(2, len(taken) + 3))) if n not in taken)
    try:
        neurons = cells.parameters(cell, shape, _initial_v(cell.owner, *given))
    except UnsupportedError as error:
        rec.unknown(call, error.what, error.fix)
        return None
    thread = Thread(index=len(rec.threads), path=name, where=rec.where(), cell=cell, shape=shape, neurons=neurons)
    rec.threads.append(thread)
    return thread


def _initial_v(owner: Any, x: Tensor, state: Any) -> Any:
    """Return v before step 0 as the module makes it, or as the caller gave it."""
    if state is None:
        if not hasattr(owner, "state_fallback"):
            return owner.p.v_leak
        made = owner.state_fallback(x)
        return getattr(made, "lif", made).v
    if hasattr(state, "lif"):  # of a cell that rests
        if bool(state.rho.any()):
            raise UnsupportedError("an initial state that rests", "start with rho = 0")
        return _initial_v(owner, x, state.lif)
    others = [getattr(state, name) for name in state._fields if name != "v"]
    if any(bool(t.any()) for t in others if isinstance(t, Tensor)):
        raise UnsupportedError("an initial state with current or spikes", "start with i = 0 and z = 0")
    return state.v
